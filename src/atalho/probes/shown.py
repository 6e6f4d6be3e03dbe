"""The images of a split that a network is run on for a measure: the same ones for every network, seed and moment."""

import torch

from atalho.data.batches import Preprocessing, preprocess
from atalho.data.dataset import Dataset, Images, spaced
from atalho.probes.passes import Batch


def spread(split: Images, count: int) -> Images:
    """`count` evenly spaced images of the split, or all of them where it has fewer."""
    return split.select(spaced(len(split.labels), count))


def prepared(split: Images, preprocessing: Preprocessing, device: torch.device) -> Batch:
    """All images of a split, preprocessed for a network, with their labels."""
    images, labels = next(split.batches(len(split.labels)))
    inputs = preprocess(images.to(device), preprocessing.to(device))
    return Batch(inputs, labels.to(device))


def training_batch(
    data: Dataset, count: int, preprocessing: Preprocessing, device: torch.device
) -> Batch:
    """At most `count` evenly spaced training images, preprocessed and not augmented."""
    return prepared(spread(data.splits["train"], count), preprocessing, device)
