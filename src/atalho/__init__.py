"""atalho builds the classic convolutional networks as their papers print them, and compares them on your machine.

The public functions are loaded when they are first used, and torch by those that need it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from atalho.api import (
        Compared,
        Drawing,
        Exported,
        Reporter,
        Runs,
        bench,
        build,
        compare,
        diagnose,
        draw,
        evaluate,
        export,
        frame,
        inception,
        list_networks,
        load,
        network,
        predict,
        read_records,
        report,
        show,
        train,
        verify,
    )
    from atalho.errors import AtalhoError, Stopped
    from atalho.record import Record

__version__ = "0.1.0"

HOMES = {
    "AtalhoError": "atalho.errors",
    "Stopped": "atalho.errors",
    "Record": "atalho.record",
}
"""The modules of public names that are not `atalho.api`'s."""

__all__ = [
    "AtalhoError",
    "Compared",
    "Drawing",
    "Exported",
    "Record",
    "Reporter",
    "Runs",
    "Stopped",
    "__version__",
    "bench",
    "build",
    "compare",
    "diagnose",
    "draw",
    "evaluate",
    "export",
    "frame",
    "inception",
    "list_networks",
    "load",
    "network",
    "predict",
    "read_records",
    "report",
    "show",
    "train",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(HOMES.get(name, "atalho.api")), name)


def __dir__() -> list[str]:
    return __all__
