"""The images of a split that a measure shows to a network: the same ones for every network, seed and moment."""

import torch

from atalho.data.batches import Preprocessing, preprocess
from atalho.data.dataset import Dataset, Images, spaced
from atalho.probes.passes import Batch


def spread(split: Images, count: int) -> Images:
    """`count` images at equal distances in the split; all, where it has no more."""
    return split.select(spaced(len(split.labels), count))


def prepared(split: Images, preprocessing: Preprocessing, device: torch.device) -> Batch:
    """All images of a split as a network takes them."""
    images, labels = next(split.batches(len(split.labels)))
    shown = preprocess(images.to(device), preprocessing.to(device))
    return Batch(shown, labels.to(device))


def training_batch(
    data: Dataset, count: int, preprocessing: Preprocessing, device: torch.device
) -> Batch:
    """At most `count` training images from all over the split, not augmented."""
    return prepared(spread(data.splits["train"], count), preprocessing, device)
