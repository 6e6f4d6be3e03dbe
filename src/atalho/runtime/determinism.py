"""The same bits from the same state on a GPU: torch's deterministic algorithms, and a warning where there are none."""

import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils import deterministic as filling

from atalho.errors import AtalhoError, Exit

_NONE = re.compile(r"(\S+) does not have a deterministic implementation")


@contextmanager
def deterministic(
    device: torch.device, network: str, *, required: bool, say: Callable[[str], None]
) -> Iterator[None]:
    """Has torch compute with deterministic algorithms on a GPU; a processor's sums have a fixed order anyway.

    Args:
        network: its name, for messages.
        required: whether an operation that has no deterministic algorithm is an error, or is only reported to `say`.
        say: called with one line for each such operation.

    Raises:
        AtalhoError: RESUME-INEXACT (exit 4), where `required`.
    """
    if device.type != "cuda":
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when cuBLAS is first used
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        filling.fill_uninitialized_memory,  # type: ignore[attr-defined]
        torch.backends.cudnn.benchmark,
    )
    torch.use_deterministic_algorithms(True, warn_only=not required)
    # Filling new tensors would cost a launch for each; nothing here reads uninitialised memory.
    filling.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False  # which would choose algorithms by their time
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("default", _NONE.pattern, UserWarning)
            warnings.showwarning = _shown_by(say, network, warnings.showwarning)
            yield
    except RuntimeError as error:
        if not (match := _NONE.search(str(error))):
            raise
        raise AtalhoError(
            "RESUME-INEXACT",
            network,
            f"{_cause(match)}; the same bits cannot be promised",
            next_step="--allow-inexact to go on all the same",
            exit=Exit.CHECKPOINT,
        ) from error
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        filling.fill_uninitialized_memory = before[2]  # type: ignore[attr-defined]
        torch.backends.cudnn.benchmark = before[3]


def _cause(match: re.Match[str]) -> str:
    return f"torch's {match[1]} has no deterministic algorithm on this device"


def _shown_by(
    say: Callable[[str], None], network: str, otherwise: Callable[..., None]
) -> Callable[..., None]:
    """A `warnings.showwarning` that reports each operation that is not deterministic once, and passes on other warnings."""
    reported: set[str] = set()

    def show(message: Warning | str, *where: Any, **more: Any) -> None:
        match = _NONE.search(str(message))
        if match is None:
            otherwise(message, *where, **more)
        elif match[1] not in reported:
            reported.add(match[1])
            say(f"{network}: {_cause(match)}; a run that is resumed will have other bits")

    return show
