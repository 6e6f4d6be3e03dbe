"""Small folders of made-up pictures."""

from pathlib import Path

import numpy as np
from PIL import Image

from atalho.data.image import Framing

SMALL = Framing((3, 24, 24))


def picture(seed: int, size: tuple[int, int] = (40, 32)) -> Image.Image:
    """Smooth random colours; each seed another."""
    rough = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), np.uint8)
    return Image.fromarray(rough).resize(size, Image.Resampling.BICUBIC)


def save(path: Path, made: Image.Image, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save(path, **options)
    return path


def fill(root: Path, counts: dict[str, int], begin: int = 0) -> Path:
    """A folder with so many different pictures of each class."""
    for name, count in counts.items():
        for number in range(count):
            save(root / name / f"{number:02}.png", picture(begin + number))
        (root / name).mkdir(parents=True, exist_ok=True)
        begin += count
    return root
