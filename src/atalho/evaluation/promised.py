"""Evaluation of a network that was fitted on all photos: those it knows again have the out-of-fold answers that it promises."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from atalho.data.batches import preprocess
from atalho.data.dataset import Progress
from atalho.data.folder import Folder, Photos, in_threads, joined
from atalho.data.layout import layout
from atalho.data.photos import Say
from atalho.data.shards import sha256
from atalho.errors import AtalhoError, Exit, printable
from atalho.evaluation.accuracy import tally
from atalho.evaluation.evaluating import Evaluation
from atalho.runtime.memory import memory_for
from atalho.runtime.precision import autocast
from atalho.weights.out_of_fold import OutOfFold
from atalho.weights.trained import Inference, Trained

PROTOCOL = "out of fold"


def on_photos(
    trained: Trained,
    root: Path,
    split: str | None,
    inference: Inference,
    progress: Progress,
    say: Say,
) -> Evaluation:
    """Evaluates on a folder of photos, each of which was classified by a fit that had not seen it, or is classified now.

    Args:
        trained: with out-of-fold answers; its model on the inference's device.
        split: of split folders; all photos unless given.
        progress: is called with images done and images in all.
        say: is called with how many photos are known again.

    Raises:
        AtalhoError: DATA-SPLIT (exit 2); DATA-CLASSES or DATA-EMPTY (exit 3); as `layout`.
    """
    assert trained.out_of_fold
    folder = _folder(root, split, trained.classes)
    labels = folder.labels(trained.classes, trained.network.name)
    known, left = _known(folder, trained.out_of_fold)
    count = len(folder)
    say(
        printable(
            f"{trained.network.name} was fitted on {len(known)} of these {count} photos: counted are the answers of fits that had "
            f"not seen them"
        )
        if known
        else f"{trained.network.name} was fitted on none of these {count} photos"
    )
    unreadable: list[AtalhoError] = []
    photos = Photos(left, labels, trained.framing, unreadable.append, progress)

    @torch.inference_mode()
    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        if known:
            yield (
                torch.stack([logits for logits, _ in known]),
                torch.tensor([labels[index] for _, index in known]),
            )
        preprocessing = trained.preprocessing.to(inference.device)
        for batch in photos.batches(inference.batch_size(trained.framing.input)):
            images = batch.images.to(inference.device)
            with memory_for(len(images)), autocast(inference.device, inference.precision):
                logits = trained.model(preprocess(images, preprocessing))
            yield logits.float().cpu(), batch.labels

    protocol = f"{len(known)} {PROTOCOL}" if known and left else PROTOCOL
    return Evaluation(
        trained,
        str(root),
        split,
        labels,
        tally(batches(), temperature=trained.temperature),
        tuple(unreadable),
        protocol if known else Evaluation.protocol,
    )


def _folder(root: Path, split: str | None, known: Iterable[str]) -> Folder:
    """All photos of a folder, or those of a split that it has."""
    splits = layout(root, known).splits
    if split is not None and split not in splits:
        raise AtalhoError(
            "DATA-SPLIT",
            split,
            f"{root} has no such folder, and the network was fitted on photos of all splits that are divided by content",
            next_step="leave --split out",
            exit=Exit.USAGE,
        )
    parts = [splits[split]] if split else [*splits.values()]
    return joined(root, parts)


def _known(folder: Folder, promised: OutOfFold) -> tuple[list[tuple[Tensor, int]], Folder]:
    """The answers for the photos that are known again, each with its class's index, and the folder without these."""
    answers = promised.by_image()
    known, left = [], []
    for row, checksum in enumerate(in_threads(_sha256, folder.paths())):
        if checksum in answers:
            known.append((answers[checksum], int(folder.indices[row])))
        else:
            left.append(row)
    return known, folder.select(left)


def _sha256(path: Path) -> bytes:
    """The checksum of a file; of one that cannot be read no photo's, so that its error is reported when it is decoded."""
    try:
        return sha256(path)
    except OSError:
        return b""
