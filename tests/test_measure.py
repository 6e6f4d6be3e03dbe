"""Latency and memory, as far as a noisy machine lets anything be asserted."""

import time
from statistics import median

import pytest
import torch
from torch import Tensor, nn

from atalho import networks
from atalho.cost import totals
from atalho.errors import AtalhoError, Exit
from atalho.measure import latency, memory

CPU = torch.device("cpu")


class Sleeper(nn.Module):
    """Takes 20 ms an image."""

    def forward(self, x: Tensor) -> Tensor:
        time.sleep(0.02 * len(x))
        return x


def test_latency_is_what_a_forward_pass_takes() -> None:
    found = {
        each.quantity: each
        for each in latency.records(
            "sleeper", Sleeper(), (1, 2, 2), 2, device=CPU, precision="float32"
        )
    }
    timed = found["latency"]
    assert 0.04 <= timed.value < 0.05
    assert len(timed.samples) == latency.SAMPLES
    assert timed.value == median(timed.samples)
    first, third = timed.conditions["quartiles"]
    assert min(timed.samples) <= first <= timed.value <= third <= max(timed.samples)
    assert found["throughput"].value == pytest.approx(2 / timed.value)
    assert timed.conditions["threads"] == torch.get_num_threads()


def test_memory_holds_the_weights_and_grows_with_the_batch() -> None:
    network = networks.get("alexnet")
    weights = 4 * totals(network).params
    small, large = (
        memory.records(network, batch, device=CPU, precision="float32")[0] for batch in (1, 64)
    )
    assert weights < small.value < 1.5 * weights
    # The largest map alone, conv1's 96×55×55, is written and read at once.
    assert large.value - small.value > 63 * 4 * 96 * 55 * 55
    assert large.conditions["batch"] == 64


def test_a_child_that_fails_is_an_error_of_one_line() -> None:
    network = networks.get("resnet20")
    with pytest.raises(AtalhoError, match="MEASURE-FAILED") as caught:
        memory.records(network, -1, device=CPU, precision="float32")
    assert caught.value.exit == Exit.RESOURCES
    assert "Traceback" not in str(caught.value)
