"""Compares networks on data and a machine; the records are kept in a folder, where a second call measures what is missing."""

DEMONSTRATION = ("plain20", "resnet20", "plain56", "resnet56", "googlenet.small")
"""The networks that are compared by default: plain and residual ones of 20 and 56 layers, and a small GoogLeNet."""
