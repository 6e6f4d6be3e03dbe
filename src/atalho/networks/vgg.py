"""Simonyan & Zisserman 2014, arXiv:1409.1556: VGG, Table 1 (configurations D and E) and Table 2 (parameters).

3×3 convolutions throughout, in five stages that end in max pooling, then three fully connected layers with 50 % dropout
on the first two. Initialisation is Glorot's, which the authors recommend after submission (§3.1) over starting from a
shallower trained network.
"""

from collections.abc import Callable
from functools import partial

from atalho.layers import Chain, Conv, Dropout, Flatten, Linear, MaxPool, ReLU
from atalho.network import Glorot, Network, Printed, Row, Source, Units
from atalho.shape import Shape

SOURCE = Source(
    "Simonyan & Zisserman",
    "Very deep convolutional networks for large-scale image recognition",
    2014,
    "1409.1556",
    "Table 1",
)
WIDTHS = (64, 128, 256, 512, 512)
#    convolutions by stage | printed: parameters in millions (Table 2)
CONFIGURATIONS = {
    16: ((2, 2, 3, 3, 3), 138),
    19: ((2, 2, 4, 4, 4), 144),
}


def vgg(name: str, depth: int, *, input: Shape = (3, 224, 224), num_classes: int = 1000) -> Network:
    """A configuration of Table 1, named by its depth."""
    counts, mparams = CONFIGURATIONS[depth]
    rows = []
    for stage, (count, width) in enumerate(zip(counts, WIDTHS, strict=True), start=1):
        for index in range(1, count + 1):
            layer = Chain(conv=Conv(width, 3), relu=ReLU())
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
        printed=Printed(params=mparams, depth=depth),
        units=Units(params=10**6, params_name="M"),
        initialisation=Glorot(),
    )


NETWORKS: dict[str, Callable[..., Network]] = {
    f"vgg{depth}": partial(vgg, f"vgg{depth}", depth) for depth in CONFIGURATIONS
}
