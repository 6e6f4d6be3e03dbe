"""torch's deterministic algorithms while a run trains on a GPU; the flags exist where there is none."""

import os

import pytest
import torch
from torch import nn

from atalho.errors import AtalhoError, Exit
from atalho.runtime.determinism import deterministic

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def _flags() -> tuple[bool, ...]:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.utils.deterministic.fill_uninitialized_memory,
        torch.backends.cudnn.benchmark,
    )


def _unpooled() -> None:
    """An operation that has no deterministic algorithm anywhere."""
    pooled, places = nn.MaxPool2d(2, return_indices=True)(torch.randn(1, 1, 4, 4))
    nn.MaxUnpool2d(2)(pooled, places)


@pytest.mark.parametrize("required", [True, False])
def test_a_gpu_is_given_deterministic_algorithms_and_gets_back_what_was_set(
    required: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    before = _flags()
    with deterministic(GPU, "resnet20", required=required, say=print):
        assert _flags() == (True, not required, False, False)
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert _flags() == before


def test_a_processor_is_left_as_it_is() -> None:
    before = _flags()
    with deterministic(CPU, "resnet20", required=True, say=print):
        assert _flags() == before
        _unpooled()


def test_an_operation_without_a_deterministic_algorithm_is_named_once() -> None:
    said: list[str] = []
    with deterministic(GPU, "net", required=False, say=said.append):
        for _ in range(3):
            _unpooled()
    (line,) = said
    assert line.startswith("net: torch's max_unpooling2d")
    assert line.endswith("a run that is resumed will have other bits")


def test_a_resumption_that_needs_it_is_refused() -> None:
    with (
        pytest.raises(AtalhoError, match=r"max_unpooling2d.*--allow-inexact") as refused,
        deterministic(GPU, "net", required=True, say=print),
    ):
        _unpooled()
    assert (refused.value.code, refused.value.exit) == ("RESUME-INEXACT", Exit.CHECKPOINT)
    assert not torch.are_deterministic_algorithms_enabled()


def test_other_errors_and_warnings_pass(recwarn: pytest.WarningsRecorder) -> None:
    with (
        pytest.raises(RuntimeError, match="shapes"),
        deterministic(GPU, "net", required=True, say=print),
    ):
        raise RuntimeError("shapes do not match")
