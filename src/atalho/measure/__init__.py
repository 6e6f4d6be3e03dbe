"""Measures: accuracy, latency, memory; each yields records."""
