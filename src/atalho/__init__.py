"""atalho builds the classic convolutional networks as their papers print them, and compares them on your machine."""

__version__ = "0.1.0"
