"""Chooses a network under limits, from records alone, and finds what relaxing a limit would gain."""
