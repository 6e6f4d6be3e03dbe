"""Shapes and sizes in words."""

from collections.abc import Iterable


def times(sizes: Iterable[int]) -> str:
    """Returns sizes as in `64×56×56`."""
    return "×".join(map(str, sizes))
