"""How a trained network answers a whole data set: accuracy in all, by class, and what is taken for what."""

from dataclasses import dataclass
from typing import Any

from atalho.data.dataset import Batched, Dataset, Progress
from atalho.data.folder import Folder, Photos
from atalho.errors import AtalhoError
from atalho.measure.accuracy import Accuracy, accuracy, wilson
from atalho.trained import Inference, Trained, check_data

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
    """

    trained: Trained
    data: str
    split: str | None
    labels: tuple[int, ...]
    found: Accuracy
    unreadable: tuple[AtalhoError, ...] = ()

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of top-1."""
        return wilson(self.found.top1, self.found.images)

    def document(self) -> dict[str, Any]:
        """`{network, data, split, images, top1, top5, top1_interval, loss, per_class, …}`.

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
            "per_class": {classes[label]: per_class[label] for label in self.labels},
            **({"confusion": self.found.confusion.tolist()} if whole else {}),
            "unreadable": [error.subject for error in self.unreadable],
        }

    def title(self) -> str:
        """The result in a line."""
        found, (low, high) = self.found, self.interval
        split = f" ({self.split})" if self.split else ""
        top5 = "" if found.top5 is None else f", top-5 {found.top5:.2%}"
        return (
            f"{self.trained.network.name} on {self.data}{split}: top-1 {found.top1:.2%} of {found.images} images, "
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


def on_dataset(trained: Trained, data: Dataset, split: str, inference: Inference) -> Evaluation:
    """A split of a data set.

    Raises:
        AtalhoError: as `check_data`.
    """
    check_data(trained, data, split)
    found = _accuracy(trained, data.splits[split], inference)
    return Evaluation(trained, data.name, split, tuple(range(len(data.classes))), found)


def on_folder(
    trained: Trained,
    folder: Folder,
    inference: Inference,
    progress: Progress = lambda done, total: None,
) -> Evaluation:
    """A folder of photos, whose classes are some of the network's; images that cannot be read are left out and named.

    Raises:
        AtalhoError: DATA-CLASSES or DATA-EMPTY (exit 3).
    """
    labels = folder.labels(trained.classes, trained.network.name)
    unreadable: list[AtalhoError] = []
    photos = Photos(folder, labels, trained.framing, unreadable.append, progress)
    found = _accuracy(trained, photos, inference)
    return Evaluation(trained, str(folder.root), None, labels, found, tuple(unreadable))


def _accuracy(trained: Trained, images: Batched, inference: Inference) -> Accuracy:
    return accuracy(
        trained.model,
        images,
        trained.preprocessing,
        batch=inference.batch_size(trained.network.input),
        device=inference.device,
        precision=inference.precision,
    )
