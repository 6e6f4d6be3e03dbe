"""Networks of a few thousand weights and noise to show them, for checks by brute force."""

from dataclasses import replace

import torch

from atalho.grammar.layers import BatchNorm, Join, Layer
from atalho.grammar.module import Model, build
from atalho.grammar.network import Network, Row
from atalho.networks import resnet
from atalho.probes.passes import Batch


def without_norm(layer: Layer) -> Layer:
    """The same tree without batch normalisation."""
    if not isinstance(layer, Join):
        return layer
    kept = {name: without_norm(part) for name, part in layer if not isinstance(part, BatchNorm)}
    return type(layer)(**kept)


def blocks(option: resnet.Option | None, count: int) -> Network:
    """He's CIFAR network cut down to a stem, `count` blocks (the last with stride 2 and 32 filters) and a classifier."""
    whole = resnet.cifar("tiny", 32, option, input=(3, 8, 8), num_classes=5)
    rows: dict[str, Row] = {row.name: row for row in whole.rows}
    body = [rows[f"conv2_{index}"] for index in range(1, count)]
    return replace(
        whole,
        rows=(rows["conv1"], *body, rows["conv3_1"], rows["avgpool"], rows["fc"]),
        name="tiny",
    )


def made(network: Network, seed: int = 0) -> Model:
    """The module in float64."""
    return build(network, seed=seed).double()


def noise(count: int, network: Network, dtype: torch.dtype = torch.float64) -> Batch:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(count, *network.input, generator=generator, dtype=dtype)
    labels = torch.randint(network.num_classes, (count,), generator=generator)
    return Batch(images, labels)


MODULES = """
import os, time
import torch
from torch import nn

class Sleeper(nn.Module):
    '''Takes 20 ms an image.'''

    def __init__(self, num_classes):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(num_classes))

    def forward(self, x):
        time.sleep(0.02 * len(x))
        return x.mean((1, 2, 3))[:, None] * self.scale

class Mortal(Sleeper):
    '''Is killed by four images.'''

    def forward(self, x):
        if len(x) == 4:
            os.kill(os.getpid(), 9)
        return super().forward(x)

def sleeper(num_classes=3):
    return Sleeper(num_classes)

def mortal(num_classes=3):
    return Mortal(num_classes)
"""
"""The text of a Python file with networks for processes of their own: one that sleeps, and one that four images kill."""
