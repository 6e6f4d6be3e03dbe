"""Images that are none of the classes, in a comparison: how unsure the chosen network is of them, as it is handed over."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from atalho.conditions import Owner, owner
from atalho.engines import engine_config
from atalho.evaluation import unknown
from atalho.evaluation.unknown import Unknown
from atalho.record import OF_UNKNOWN
from atalho.tasks import Step
from atalho.weights import config

KEPT = (Owner.NETWORK, Owner.SYSTEM, Owner.MACHINE, Owner.TRAINING, Owner.SEED)
"""Whose conditions of the accuracy are those of this measurement too."""


def step(
    network: str,
    chosen: Path,
    accuracy: Mapping[str, Any],
    folder: Path,
    measure: Callable[[], Unknown],
) -> Step:
    """The step that shows a network the images of a folder, which are none of its classes.

    Args:
        chosen: the folder with the network on its engine.
        accuracy: the conditions of its accuracy, on the images beside which these are measured.
        measure: classifies the images.

    Raises:
        AtalhoError: DATA-EMPTY (exit 3), as `unknown.stated`.
    """
    engine = engine_config.settings(chosen)
    backend = engine.backend._asdict() if engine else {}
    conditions = {
        **{name: value for name, value in accuracy.items() if owner(name) in KEPT},
        **backend,
        **unknown.stated(folder),
        "weights": f"sha256:{config.read(chosen).weights}",
        "split": accuracy["split"],
    }
    return Step(
        "images of none of the classes",
        network,
        OF_UNKNOWN,
        partial(dict, conditions),
        lambda: measure().records(network, **conditions),
    )
