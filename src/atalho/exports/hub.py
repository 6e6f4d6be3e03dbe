"""A folder for the Hugging Face Hub: the weights with their config, the run's records, and a model card made from them.

The folder is timm's where timm has the network and can prepare its images, so that both timm and atalho load it from the Hub; it is
atalho's own elsewhere.
"""

import json
from importlib.util import find_spec
from pathlib import Path

from atalho import record
from atalho.errors import AtalhoError
from atalho.exports.card import card
from atalho.exports.format import Format, Reader
from atalho.exports.safetensors import SAFETENSORS
from atalho.exports.timm import TIMM
from atalho.networks.subjects import predict_command
from atalho.record import Record
from atalho.tasks import FILE as RECORDS
from atalho.weights import config
from atalho.weights.trained import Trained

CARD = "README.md"
REPOSITORY = "hf-hub:OWNER/NAME"
OTHERS = {"CHECKPOINT-LAYOUT", "EXPORT-SHAPE", "EXPORT-PREPROCESSING"}
"""The errors of timm's format for a network that it cannot hold."""


def write(trained: Trained, path: Path) -> None:
    """Writes the folder."""
    reading = [predict_command(trained.network.name, Path(REPOSITORY))]
    if _as_timms(trained, path):
        reading.append(f"timm.create_model({REPOSITORY!r}, pretrained=True)")
    else:
        SAFETENSORS.write(trained, path)
    records = _records(trained)
    if records:
        record.append(path / RECORDS, records)
    (path / CARD).write_text(card(trained, records, reading), encoding="utf-8")


def _as_timms(trained: Trained, path: Path) -> bool:
    """Writes timm's folder, where timm is installed and has this network; returns whether it did."""
    if any(find_spec(package) is None for package in TIMM.needs):
        return False
    try:
        TIMM.write(trained, path)
    except AtalhoError as error:
        if error.code not in OTHERS:
            raise
        return False
    return True


def _records(trained: Trained) -> list[Record]:
    """What the folder that the network was read from has measured of these weights."""
    path = trained.folder and trained.folder / RECORDS
    if path is None or not path.exists():
        return []
    weights = f"sha256:{trained.weights}"
    return [each for each in record.read(path) if each.conditions.get("weights") == weights]


def read(trained: Trained, path: Path) -> Reader:
    """The folder as timm reads it, or as atalho does."""
    document = json.loads((path / config.FILE).read_text(encoding="utf-8"))
    return (TIMM if "model_args" in document else SAFETENSORS).read(trained, path)


def usage(trained: Trained, path: Path) -> str:
    """The line that reads it."""
    return SAFETENSORS.usage(trained, path)


HUB = Format(write, read, usage, folder=True)
"""It needs no package of its own: what is not installed is not written for."""
