"""Small folders of made-up pictures."""

from pathlib import Path

import numpy as np
from PIL import Image

from atalho import networks
from atalho.data.batches import Preprocessing
from atalho.data.image import Framing
from atalho.networks import subjects
from atalho.weights import trained
from atalho.weights.config import numbered
from atalho.weights.trained import Trained

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


TINTED = {"a": 12, "b": 12, "c": 6}
COLOURS = {"a": (200, 60, 60), "b": (60, 200, 60), "c": (60, 60, 200)}


def tinted(root: Path) -> Path:
    """A folder of photos whose classes have a colour each, hard to see in some."""
    for label, (name, count) in enumerate(TINTED.items()):
        for number in range(count):
            noise = picture(100 * label + number)
            colour = Image.new("RGB", noise.size, COLOURS[name])
            save(root / name / f"{number:02}.png", Image.blend(noise, colour, 0.3 + 0.02 * number))
    return root


def untrained(folder: Path, name: str, seed: int) -> str:
    """A network that has learned nothing, for small pictures of five classes, in a folder."""
    network = networks.get(name, input=SMALL.input, num_classes=5)
    model = subjects.build(network, seed=seed).eval()
    preprocessing = Preprocessing.per_channel([0.5] * 3, [0.25] * 3)
    own = Trained(network, model, SMALL, preprocessing, numbered(5), "")
    folder.mkdir()
    trained.write(folder, model.state_dict(), own.config)
    return str(folder)
