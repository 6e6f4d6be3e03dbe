"""The 1,000 classes of ImageNet (ILSVRC 2012) in the order of every network's logits."""

from functools import cache
from importlib.resources import files


@cache
def classes() -> dict[str, str]:
    """WordNet's number of each class (`n01440764`) with its name (`tench`)."""
    lines = files("atalho.data").joinpath("imagenet.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ", 1) for line in lines)
