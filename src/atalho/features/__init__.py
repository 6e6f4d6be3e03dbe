"""Frozen networks' features, linear classifiers on them, and their cross-validation."""
