"""Simonyan & Zisserman 2014, arXiv:1409.1556: VGG, Table 1 (configurations A to E) and Table 2 (parameters).

3×3 convolutions throughout, in five stages that end in max pooling, then three fully connected layers with 50 % dropout
on the first two. Initialisation is Glorot's, which the authors recommend after submission (§3.1) over starting from a
shallower trained network. A-LRN, which has A's numbers and one response normalisation that did not help, is left out.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from atalho.grammar.layers import (
    Chain,
    Conv,
    Dropout,
    Flatten,
    Linear,
    MaxPool,
    ReLU,
    batch_normalised,
)
from atalho.grammar.network import Glorot, Network, Printed, Row, Source, Units
from atalho.grammar.shape import Shape

SOURCE = Source(
    "Simonyan & Zisserman",
    "Very deep convolutional networks for large-scale image recognition",
    2014,
    "1409.1556",
    "Table 1",
)
WIDTHS = (64, 128, 256, 512, 512)
#    kernels of the convolutions by stage | printed: parameters in millions (Table 2)
CONFIGURATIONS = {
    "A": (((3,), (3,), (3, 3), (3, 3), (3, 3)), 133),
    "B": (((3, 3), (3, 3), (3, 3), (3, 3), (3, 3)), 133),
    "C": (((3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 1)), 134),
    "D": (((3, 3), (3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3)), 138),
    "E": (((3, 3), (3, 3), (3, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3)), 144),
}
NAMES = {"vgg11": "A", "vgg13": "B", "vgg16": "D", "vgg19": "E"}


def vgg(
    name: str,
    configuration: str,
    *,
    changes: str = "",
    input: Shape = (3, 224, 224),
    num_classes: int = 1000,
) -> Network:
    """A configuration of Table 1."""
    stages, mparams = CONFIGURATIONS[configuration]
    rows = []
    for stage, (kernels, width) in enumerate(zip(stages, WIDTHS, strict=True), start=1):
        for index, kernel in enumerate(kernels, start=1):
            layer = Chain(conv=Conv(width, kernel), relu=ReLU())
            rows.append(Row(f"conv{stage}_{index}", "convolution", layer))
        rows.append(Row(f"pool{stage}", "max pool", MaxPool(2, 2)))
    hidden = {"linear": Linear(4096), "relu": ReLU(), "dropout": Dropout(0.5)}
    rows += [
        Row("fc6", "linear", Chain(flatten=Flatten(), **hidden)),
        Row("fc7", "linear", Chain(**hidden)),
        Row("fc8", "linear", Linear(num_classes)),
    ]
    return Network(
        name,
        SOURCE,
        tuple(rows),
        input,
        num_classes,
        changes,
        Printed(params=mparams, depth=sum(map(len, stages)) + 3),
        Units(params=10**6, params_name="M"),
        initialisation=Glorot(),
    )


def normalised(
    name: str, configuration: str, *, input: Shape = (3, 224, 224), num_classes: int = 1000
) -> Network:
    """A configuration of Table 1 with batch normalisation, as torchvision has it."""
    network = vgg(name, configuration, input=input, num_classes=num_classes)
    return replace(
        network.with_layers(partial(batch_normalised, bias=True)),
        changes="batch normalisation after every convolution, as in torchvision",
        printed=Printed(depth=network.printed.depth),
    )


NETWORKS: dict[str, Callable[..., Network]] = {
    **{name: partial(vgg, name, configuration) for name, configuration in NAMES.items()},
    "vgg16.c": partial(
        vgg,
        "vgg16.c",
        "C",
        changes="configuration C: 1×1 for the third convolution of stages 3, 4 and 5",
    ),
    **{
        f"{name}.bn": partial(normalised, f"{name}.bn", configuration)
        for name, configuration in NAMES.items()
    },
}
