"""The timings of training steps that are kept: known by the machine, the network, its input and the batch."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from atalho.conditions import digest
from atalho.data.dataset import Dataset, network_for
from atalho.files import cache_folder, write_atomically
from atalho.grammar.network import Network
from atalho.networks import subjects
from atalho.record import now, versions
from atalho.runtime.processor import processor
from atalho.seal import sealed, unsealed
from atalho.training.arguments import Arguments
from atalho.training.arithmetic import Arithmetic, Timed

Say = Callable[[str], None]
Key = dict[str, Any]

FORM = 1
"""Of the files."""


def key(arguments: Arguments, data: Dataset, contenders: Sequence[Arithmetic]) -> Key:
    """All that the time of a step depends on; the network counts by its content, whatever its name."""
    network = network_for(arguments.network, data)
    of_table = repr(network.rows) if isinstance(network, Network) else ""
    parameters = subjects.skeleton(network).named_parameters()
    content = [
        "" if of_table else arguments.network,
        subjects.code(arguments.network),
        of_table,
        [[name, *each.shape] for name, each in parameters],
    ]
    return {
        "form": FORM,
        "processor": processor(),
        "torch": versions("torch")["torch"],
        "network": digest(content),
        "input": list(network.input),
        "batch": arguments.recipe.batch_size,
        "parts": arguments.parts,
        "optimiser": arguments.recipe.optimiser,
        "contenders": [asdict(each) for each in contenders],
    }


def path(network: str, key: Key) -> Path:
    """The file for a key; the network's name is for people."""
    return cache_folder("arithmetic") / f"{subjects.folder_name(network)}-{digest(key)[:32]}.json"


def read(file: Path, say: Say) -> tuple[Timed, ...]:
    """The timings in a file; none where there is no file.

    Args:
        say: is called with a line where the file is damaged, and therefore counts as absent.
    """
    try:
        document = unsealed(json.loads(file.read_bytes()))
        return tuple(
            Timed(Arithmetic(**each["arithmetic"]), tuple(each["seconds"]), each["compiling"])
            for each in document["timed"]
        )
    except OSError:
        return ()
    except (ValueError, KeyError, TypeError, RecursionError):
        say(f"{file} is damaged: the steps are timed anew")
        return ()


def write(file: Path, key: Key, timed: Sequence[Timed], say: Say) -> None:
    """Writes timings.

    Args:
        say: is called with a line where the file cannot be written: the steps will be timed again the next time.
    """
    document = {**key, "at": now(), "timed": [asdict(each) for each in timed]}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, json.dumps(sealed(document), indent=1).encode() + b"\n")
    except OSError as error:
        say(f"{file} cannot be written ({error.strerror}): the timings are not kept")
