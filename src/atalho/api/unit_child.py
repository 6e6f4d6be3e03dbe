"""A process that does one unit of a comparison's work, or rehearses it, or does all that is left of the comparison: see `units`."""

import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from atalho.api import work
from atalho.api.carrying_out import CarryingOut, Measuring
from atalho.api.preparing import Prepared, Setup
from atalho.api.reporting import QUIET, Reporter
from atalho.comparison.learning import Learning, Unit
from atalho.runtime.child import Parent
from atalho.training.listeners import Listeners

SAVE_EVERY = 15.0
"""Seconds between checkpoints: the most work that is lost with a worker."""


def main(parent: Parent) -> None:
    """Does the unit that the parent names, as `work.serve`."""
    work.serve(parent, _done)


def _done(message: dict[str, Any], reporter: Reporter) -> Any:
    """The rehearsal of the unit, or its seconds and the machine's name; of a comparison, its queries."""
    if "measuring" in message:
        return _compared(message, reporter)
    prepared = Setup(**message["setup"]).prepare(QUIET)  # the caller has said it
    units = _units(prepared, message, reporter)
    unit = next(each for each in units if each.name == message["unit"])
    return asdict(unit.rehearse()) if message["rehearse"] else work.seconds_here(unit.run)


def _compared(message: dict[str, Any], reporter: Reporter) -> list[dict[str, Any]]:
    setup, measuring = Setup(**message["setup"]), Measuring(**message["measuring"])
    compared = CarryingOut(setup, measuring, reporter, time.monotonic()).here(None)
    return [asdict(each) for each in compared.queries]


def _units(prepared: Prepared, message: dict[str, Any], reporter: Reporter) -> Iterator[Unit]:
    networks = [
        replace(each, arguments=replace(each.arguments, save_every=SAVE_EVERY))
        for each in prepared.networks
    ]
    listeners = Listeners(warn=reporter.say)
    seeds, folder = message["setup"]["seeds"], Path(message["folder"])
    learning = Learning.of(networks, seeds, prepared.settings, folder, listeners)
    yield from learning.units()
    yield from learning.fine_tuning(prepared.changes)
