"""How several processes share the images of a split: each classifies equally many, and every image counts once."""

from collections.abc import Iterable, Iterator

import torch

from atalho.data.dataset import Images
from atalho.evaluation.accuracy import Classified
from atalho.runtime.world import World


def part(split: Images, world: World) -> Images:
    """The images that this process classifies: every `size`-th, from its rank on.

    Where the processes do not divide the images, the last image stands in for those that some processes lack. So all have
    equally many batches, and can meet after each.
    """
    images = len(split.labels)
    if world.size == 1 or not images:
        return split
    each = -(-images // world.size)
    return split.select(
        torch.arange(world.rank, each * world.size, world.size).clamp(max=images - 1)
    )


def counted(batches: Iterable[Classified], images: int, world: World) -> Iterator[Classified]:
    """The batches of a process's `part` without the image that stands in; a batch may then be empty.

    Args:
        images: of all processes together.
    """
    left = len(range(world.rank, images, world.size))
    for logits, truth in batches:
        yield logits[:left], truth[:left]
        left = max(0, left - len(truth))
