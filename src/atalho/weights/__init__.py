"""Weights: files, the layouts that libraries give them, and networks with their classes and preprocessing."""
