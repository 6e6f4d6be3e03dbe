"""Made-up features of images that are easy or hard to tell apart."""

import numpy as np

from atalho.features.embedding import Embedding


def embedding(
    counts: tuple[int, ...] = (40, 30, 20),
    *,
    features: int = 50,
    spread: float = 1.0,
    seed: int = 0,
) -> Embedding:
    """Clouds of points around a centre for each class; less spread, easier to tell apart."""
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    centres = generator.normal(size=(len(counts), features))
    points = centres[labels] + spread * generator.normal(size=(len(labels), features)) + 3
    keys = tuple(generator.bytes(32) for _ in labels)
    return Embedding(points.astype(np.float32), labels, np.arange(len(labels)), keys)
