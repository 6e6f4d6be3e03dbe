"""One function a command, with the same defaults, and the few that a notebook wants beside them; `atalho` has them by name."""

from atalho.api.explaining import (
    Drawing,
    build,
    draw,
    inception,
    list_networks,
    network,
    show,
)
from atalho.api.loading import load
from atalho.api.measuring import Compared, bench, compare, diagnose
from atalho.api.records import frame, read_records, report, verify
from atalho.api.reporting import Reporter
from atalho.api.trained import Exported, evaluate, export, predict
from atalho.api.training import Runs, train

__all__ = [
    "Compared",
    "Drawing",
    "Exported",
    "Reporter",
    "Runs",
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
