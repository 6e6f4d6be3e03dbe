"""ImageNet (ILSVRC 2012), as far as published weights need it: its 1,000 classes and the statistics of its pixels."""

from functools import cache
from importlib.resources import files

from atalho.data.dataset import DataIdentity

IDENTITY = DataIdentity("imagenet", None)

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of each colour of the pixels in [0, 1], as torchvision and timm have them."""


@cache
def classes() -> dict[str, str]:
    """The classes in the order of every network's logits: WordNet's number of each class (`n01440764`) with its name (`tench`)."""
    lines = files("atalho.data").joinpath("imagenet.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ", 1) for line in lines)
