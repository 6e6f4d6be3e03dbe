"""atalho builds the classic convolutional networks as their papers print them, and compares them on your machine.

The public functions are loaded when they are first used, and torch by those that need it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from atalho.api.auditing import Audit as Audit
    from atalho.api.auditing import audit as audit
    from atalho.api.carrying_out import Compared as Compared
    from atalho.api.comparing import compare as compare
    from atalho.api.doctoring import Checkup as Checkup
    from atalho.api.doctoring import doctor as doctor
    from atalho.api.explaining import Drawing as Drawing
    from atalho.api.explaining import build as build
    from atalho.api.explaining import draw as draw
    from atalho.api.explaining import inception as inception
    from atalho.api.explaining import list_networks as list_networks
    from atalho.api.explaining import network as network
    from atalho.api.explaining import show as show
    from atalho.api.loading import load as load
    from atalho.api.measuring import bench as bench
    from atalho.api.measuring import diagnose as diagnose
    from atalho.api.planning import Plan as Plan
    from atalho.api.planning import plan as plan
    from atalho.api.predicting import Predicted as Predicted
    from atalho.api.predicting import predict as predict
    from atalho.api.predicting import predict_to_file as predict_to_file
    from atalho.api.rechecking import Rechecked as Rechecked
    from atalho.api.rechecking import recheck as recheck
    from atalho.api.records import frame as frame
    from atalho.api.records import lecture as lecture
    from atalho.api.records import read_records as read_records
    from atalho.api.records import report as report
    from atalho.api.records import verify as verify
    from atalho.api.reporting import Reporter as Reporter
    from atalho.api.trained import Exported as Exported
    from atalho.api.trained import evaluate as evaluate
    from atalho.api.trained import export as export
    from atalho.api.training import Runs as Runs
    from atalho.api.training import train as train
    from atalho.errors import AtalhoError as AtalhoError
    from atalho.errors import Stopped as Stopped
    from atalho.record import Record as Record

__version__ = "0.2.0"

_NAMES = {
    "api.auditing": "Audit audit",
    "api.doctoring": "Checkup doctor",
    "api.explaining": "Drawing build draw inception list_networks network show",
    "api.loading": "load",
    "api.carrying_out": "Compared",
    "api.comparing": "compare",
    "api.measuring": "bench diagnose",
    "api.planning": "Plan plan",
    "api.predicting": "Predicted predict predict_to_file",
    "api.rechecking": "Rechecked recheck",
    "api.records": "frame lecture read_records report verify",
    "api.reporting": "Reporter",
    "api.trained": "Exported evaluate export",
    "api.training": "Runs train",
    "errors": "AtalhoError Stopped",
    "record": "Record",
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
