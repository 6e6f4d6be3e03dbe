"""How a trained network answers a whole data set: accuracy in all, by class, and what is taken for what."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from atalho.data import DATASETS
from atalho.data.copies import Kind
from atalho.data.dataset import DataIdentity, Dataset, Progress, Split
from atalho.data.folder import Folder, Photos
from atalho.data.layout import WHOLE, Layout, layout
from atalho.data.photos import OnDisk, Say, as_given
from atalho.errors import AtalhoError, Exit, printable
from atalho.evaluation import views
from atalho.evaluation.accuracy import PROTOCOL, Accuracy, accuracy, tally
from atalho.statistics import wilson
from atalho.weights.fitting import check_data
from atalho.weights.trained import Inference, Trained

SHOWN = 3
"""How many wrong answers a row of the table names, where the confusion matrix is too wide for it."""

WIDE = 20
"""Classes of a confusion matrix that is too wide for a table."""


@dataclass(frozen=True)
class Evaluation:
    """What was found.

    Args:
        split: of the data; None where they have none.
        labels: the data's classes, as indices of the network's.
        unreadable: images that were left out.
        protocol: how each image was looked at.
    """

    trained: Trained
    data: str
    split: str | None
    labels: tuple[int, ...]
    found: Accuracy
    unreadable: tuple[AtalhoError, ...] = ()
    protocol: str = PROTOCOL

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of top-1."""
        return wilson(self.found.top1, self.found.images)

    def document(self) -> dict[str, Any]:
        """`{network, data, split, images, top1, top5, top1_interval, loss, protocol, per_class, …}`.

        `confusion` is there where the data have all the classes of the network.
        """
        classes = [*self.trained.classes]
        per_class = self.found.per_class
        whole = len(self.labels) == len(classes)
        return {
            "network": self.trained.network.name,
            "data": self.data,
            "split": self.split,
            "images": self.found.images,
            "top1": self.found.top1,
            "top5": self.found.top5,
            "top1_interval": self.interval,
            "loss": self.found.loss,
            "protocol": self.protocol,
            "per_class": {classes[label]: per_class[label] for label in self.labels},
            **({"confusion": self.found.confusion.tolist()} if whole else {}),
            "unreadable": [error.subject for error in self.unreadable],
        }

    def title(self) -> str:
        """The result in a line."""
        found, (low, high) = self.found, self.interval
        protocol = None if self.protocol == PROTOCOL else self.protocol
        said = ", ".join(filter(None, (self.split, protocol)))
        how = f" ({said})" if said else ""
        top5 = "" if found.top5 is None else f", top-5 {found.top5:.2%}"
        return (
            f"{self.trained.network.name} on {self.data}{how}: top-1 {found.top1:.2%} of {found.images} images, "
            f"95 % interval {low:.2%} to {high:.2%}{top5}"
        )

    def rows(self) -> list[dict[str, Any]]:
        """A row for each class of the data: how many of its images were taken for each class, or for which most."""
        classes = [*self.trained.classes.items()]
        per_class = self.found.per_class
        rows = []
        for label in self.labels:
            counts = self.found.confusion[label].tolist()
            row: dict[str, Any] = {
                "class": classes[label][0],
                "name": classes[label][1],
                "images": sum(counts),
                "top1": per_class[label],
            }
            if len(classes) <= WIDE:
                row |= {
                    f"as {name}": count for (name, _), count in zip(classes, counts, strict=True)
                }
            else:
                wrong = sorted(
                    (-n, other) for other, n in enumerate(counts) if n and other != label
                )
                row["taken for"] = ", ".join(f"{classes[o][1]} ({-n})" for n, o in wrong[:SHOWN])
            rows.append(row)
        return rows


def on_dataset(
    trained: Trained,
    data: Dataset,
    split: str,
    inference: Inference,
    crops: str = views.SINGLE,
) -> Evaluation:
    """A split of a data set; `crops` is a key of `views.PROTOCOLS`, or the single view.

    Raises:
        AtalhoError: as `check_data` and `views.check`.
    """
    check_data(trained, data, split)
    images = data.splits[split]
    if crops == views.SINGLE:
        found = accuracy(trained.model, images, trained.preprocessing, inference)
    else:
        views.check(trained, crops, data)
        assert isinstance(images, Split)  # photos are asked about as a folder
        seen = views.of_split(images, trained.framing, crops)
        found = tally(views.answers(trained, seen, inference))
    labels = tuple(range(len(data.classes)))
    return Evaluation(trained, data.name, split, labels, found, protocol=views.protocol(crops))


def on_folder(
    trained: Trained,
    folder: Folder,
    inference: Inference,
    progress: Progress = lambda done, total: None,
    crops: str = views.SINGLE,
    split: str | None = None,
) -> Evaluation:
    """A folder of photos, of one split or of none, whose classes are some of the network's; images that cannot be read are left out and named.

    Raises:
        AtalhoError: DATA-CLASSES or DATA-EMPTY (exit 3); as `views.check`.
    """
    labels = folder.labels(trained.classes, trained.network.name)
    unreadable: list[AtalhoError] = []
    how = folder, labels, trained.framing
    if crops == views.SINGLE:
        photos = Photos(*how, unreadable.append, progress)
        found = accuracy(trained.model, photos, trained.preprocessing, inference)
    else:
        views.check(trained, crops, None)
        seen = views.of_photos(*how, crops, unreadable.append, progress)
        found = tally(views.answers(trained, seen, inference))
    return Evaluation(
        trained,
        str(folder.root),
        split,
        labels,
        found,
        tuple(unreadable),
        views.protocol(crops),
    )


def choose(
    root: Path,
    split: str | None,
    trained_on: DataIdentity | None,
    load: Callable[[Kind], Dataset],
    warn: Say,
) -> tuple[Folder, str | None]:
    """The images of a folder to evaluate a network on, and the split that they are.

    Of split folders that is the test split, and so it is of the folder of classes that the network was trained on, whose
    training images would flatter it; of other folders of classes it is all images.

    Args:
        split: to take instead.
        trained_on: what the network was trained on; None where that is not known.
        load: the folder as a data set with some copies kept together, its bad images skipped.
        warn: is called with a line where images that the network was trained on may be among them, and for what is left out.

    Raises:
        AtalhoError: DATA-SPLIT (exit 2), for a folder that has no such split; as `layout` and `load`.
    """
    found = layout(root)
    asked = split or "test"
    if found.split and (folder := as_given(found.splits).get(asked)):
        _say_unread(found, warn)
        return replace(folder, root=root), asked
    kind: Kind = (trained_on and trained_on.copies) or "similar"
    data = load(kind) if found.split else _same_data(root, trained_on, load, warn)
    if data is None:
        if split is None:
            _say_unread(found, warn)
            return found.splits[WHOLE], None
        raise _no_split(split, root, "holds folders of classes, and has no splits of its own")
    images = data.splits.get(asked)
    if not isinstance(images, OnDisk):
        raise _no_split(asked, root, f"has the splits {', '.join(data.splits)}")
    return images.folder(root, data.classes), asked


def _say_unread(found: Layout, say: Say) -> None:
    if unread := found.unread():
        say(printable(unread))


def _same_data(
    root: Path, trained_on: DataIdentity | None, load: Callable[[Kind], Dataset], warn: Say
) -> Dataset | None:
    """The folder as a data set, where it is the one that a network was trained on."""
    if trained_on is None:
        warn(
            "what the network was trained on is not known: it is asked about all images of "
            f"{root}, seen or not"
        )
        return None
    if trained_on.checksum is None or trained_on.name in DATASETS:
        return None
    try:
        data = load(trained_on.copies or "similar")
    except AtalhoError as error:
        if error.code not in ("DATA-FEW", "DATA-CLASSES"):
            raise
        return None  # nothing can be trained on it
    if data.checksum == trained_on.checksum:
        return data
    if data.name == trained_on.name:
        warn(
            f"{root} is not as it was when the network was trained on {data.name}: "
            "it is asked about all its images, seen or not"
        )
    return None


def _no_split(split: str, root: Path, cause: str) -> AtalhoError:
    next_step = "--split test" if cause.startswith("has") else "leave --split out"
    return AtalhoError("DATA-SPLIT", split, f"{root} {cause}", next_step=next_step, exit=Exit.USAGE)
