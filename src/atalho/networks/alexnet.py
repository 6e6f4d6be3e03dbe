"""Krizhevsky et al. 2012, ImageNet classification with deep convolutional neural networks: AlexNet.

§3.5 and Fig. 2: five convolutions, the second, fourth and fifth in two groups (one on each of two GPUs), and three fully
connected layers. The paper prints an input of 224 and a first map of 55: this requires two pixels of padding.
"""

from collections.abc import Callable
from functools import partial

from atalho.grammar.layers import (
    AdaptiveAvgPool,
    Chain,
    Conv,
    Dropout,
    Flatten,
    Linear,
    LocalResponseNorm,
    MaxPool,
    ReLU,
)
from atalho.grammar.network import Gaussian, Network, Printed, Row, Source, Units
from atalho.grammar.shape import Shape

SOURCE = Source(
    "Krizhevsky et al.",
    "ImageNet classification with deep convolutional neural networks",
    2012,
    "",
    "NIPS 25, §3.5 and Fig. 2",
)
SOURCE_2014 = Source(
    "Krizhevsky",
    "One weird trick for parallelizing convolutional neural networks",
    2014,
    "1404.5997",
    "as torchvision builds it",
)


def _conv(conv: Conv) -> Chain:
    return Chain(conv=conv, relu=ReLU())


def alexnet(name: str, *, input: Shape = (3, 224, 224), num_classes: int = 1000) -> Network:
    """AlexNet as its paper has it, with grouped convolutions and local response normalisation."""
    rows = (
        Row("conv1", "convolution", _conv(Conv(96, 11, 4, padding=2))),
        Row("norm1", "response norm", LocalResponseNorm()),
        Row("pool1", "max pool", MaxPool(3, 2)),
        Row("conv2", "convolution", _conv(Conv(256, 5, groups=2))),
        Row("norm2", "response norm", LocalResponseNorm()),
        Row("pool2", "max pool", MaxPool(3, 2)),
        Row("conv3", "convolution", _conv(Conv(384, 3))),
        Row("conv4", "convolution", _conv(Conv(384, 3, groups=2))),
        Row("conv5", "convolution", _conv(Conv(256, 3, groups=2))),
        Row("pool5", "max pool", MaxPool(3, 2)),
        Row(
            "fc6",
            "linear",
            Chain(flatten=Flatten(), linear=Linear(4096), relu=ReLU(), dropout=Dropout(0.5)),
        ),
        Row("fc7", "linear", Chain(linear=Linear(4096), relu=ReLU(), dropout=Dropout(0.5))),
        Row("fc8", "linear", Linear(num_classes)),
    )
    return Network(
        name,
        SOURCE,
        rows,
        input,
        num_classes,
        printed=Printed(params=60, depth=8),
        units=Units(params=10**6, params_name="M"),
        # §5: Gaussian of 0.01; biases of one where ReLU follows and inputs are not negative.
        initialisation=Gaussian(0.01, ("conv2", "conv4", "conv5", "fc6", "fc7")),
    )


def one_tower(name: str, *, input: Shape = (3, 224, 224), num_classes: int = 1000) -> Network:
    """The network of 2014 for one GPU, ungrouped and without response normalisation, as torchvision builds it."""
    rows = (
        Row("conv1", "convolution", _conv(Conv(64, 11, 4, padding=2))),
        Row("pool1", "max pool", MaxPool(3, 2)),
        Row("conv2", "convolution", _conv(Conv(192, 5))),
        Row("pool2", "max pool", MaxPool(3, 2)),
        Row("conv3", "convolution", _conv(Conv(384, 3))),
        Row("conv4", "convolution", _conv(Conv(256, 3))),
        Row("conv5", "convolution", _conv(Conv(256, 3))),
        Row("pool5", "max pool", MaxPool(3, 2)),
        Row("avgpool", "average pool", AdaptiveAvgPool(6)),
        Row(
            "fc6",
            "linear",
            Chain(flatten=Flatten(), dropout=Dropout(0.5), linear=Linear(4096), relu=ReLU()),
        ),
        Row("fc7", "linear", Chain(dropout=Dropout(0.5), linear=Linear(4096), relu=ReLU())),
        Row("fc8", "linear", Linear(num_classes)),
    )
    return Network(
        name,
        SOURCE_2014,
        rows,
        input,
        num_classes,
        "one tower without groups or response normalisation, dropout before fc6 and fc7, a 6×6 average pool: torchvision's",
        Printed(depth=8),
    )


NETWORKS: dict[str, Callable[..., Network]] = {
    "alexnet": partial(alexnet, "alexnet"),
    "alexnet.owt": partial(one_tower, "alexnet.owt"),
}
