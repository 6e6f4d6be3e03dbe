"""A process that does one unit of a comparison's work, or rehearses it, or does all that is left of the comparison: see `units`."""

import os
import platform
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from atalho import __version__
from atalho.api.carrying_out import CarryingOut, Measuring
from atalho.api.preparing import Prepared, Setup
from atalho.api.reporting import QUIET, Reporter
from atalho.comparison.learning import Learning, Unit
from atalho.errors import AtalhoError, Exit, Stopped
from atalho.runtime.child import Parent
from atalho.runtime.cluster import STOPPED
from atalho.training.listeners import Listeners

SAVE_EVERY = 15.0
"""Seconds between checkpoints: the most work that is lost with a worker."""

WAIT = 1.0
"""Seconds between two looks at whether another process still does the unit, such as that of a worker that was taken for lost."""


def main(parent: Parent) -> None:
    """Does the unit that the parent names, and sends what came of it, with the lines that a person should read."""
    message, said = parent.receive(), list[str]()
    try:
        value = _done(message, Reporter(say=said.append))
    except AtalhoError as error:
        parent.send({"error": error.args, "said": said})
    except Stopped:
        parent.send(STOPPED)
    else:
        parent.send({"value": value, "said": said})


def _done(message: dict[str, Any], reporter: Reporter) -> Any:
    """The rehearsal of the unit, or its seconds and the machine's name; of a comparison, its queries."""
    _check(message)
    if "measuring" in message:
        return _compared(message, reporter)
    prepared = Setup(**message["setup"]).prepare(QUIET)  # the caller has said it
    units = _units(prepared, message, reporter)
    unit = next(each for each in units if each.name == message["unit"])
    if message["rehearse"]:
        return asdict(unit.rehearse())
    begun = time.monotonic()
    while not _run(unit):
        time.sleep(WAIT)
    return {"seconds": time.monotonic() - begun, "machine": platform.node()}


def _compared(message: dict[str, Any], reporter: Reporter) -> list[dict[str, Any]]:
    setup, measuring = Setup(**message["setup"]), Measuring(**message["measuring"])
    compared = CarryingOut(setup, measuring, reporter, time.monotonic()).here(None)
    return [asdict(each) for each in compared.queries]


def _check(message: dict[str, Any]) -> None:
    """Checks that this machine has the same program and sees the same files."""
    if message["version"] != __version__:
        raise AtalhoError(
            "CLUSTER-VERSION",
            platform.node(),
            f"has atalho {__version__}, and the call comes from {message['version']}",
            next_step="install the same version on all machines",
            exit=Exit.RESOURCES,
        )
    try:
        os.chdir(message["current"])
    except OSError as error:
        raise AtalhoError(
            "CLUSTER-FOLDER",
            message["current"],
            f"is not on {platform.node()} ({error.strerror})",
            next_step="begin in a folder that all machines see",
            exit=Exit.RESOURCES,
        ) from error


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


def _run(unit: Unit) -> bool:
    """Does a unit; returns whether no other process is doing it."""
    try:
        unit.run()
    except AtalhoError as error:
        if error.code != "IN-USE":
            raise
        return False
    return True
