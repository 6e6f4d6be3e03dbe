"""Networks compared on data and a machine: records in a folder that a second call goes on with."""

DEMONSTRATION = ("plain20", "resnet20", "plain56", "resnet56", "googlenet.small")
"""The networks that are compared where none is named: plain and residual ones of 20 and 56 layers, and a small GoogLeNet."""
