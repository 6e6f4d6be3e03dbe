"""The grammar itself: paths into a tree, and trees made from trees."""

import pytest

from atalho.grammar.layers import (
    BatchNorm,
    Chain,
    Concat,
    Conv,
    Flatten,
    Linear,
    MaxPool,
    ReLU,
    Tap,
    batch_normalised,
    walk,
)

TREE = Chain(
    branches=Concat(
        one=Chain(conv=Conv(4), relu=ReLU()),
        two=Chain(reduce=Conv(2), relu_reduce=ReLU(), conv=Conv(4, 3), relu=ReLU()),
    ),
    head=Tap(flatten=Flatten(), linear=Linear(3)),
    pool=MaxPool(2, 2),
)


def test_walk_names_every_leaf_in_order() -> None:
    assert [path for path, _ in walk(TREE)] == [
        "branches.one.conv",
        "branches.one.relu",
        "branches.two.reduce",
        "branches.two.relu_reduce",
        "branches.two.conv",
        "branches.two.relu",
        "head.flatten",
        "head.linear",
        "pool",
    ]
    assert list(walk(ReLU(), "relu1")) == [("relu1", ReLU())]


def test_paths_lead_to_layers() -> None:
    assert all(TREE[path] is layer for path, layer in walk(TREE))
    assert TREE["branches.two"]["conv"] == Conv(4, 3)
    for path in ("none", "pool.conv", "branches.three"):
        with pytest.raises(KeyError):
            TREE[path]


def test_trees_are_values() -> None:
    other = TREE.replace(pool=MaxPool(3, 2))
    assert TREE["pool"] == MaxPool(2, 2)
    assert other["pool"] == MaxPool(3, 2)
    assert other != TREE
    assert other.replace(pool=MaxPool(2, 2)) == TREE
    assert [name for name, _ in other] == [name for name, _ in TREE]
    assert Chain(conv=Conv(4)) != Concat(conv=Conv(4))


def test_batch_normalisation_after_every_convolution() -> None:
    normalised = batch_normalised(TREE, 1e-3)
    assert [path for path, _ in walk(normalised)] == [
        "branches.one.conv",
        "branches.one.bn",
        "branches.one.relu",
        "branches.two.reduce",
        "branches.two.bn_reduce",
        "branches.two.relu_reduce",
        "branches.two.conv",
        "branches.two.bn",
        "branches.two.relu",
        "head.flatten",
        "head.linear",
        "pool",
    ]
    leaves = dict(walk(normalised))
    assert leaves["branches.two.bn_reduce"] == BatchNorm(1e-3)
    assert leaves["branches.two.conv"] == Conv(4, 3, bias=False)
    assert leaves["head.linear"] == Linear(3)
    assert dict(walk(batch_normalised(TREE, bias=True)))["branches.two.conv"] == Conv(4, 3)
