"""The folder of the network that a comparison has chosen, ready to be handed over."""

from collections.abc import Sequence
from dataclasses import replace
from operator import eq
from pathlib import Path

from atalho.comparison import promises
from atalho.comparison.comparing import CHOSEN, Measured, Say
from atalho.conditions import states
from atalho.engines import deploy, engine_config
from atalho.errors import printable
from atalho.record import Record
from atalho.weights import config
from atalho.weights.calibration import Calibration


def keep(
    measured: Measured,
    folder: Path,
    say: Say = lambda message: None,
) -> bool:
    """Replaces `chosen` by a copy of the chosen network with its engine's files, or removes it where none was chosen.

    With it go a script that runs it without atalho, and what it promises. A network that only an earlier call measured is left
    where that call has put it.

    Args:
        say: is called with a line where torch cannot export it, so that there is no script, and where an earlier call's network
            is chosen only now.

    Returns:
        Whether `chosen` is there now; it is not for networks without trained weights.
    """
    target, choice = folder / CHOSEN, measured.choice
    earlier = choice and measured.engines and choice.chosen.network not in measured.engines
    if choice and earlier and _holds(target, choice.chosen.network):
        return True
    if target.exists():
        engine_config.remove(target)
    if choice and earlier:
        name = printable(choice.chosen.network)
        say(
            f"{name} is chosen, which an earlier call measured: compare it too, for {target} to be made"
        )
    source = measured.engines.get(choice.chosen.network) if choice else None
    if choice is None or source is None or not source.exists():
        return False
    network = choice.chosen.network

    def complete(copied: Path) -> None:
        _calibrate(copied, measured.records)
        if cause := deploy.make_standalone(copied, network):
            say(f"{target} does not run without atalho: {cause}")
        promises.write(copied, network, promises.of_row(choice.chosen, measured.limits))

    deploy.copy(source, target, complete)
    return True


def _holds(folder: Path, network: str) -> bool:
    """Whether a whole folder of a network's engine is there."""
    whole = (folder / engine_config.FILE).exists()
    return whole and config.read(folder).architecture == network


def _calibrate(folder: Path, records: Sequence[Record]) -> None:
    """Replaces the outcomes in a network's calibration by those of the same validation images on its engine."""
    settings = config.read(folder)
    if settings.calibration is None:
        return
    temperature, split = settings.calibration.temperature, settings.calibration.split
    validated = {"weights": f"sha256:{settings.weights}", "split": split}
    of_images = [
        each.conditions["outcomes"]
        for each in records
        if each.quantity == "top1" and states(each.conditions, validated)
        if "outcomes" in each.conditions
    ]
    if of_images:
        newest = of_images[-1]
        right = map(eq, newest["truth"], newest["predicted"])
        calibration = Calibration.of(temperature, split, newest["confidence"], right)
        replace(settings, calibration=calibration).write(folder)
