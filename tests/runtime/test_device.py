"""A device is resolved once, with its threads; nobody reads torch's global state back afterwards."""

import pytest
import torch

from atalho.errors import AtalhoError, Exit
from atalho.runtime import machine
from atalho.runtime.device import Device, resolve_device


def test_threads_are_the_devices_whatever_torch_is_set_to_later() -> None:
    before = torch.get_num_threads()
    try:
        device = resolve_device("cpu", 2)
        assert device == Device("cpu", 2)
        assert torch.get_num_threads() == 2
        torch.set_num_threads(1)  # as an engine that is not torch's does
        assert machine.conditions(device)["threads"] == 2
    finally:
        torch.set_num_threads(before)


def test_threads_are_torchs_own_unless_given() -> None:
    assert resolve_device("cpu") == Device("cpu", torch.get_num_threads())


def test_a_device_has_a_type_and_torchs_own_object() -> None:
    assert Device("cuda:1", 1).type == "cuda"
    assert Device("cuda:1", 1).torch == torch.device("cuda", 1)
    assert Device("cpu", 1).model.endswith("cores")


@pytest.mark.parametrize("name", ["abacus", "cuda:99"])
def test_a_device_that_is_not_there_is_said(name: str) -> None:
    with pytest.raises(AtalhoError, match="DEVICE") as caught:
        resolve_device(name)
    assert caught.value.exit == Exit.RESOURCES
    assert caught.value.next_step == "--device cpu"
