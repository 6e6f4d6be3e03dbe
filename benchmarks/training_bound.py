"""The least time of a training step, from the network's table and what the machine's memory and arithmetic units do at best.

The traffic with memory counts, for every element that a row of the table writes (`activations`): its writing, its reading by the
next row, its reading in the backward pass, and the writing and reading of its gradient; and for every parameter reading it in both
passes, writing its gradient, and an update that reads gradient, weight and momentum and writes the latter two. What a cache holds between
two of these never moves, so that this is no strict bound for small batches; what libraries move beyond it (reordering, gathering) is
not counted. Operations are three times the forward pass's. Memory is measured by a copy between two arrays far larger than the caches,
arithmetic by the faster of a product of two large square matrices and a large convolution, on the threads and in the precision of
the steps: which one is faster depends on the libraries (in float32 on AMD, MKL's product is slower than oneDNN's convolution).
"""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from atalho.grammar.network import Network
from atalho.networks import subjects
from atalho.runtime.precision import Precision

MOVED = 5  # times that an activation, or its gradient, is written or read
WEIGHT_MOVED = 8  # times that a parameter, its gradient or its momentum is; all of them are float32
PASSES = 3  # a forward pass, and a backward pass of twice its work
COPIED = 2**28  # bytes
SIDE = 3072  # of the square matrices
CONVOLVED, CHANNELS, EXTENT = 16, 512, 28  # images of the convolution, their channels and side
BEST_OF = 7

DTYPES: dict[Precision, torch.dtype] = {"float32": torch.float32, "bf16": torch.bfloat16}


def bandwidth() -> float:
    """Bytes that memory reads and writes in a second, in a copy."""
    source, target = (torch.ones(COPIED // 4) for _ in range(2))
    return 2 * COPIED / _least(lambda: target.copy_(source))


def peak(precision: Precision) -> float:
    """Multiply-accumulates in a second, in a product of two large matrices or in a 3×3 convolution of many channels."""
    dtype = DTYPES[precision]
    one, other = (torch.randn(SIDE, SIDE, dtype=dtype) for _ in range(2))
    images = torch.randn(CONVOLVED, CHANNELS, EXTENT, EXTENT, dtype=dtype)
    weights = torch.randn(CHANNELS, CHANNELS, 3, 3, dtype=dtype)
    images, weights = (each.to(memory_format=torch.channels_last) for each in (images, weights))
    of_product = SIDE**3 / _least(lambda: one @ other)
    macs = CONVOLVED * CHANNELS**2 * 3**2 * EXTENT**2
    return max(of_product, macs / _least(lambda: F.conv2d(images, weights, padding=1)))


def moved(network: Network, batch: int, precision: Precision) -> float:
    """The bytes that a training step moves, by the network's table."""
    costs = subjects.costs(network)
    activations = MOVED * batch * costs["activations"] * DTYPES[precision].itemsize
    return activations + WEIGHT_MOVED * 4 * costs["params"]


def bound(network: Network, batch: int, precision: Precision) -> dict[str, Any]:
    """The bytes and operations of a step, the machine's rates, and the least time by each, in seconds."""
    bytes_moved, of_memory = moved(network, batch, precision), bandwidth()
    macs, of_arithmetic = PASSES * batch * subjects.costs(network)["macs"], peak(precision)
    by_memory, by_arithmetic = bytes_moved / of_memory, macs / of_arithmetic
    return {
        "precision": precision,
        "bytes": bytes_moved,
        "macs": macs,
        "bytes_per_second": of_memory,
        "macs_per_second": of_arithmetic,
        "seconds_by_memory": by_memory,
        "seconds_by_arithmetic": by_arithmetic,
        "images_per_second_at_most": batch / max(by_memory, by_arithmetic),
    }


def _least(work: Callable[[], object]) -> float:
    """The seconds of the fastest of a few runs."""
    times = []
    for _ in range(BEST_OF):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)
