"""The live set against torch's own: tensors that are alive while the traced module runs."""

from collections.abc import Callable
from itertools import pairwise
from math import prod
from typing import Any

import pytest
import torch
from torch import Tensor, fx, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from atalho import networks
from atalho.grammar.layers import (
    Add,
    BatchNorm,
    Chain,
    Concat,
    Conv,
    Dropout,
    Flatten,
    Identity,
    Layer,
    Linear,
    LocalResponseNorm,
    MaxPool,
    PadShortcut,
    PReLU,
    ReLU,
)
from atalho.grammar.module import Model, module
from atalho.grammar.network import Network, Row, classifier
from atalho.grammar.peak import Dtype, live, peak, schedule
from atalho.grammar.peak import Tensor as Written
from atalho.grammar.shape import Shape
from atalho.networks import CATALOGUE


class Live(TorchDispatchMode):
    """Follows the storages of every tensor that an operation makes, and the most bytes alive after one."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.weights = {each.untyped_storage()._cdata for each in model.state_dict().values()}
        self.storages: dict[int, tuple[StorageWeakRef, int]] = {}
        self.peak = 0

    def __torch_dispatch__(
        self, operation: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        answer = operation(*args, **(kwargs or {}))
        for tensor in tree_leaves(answer):
            # Max pooling's indices (int64) are its own affair.
            if isinstance(tensor, Tensor) and tensor.is_floating_point():
                storage = tensor.untyped_storage()
                if storage._cdata not in self.weights:
                    self.storages[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
        self.storages = {
            key: (reference, size)
            for key, (reference, size) in self.storages.items()
            if not reference.expired()
        }
        self.peak = max(self.peak, sum(size for _, size in self.storages.values()))
        return answer


def _measured(model: nn.Module, input: Shape) -> int:
    """Elements alive at the most, where nothing is held longer than its last reader needs it.

    torch.fx writes the module as a list of calls and drops every tensor after its last use; a call made here stands for
    the image, lest a caller's frame hold it.
    """
    traced = fx.symbolic_trace(model.eval())
    for part in traced.modules():
        for name, child in part.named_children():
            if isinstance(child, nn.LocalResponseNorm):
                setattr(part, name, nn.ReLU())  # torch makes it of many operations
    (image,) = (node for node in traced.graph.nodes if node.op == "placeholder")
    with traced.graph.inserting_before(image):
        made = traced.graph.call_function(torch.empty, ((1, *input),), {"device": "meta"})
    image.replace_all_uses_with(made)
    traced.graph.erase_node(image)
    traced.recompile()
    with torch.inference_mode(), Live(traced) as storages:
        traced()
    return storages.peak // torch.float32.itemsize


@pytest.mark.parametrize(
    "name",
    [
        *("alexnet", "vgg16", "nin.bn", "googlenet", "googlenet.naive", "googlenet.small"),
        *("inception_v3", "inception_v4", "resnet18", "resnet50", "resnet50.c", "resnet152.v1_5"),
        *("resnet20", "plain20", "enet"),
    ],
)
def test_torch_holds_as_much(name: str) -> None:
    network = networks.get(name)
    with torch.device("meta"):
        model = Model(network)
    assert peak(network).elements == _measured(model, network.input)


_DEEP = Chain(a=Conv(8), relu=ReLU(), b=Conv(2))


@pytest.mark.parametrize(
    "layer",
    [
        Chain(a=Conv(4), bn=BatchNorm(), relu=ReLU(), pool=MaxPool(2, 2), b=Conv(2)),
        # The input outlives every branch but the last; a branch's result lives until the join.
        Concat(first=_DEEP, second=_DEEP, third=Conv(1)),
        Concat(small=Conv(1), large=_DEEP),
        Concat(large=_DEEP, small=Conv(1)),
        Concat(a=Identity(), b=_DEEP),
        Add(residual=Chain(a=Conv(16), b=Conv(2)), shortcut=Identity()),
        Add(shortcut=Identity(), residual=Chain(a=Conv(16), b=Conv(2))),
        Add(a=Conv(2), b=Conv(2), c=Conv(2), d=Conv(2)),
        Chain(twice=Add(a=Identity(), b=Identity()), relu=ReLU(), after=Conv(7)),
        Add(a=Chain(conv=Conv(4, 3, 2), prelu=PReLU()), b=PadShortcut(4, 2)),
        Chain(outer=Add(a=Concat(a=ReLU(), b=_DEEP), b=Conv(4)), after=Conv(1)),
        Chain(drop=Dropout(0.5), flatten=Flatten(), linear=Linear(300)),
        Chain(conv=Conv(5), norm=LocalResponseNorm(), itself=Identity()),
    ],
)  # fmt: skip
def test_torch_holds_as_much_of_every_join(layer: Layer) -> None:
    shape: Shape = (2, 6, 6)
    tensors = [Written(prod(shape), ())]
    schedule(layer, shape, 0, tensors)
    with torch.device("meta"):
        model = module(layer, shape)
    assert max(live(tensors)) == _measured(model, shape)


def test_a_live_set_by_hand() -> None:
    """Image, two branches of it and their join: 10; 10 + 4; 10 + 4 + 6; 4 + 6 + 10; then 10 + 1."""
    tensors = [
        Written(10, ()),
        Written(4, (0,)),
        Written(6, (0,)),
        Written(10, (1, 2)),
        Written(1, (3,)),
    ]
    assert live(tensors) == [10, 14, 20, 20, 11]


def test_the_image_is_alive_while_it_is_read() -> None:
    rows = (Row("pool", "max pool", MaxPool(8, 8)), Row("fc", "linear", classifier(5)))
    network = Network("tiny", networks.get("alexnet").source, rows, (3, 32, 32), 5)
    assert peak(network) == (3 * 32 * 32 + 3 * 4 * 4, "pool")


def test_the_peak_names_its_row() -> None:
    """ResNet-50: the first sum holds the residual branch, the projection and what it makes of them, 256×56×56 each."""
    assert peak(networks.get("resnet50")) == (3 * 256 * 56 * 56, "conv2_1")


@pytest.mark.parametrize("name", CATALOGUE)
def test_what_a_row_reads_and_writes_is_alive_together(name: str) -> None:
    """For every network a bound from below, by its own row's input and output alone."""
    network = networks.get(name).without_auxiliary()
    sizes = [*map(prod, network.shapes), network.num_classes]
    assert peak(network).elements >= max(map(sum, pairwise(sizes)))


@pytest.mark.parametrize("dtype", Dtype)
def test_bytes_are_torchs(dtype: Dtype) -> None:
    name = "bfloat16" if dtype is Dtype.BF16 else dtype.value
    assert dtype.bytes == getattr(torch, name).itemsize
