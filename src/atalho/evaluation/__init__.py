"""Runs trained networks on images: accuracy on a data set or a folder, and labels for single pictures."""
