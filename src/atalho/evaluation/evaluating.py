"""Evaluation of a trained network on a data set or a folder: overall accuracy, accuracy by class, and the confusion matrix."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atalho.data import DATASETS
from atalho.data.copies import Kind
from atalho.data.dataset import DataIdentity, Dataset, Progress, Split
from atalho.data.folder import Folder, Photos
from atalho.data.layout import WHOLE, Layout, layout
from atalho.data.on_disk import OnDisk
from atalho.data.photos import Say, fixed_splits
from atalho.engines import Backend
from atalho.errors import AtalhoError, Exit, printable
from atalho.evaluation import unknown, views
from atalho.evaluation.accuracy import PROTOCOL, Accuracy, accuracy, tally
from atalho.evaluation.accuracy import records as accuracy_records
from atalho.evaluation.unknown import Unknown
from atalho.record import Record
from atalho.runtime import machine
from atalho.runtime.device import Device
from atalho.statistics import wilson
from atalho.weights.fitting import check_data
from atalho.weights.trained import Inference, Trained

SHOWN = 3
"""How many wrong classes a row of the table names, where the confusion matrix is too wide for a table."""

SQUARE = 2_000
"""The most classes whose confusion matrix is written: it has the square of their number."""

WIDE = 20
"""The most classes whose confusion matrix fits into a table."""


@dataclass(frozen=True)
class Evaluation:
    """The accuracy of a network on some images.

    Args:
        split: of the data; None for a folder without splits.
        labels: for each of the data's classes, its index among the network's.
        unreadable: images that were left out.
        protocol: the views of each image that were classified.
        unknown: of images that are none of the classes; None where there are none.
    """

    trained: Trained
    data: str
    split: str | None
    labels: tuple[int, ...]
    accuracy: Accuracy
    unreadable: tuple[AtalhoError, ...] = ()
    protocol: str = PROTOCOL
    unknown: Unknown | None = None

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of top-1."""
        return wilson(self.accuracy.top1, self.accuracy.images)

    def document(self) -> dict[str, Any]:
        """`{network, data, split, images, top1, top5, top1_interval, loss, protocol, per_class, …}`.

        `confusion` is there where the data have all the classes of the network, and these are at most `SQUARE`.
        """
        classes = [*self.trained.classes]
        per_class = self.accuracy.per_class
        whole = len(self.labels) == len(classes) <= SQUARE
        return {
            "network": self.trained.network.name,
            "data": self.data,
            "split": self.split,
            "images": self.accuracy.images,
            "top1": self.accuracy.top1,
            "top5": self.accuracy.top5,
            "top1_interval": self.interval,
            "loss": self.accuracy.loss,
            "calibration_error": self.accuracy.calibration_error,
            "protocol": self.protocol,
            "per_class": {classes[label]: per_class[label] for label in self.labels},
            **({"confusion": self.accuracy.confusion.tolist()} if whole else {}),
            "unreadable": [error.subject for error in self.unreadable],
            **({"unknown": self.unknown.document()} if self.unknown else {}),
        }

    def records(self, inference: Inference, device: Device) -> list[Record]:
        """The accuracy as records, which state how and where it was measured.

        Args:
            inference: with which the network was run, where it does not run on an engine.
        """
        trained = self.trained
        engine = getattr(trained.model, "backend", Backend("eager", inference.precision))
        folder = Path(self.data)
        stated = {
            "data": folder.resolve().name if folder.is_dir() else self.data,
            **({"split": self.split} if self.split else {}),
            "weights": f"sha256:{trained.weights}",
            **engine._asdict(),
            "protocol": self.protocol,
            **machine.conditions(device),
        }
        of_classes = accuracy_records(trained.network.name, self.accuracy, **stated)
        if self.unknown is None:
            return of_classes
        of_unknown = {**stated, **unknown.stated(Path(self.unknown.folder))}
        return [*of_classes, *self.unknown.records(trained.network.name, **of_unknown)]

    def title(self) -> str:
        """The result in a line."""
        accuracy, (low, high) = self.accuracy, self.interval
        protocol = None if self.protocol == PROTOCOL else self.protocol
        details = ", ".join(filter(None, (self.split, protocol)))
        parenthesis = f" ({details})" if details else ""
        top5 = "" if accuracy.top5 is None else f", top-5 {accuracy.top5:.2%}"
        return (
            f"{self.trained.network.name} on {self.data}{parenthesis}: top-1 {accuracy.top1:.2%} of {accuracy.images} images, "
            f"95 % interval {low:.2%} to {high:.2%}{top5}"
        )

    def rows(self) -> list[dict[str, Any]]:
        """A row for each class of the data: how many of its images were classified as each class, or the most frequent wrong ones."""
        classes = [*self.trained.classes.items()]
        per_class = self.accuracy.per_class
        counts = self.accuracy.of_class.tolist()
        mistakes = self.accuracy.outcomes.mistakes()
        rows = []
        for label in self.labels:
            wrong = mistakes.get(label, Counter())
            row: dict[str, Any] = {
                "class": classes[label][0],
                "name": classes[label][1],
                "images": counts[label],
                "top1": per_class[label],
            }
            if len(classes) <= WIDE:
                as_class = wrong | Counter({label: counts[label] - wrong.total()})
                row |= {f"as {name}": as_class[other] for other, (name, _) in enumerate(classes)}
            else:
                most = sorted(wrong, key=lambda other: (-wrong[other], other))[:SHOWN]
                row["taken for"] = ", ".join(f"{classes[o][1]} ({wrong[o]})" for o in most)
            rows.append(row)
        return rows


def on_dataset(
    trained: Trained,
    data: Dataset,
    split: str,
    inference: Inference,
    crops: str = views.SINGLE,
) -> Evaluation:
    """Evaluates on a split of a data set.

    Args:
        trained: with its model on the inference's device.
        crops: a key of `views.PROTOCOLS`, or `views.SINGLE`.

    Raises:
        AtalhoError: as `check_data` and `views.check`.
    """
    check_data(trained, data, split)
    images = data.splits[split]
    if crops == views.SINGLE:
        result = accuracy(
            trained.model, images, trained.preprocessing, inference, trained.temperature
        )
    else:
        views.check(trained, crops, data)
        assert isinstance(images, Split)  # photos are evaluated as a folder
        pictures = views.of_split(images, trained.framing, crops)
        result = tally(views.log_probabilities(trained, pictures, inference))
    labels = tuple(range(len(data.classes)))
    return Evaluation(trained, data.name, split, labels, result, protocol=views.protocol(crops))


def on_folder(
    trained: Trained,
    folder: Folder,
    inference: Inference,
    progress: Progress = lambda done, total: None,
    crops: str = views.SINGLE,
    split: str | None = None,
) -> Evaluation:
    """Evaluates on a folder of photos, whose classes are some of the network's; images that cannot be read are left out and named.

    Args:
        trained: its model on the inference's device.
        progress: called with the numbers of images done and in all.
        crops: a key of `views.PROTOCOLS`, or `views.SINGLE`.
        split: the one that the photos are; None for a folder without splits.

    Raises:
        AtalhoError: DATA-CLASSES or DATA-EMPTY (exit 3); as `views.check`.
    """
    labels = folder.labels(trained.classes, trained.network.name)
    unreadable: list[AtalhoError] = []
    source = folder, labels, trained.framing
    if crops == views.SINGLE:
        photos = Photos(*source, unreadable.append, progress)
        result = accuracy(
            trained.model, photos, trained.preprocessing, inference, trained.temperature
        )
    else:
        views.check(trained, crops, None)
        pictures = views.of_photos(*source, crops, unreadable.append, progress)
        result = tally(views.log_probabilities(trained, pictures, inference))
    return Evaluation(
        trained,
        str(folder.root),
        split,
        labels,
        result,
        tuple(unreadable),
        views.protocol(crops),
    )


def choose(
    root: Path,
    split: str | None,
    trained_on: DataIdentity | None,
    load: Callable[[Kind], Dataset],
    warn: Say,
    classes: Iterable[str] = (),
) -> tuple[Folder, str | None]:
    """The images of a folder to evaluate a network on, and the name of their split.

    Of split folders, the test split is evaluated. So is that of the folder of classes that the network was trained on, since
    accuracy on training images would be too high. Of other folders of classes, all images are.

    Args:
        split: the one to evaluate instead.
        trained_on: what the network was trained on; None where that is not known.
        load: reads the folder as a data set; is called with the kind of copies to keep in one split.
        warn: called with a line where the network may have been trained on some of the images, and for what is left out.
        classes: of the network.

    Raises:
        AtalhoError: DATA-SPLIT (exit 2), for a folder that has no such split; as `layout` and `load`.
    """
    folders = layout(root, classes)
    chosen = split or "test"
    if folders.split and (folder := fixed_splits(folders.splits).get(chosen)):
        _say_notes(folders, warn)
        return folder, chosen
    kind: Kind = (trained_on and trained_on.copies) or "similar"
    data = load(kind) if folders.split else _same_data(root, trained_on, load, warn)
    if data is None:
        if split is None:
            _say_notes(folders, warn)
            return folders.splits[WHOLE], None
        raise _no_split(split, root, "holds folders of classes, and has no splits of its own")
    images = data.splits.get(chosen)
    if not isinstance(images, OnDisk):
        raise _no_split(chosen, root, f"has the splits {', '.join(data.splits)}")
    return images.folder(), chosen


def _say_notes(folders: Layout, say: Say) -> None:
    for note in folders.notes():
        say(printable(note))


def _same_data(
    root: Path, trained_on: DataIdentity | None, load: Callable[[Kind], Dataset], warn: Say
) -> Dataset | None:
    """The folder as a data set, where it is the one that a network was trained on."""
    if trained_on is None:
        warn(
            f"what the network was trained on is not known: all images of {root} are classified, "
            "also those that it may have been trained on"
        )
        return None
    if trained_on.checksum is None or trained_on.name in DATASETS:
        return None
    try:
        data = load(trained_on.copies or "similar")
    except AtalhoError as error:
        if error.code not in ("DATA-FEW", "DATA-CLASSES"):
            raise
        return None  # no network can be trained on such a folder
    if data.checksum == trained_on.checksum:
        return data
    if data.name == trained_on.name:
        warn(
            f"{root} is not as it was when the network was trained on {data.name}: "
            "all its images are classified, also those that it was trained on"
        )
    return None


def _no_split(split: str, root: Path, cause: str) -> AtalhoError:
    next_step = "--split test" if cause.startswith("has") else "leave --split out"
    return AtalhoError("DATA-SPLIT", split, f"{root} {cause}", next_step=next_step, exit=Exit.USAGE)
