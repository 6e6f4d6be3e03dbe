"""float32 that is float32, and bf16 where it is fast."""

from collections.abc import Iterator

import pytest
import torch

from atalho.engines.eager import Torch
from atalho.engines.engine import Placement
from atalho.errors import AtalhoError, Exit
from atalho.runtime.device import Device, resolve_device
from atalho.runtime.precision import fastest, whole_float32


@pytest.fixture
def rounded() -> Iterator[None]:
    """TF32 everywhere, as a library may have set it."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def _tf32() -> bool:
    return torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32


@pytest.mark.usefixtures("rounded")
def test_nothing_is_rounded_to_tf32() -> None:
    assert _tf32()
    whole_float32()
    assert not _tf32()
    assert torch.backends.cudnn.conv.fp32_precision != "tf32"


@pytest.mark.usefixtures("rounded")
def test_an_engines_process_rounds_nothing_either() -> None:
    Torch(torch.nn.Identity(), "float32", Placement(Device("cpu", torch.get_num_threads())))
    assert not _tf32()


def test_a_device_of_another_kind_is_refused_by_name() -> None:
    with pytest.raises(AtalhoError, match=r"meta.*CUDA GPUs alone") as refused:
        resolve_device("meta")
    assert refused.value.exit == Exit.RESOURCES


@pytest.mark.parametrize(
    ("capabilities", "chosen"),
    [
        ({"avx512_bf16": True}, "bf16"),
        ({"amx_bf16": True, "avx512_bf16": False}, "bf16"),
        ({"avx512_bf16": False}, "float32"),
        ({}, "float32"),
    ],
)
def test_training_is_in_bf16_where_the_processor_multiplies_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], chosen: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert fastest(torch.device("cpu"))[0] == chosen
