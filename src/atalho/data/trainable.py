"""Whether there is something to learn from a folder of photos."""

import shlex
from pathlib import Path

from atalho.data.dataset import Dataset
from atalho.data.layout import Layout
from atalho.data.names import counted, first_few
from atalho.errors import AtalhoError, Exit


def check_trainable(folders: Layout) -> None:
    """Raises an AtalhoError (exit 3) where there is nothing to learn from a folder.

    DATA-EMPTY without a split to train on; DATA-CLASSES for a single class, or one that the folder to train on lacks.
    """
    (part, *_) = folders.splits.values()
    if folders.split and "train" not in folders.splits:
        next_step, alone = "a folder train beside it", folders.root / Path(part.names[0]).parts[0]
        if alone.is_dir():  # and no archive
            next_step = f"--data {shlex.quote(str(alone))} for what is in it; or {next_step}"
        raise AtalhoError(
            "DATA-EMPTY",
            folders.root,
            f"holds images of the split {' and '.join(folders.splits)} alone, and none to train on",
            next_step=next_step,
            exit=Exit.DATA,
        )
    if len(folders.classes) == 1:
        beside = "".join(f"; {note}" for note in folders.notes())
        raise AtalhoError(
            "DATA-CLASSES",
            folders.root,
            f"has one class alone ({folders.classes[0]}, {counted(len(part), 'image')}), and nothing to tell it from{beside}",
            next_step="a folder for each class, with its images inside; labels in a table or in file names are not read",
            exit=Exit.DATA,
        )
    if not folders.split:
        return
    missing = {split: lacking for split in folders.splits if (lacking := folders.lacking(split))}
    if "train" in missing:
        lacks = "; ".join(
            f"{split} lacks {first_few(names, 10)}" for split, names in missing.items()
        )
        raise AtalhoError(
            "DATA-CLASSES",
            folders.root,
            f"its split folders have different classes: {lacks}",
            next_step="images of every class in the folder to train on",
            exit=Exit.DATA,
        )


def check_divided(data: Dataset, root: Path) -> None:
    """Raises DATA-FEW (exit 3), where a class has too few different images to be in every split that was divided from a folder."""
    if not data.scarce:
        return
    parts = ("val", "train") if data.own_test else ("val", "test", "train")
    raise AtalhoError(
        "DATA-FEW",
        root,
        f"{len(data.scarce)} of its {len(data.classes)} classes have too few different images to be in {', '.join(parts)} ({first_few(data.scarce)})",
        next_step=f"{len(parts)} images or more in every class; copies of a picture count once, with --copies exact those of a file alone",
        exit=Exit.DATA,
    )
