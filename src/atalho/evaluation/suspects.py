"""Photos whose label a network doubts most, as a table for a person to check, in the file `beside.SUSPECTS`."""

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from atalho.beside import SUSPECTS
from atalho.data.dataset import Images
from atalho.data.on_disk import OnDisk
from atalho.files import write_atomically

COLUMNS = ("file", "label", "predicted", "probability_of_label", "probability_of_predicted")


def write(outcomes: Mapping[str, Any], images: Images, folder: Path) -> Path | None:
    """Writes the photos that are taken for another class than their label, the least probable label first.

    Args:
        outcomes: on these images, as `outcomes.document` writes them, of a network that has not learned from them.
        images: in the order of the outcomes.
        folder: for the file.

    Returns:
        The file's path; None for images that come from no files, or are other ones now.
    """
    if not isinstance(images, OnDisk) or len(images) != len(outcomes["truth"]):
        return None
    columns = (outcomes[name] for name in ("truth", "predicted", "of_truth", "confidence"))
    doubted = [
        (photo.path, truth, predicted, of_truth, confidence)
        for photo, truth, predicted, of_truth, confidence in zip(
            images.photos(), *columns, strict=True
        )
        if truth != predicted
    ]
    doubted.sort(key=lambda row: row[3])
    classes = outcomes["classes"]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for path, truth, predicted, of_truth, confidence in doubted:
        texts = (_text(path), classes[truth], classes[predicted])
        writer.writerow([*map(_inert, texts), of_truth, confidence])
    target = folder / SUSPECTS
    write_atomically(target, out.getvalue().encode())
    return target


def _text(path: Path) -> str:
    """A path with escapes for bytes that are no UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _inert(text: str) -> str:
    """A cell that a spreadsheet does not take for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
