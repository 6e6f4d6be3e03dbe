"""Compares networks on data and a machine; the records are kept in a folder, where a second call measures what is missing."""

FOR_PHOTOS = ("resnet18.b", "resnet50.v1_5")
"""The networks that are compared on photos where none is named: a small one and a usual one with published weights."""

DEMONSTRATION = ("plain20", "resnet20", "plain56", "resnet56", "googlenet.small")
"""The networks that are compared by default: plain and residual ones of 20 and 56 layers, and a small GoogLeNet."""
