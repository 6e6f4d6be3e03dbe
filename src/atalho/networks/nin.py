"""Lin et al. 2013, arXiv:1312.4400: Network in Network, the authors' network for ImageNet.

The paper gives the idea: an *mlpconv* layer is a convolution followed by two 1×1 convolutions (its *cascaded cross channel
parametric pooling*, §3.1), ReLU after each, the last included (eq. 2), and the classifier is the global average of one map a
class (§3.2). It prints no ImageNet network, no number of filters and no initialisation. The table here is the authors' own
for ImageNet, from their entry in the Caffe model zoo (`nin_imagenet`): four mlpconv layers, pooling that reaches over
the edge as in Caffe, dropout before the last layer alone. They publish its size, 29 MB, and 59.36 % top-1.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from atalho.grammar.layers import (
    AdaptiveAvgPool,
    Chain,
    Conv,
    Dropout,
    Flatten,
    MaxPool,
    ReLU,
    batch_normalised,
)
from atalho.grammar.network import Network, Printed, Row, Source
from atalho.grammar.shape import Shape

SOURCE = Source(
    "Lin et al.", "Network in network", 2013, "1312.4400", "§3 and the authors' nin_imagenet"
)


def mlpconv(conv: Conv, first: int, second: int) -> Chain:
    """A convolution and two 1×1 convolutions of `first` and `second` filters."""
    return Chain(
        conv=conv, relu=ReLU(), cccp1=Conv(first), relu1=ReLU(), cccp2=Conv(second), relu2=ReLU()
    )


def nin(name: str, *, input: Shape = (3, 224, 224), num_classes: int = 1000) -> Network:
    """Four mlpconv layers; the last has a map for every class."""
    rows = (
        Row("mlpconv1", "mlpconv", mlpconv(Conv(96, 11, 4, padding=0), 96, 96)),
        Row("pool1", "max pool", MaxPool(3, 2, ceil=True)),
        Row("mlpconv2", "mlpconv", mlpconv(Conv(256, 5), 256, 256)),
        Row("pool2", "max pool", MaxPool(3, 2, ceil=True)),
        Row("mlpconv3", "mlpconv", mlpconv(Conv(384, 3), 384, 384)),
        Row("pool3", "max pool", MaxPool(3, 2, ceil=True)),
        Row("dropout", "dropout (50%)", Dropout(0.5)),
        Row("mlpconv4", "mlpconv", mlpconv(Conv(1024, 3), 1024, num_classes)),
        Row("avgpool", "average pool", Chain(pool=AdaptiveAvgPool(), flatten=Flatten())),
    )
    return Network(name, SOURCE, rows, input, num_classes, printed=Printed(depth=12))


def normalised(name: str, *, input: Shape = (3, 224, 224), num_classes: int = 1000) -> Network:
    """`nin` with batch normalisation."""
    network = nin(name, input=input, num_classes=num_classes)
    return replace(
        network.with_layers(batch_normalised),
        changes="batch normalisation after every convolution, in place of its biases",
    )


NETWORKS: dict[str, Callable[..., Network]] = {
    "nin": partial(nin, "nin"),
    "nin.bn": partial(normalised, "nin.bn"),
}
