"""How unsure a network is of images that are none of its classes, beside those that are."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata
from torch import Tensor

from atalho.choice.answering import threshold
from atalho.data.folder import images_in
from atalho.data.shards import sha256
from atalho.errors import AtalhoError, Exit, printable
from atalho.evaluation import predicting
from atalho.record import Record
from atalho.weights.calibration import DIGITS
from atalho.weights.trained import Inference, Trained

PROTOCOL = "probability of the most probable class, beside that of images of the classes"

MAX_ERRORS = (0.01, 0.02, 0.05, 0.1)
"""The shares of wrong labels at whose thresholds it is counted how many of the images get a label."""


@dataclass(frozen=True)
class Unknown:
    """Images that are none of the classes.

    Attributes:
        images: how many were classified.
        auroc: how often the network is less sure of one of them than of an image of its classes, where half a tie counts: 0.5
            where it cannot tell them apart, 1 where it always can.
        labelled: by the share of wrong labels that is promised, the share of these images that get a label all the same;
            thresholds that cannot be promised are left out.
    """

    folder: str
    images: int
    auroc: float
    labelled: Mapping[float, float]

    def document(self) -> dict[str, Any]:
        """`{folder, images, auroc, labelled: {max_error: share}}`."""
        labelled = {f"{max_error:g}": share for max_error, share in self.labelled.items()}
        return {
            "folder": self.folder,
            "images": self.images,
            "auroc": self.auroc,
            "labelled": labelled,
        }

    def records(self, network: str, **conditions: Any) -> Iterator[Record]:
        """The same as records: the area under the curve, and for every threshold the share of these images that get no label.

        Args:
            conditions: of the network; the data are the folder's, as `stated` says them.
        """
        common = {**conditions, "images": self.images}
        yield Record.of(network, "unknown_auroc", self.auroc, "measured", **common)
        for max_error, share in self.labelled.items():
            yield Record.of(
                network, "unknown_refused", 1 - share, "measured", **common, max_error=max_error
            )

    def notes(self) -> list[str]:
        """The same as sentences."""
        of_labels = [
            f"with --max-error {max_error:g}, {share:.1%} of them get a label all the same"
            for max_error, share in self.labelled.items()
        ]
        return [
            f"{printable(self.folder)}: {self.images:,} images of none of the classes; the network is less sure of them than of the others in "
            f"{self.auroc:.1%} of all pairs",
            *of_labels,
        ]


def measure(
    trained: Trained,
    known: Tensor,
    folder: Path,
    inference: Inference,
    say: Callable[[str], None],
) -> Unknown:
    """Classifies the images of a folder that are none of the classes.

    Args:
        trained: its model on the inference's device.
        known: (N,) probabilities of the predicted classes of images of the classes.
        say: is called with a line for images that cannot be read, and for files that are none.

    Raises:
        AtalhoError: DATA-EMPTY (exit 3), where no image can be read.
    """
    sources = predicting.sources([str(folder)], BytesIO(), say)
    predictions = [*predicting.predict(trained, sources, inference, top=1)]
    probabilities = []
    for each in predictions:
        if isinstance(each.outcome, AtalhoError):
            say(str(each.outcome))
        else:
            probabilities.append(round(each.outcome[0].probability, DIGITS))
    if not probabilities:
        raise _empty(folder, "none of its images can be read")
    unknown = np.array(probabilities)
    return Unknown(
        str(folder),
        len(unknown),
        _auroc(np.array([round(each, DIGITS) for each in known.tolist()]), unknown),
        {
            max_error: float((unknown >= least.confidence).mean())
            for max_error in MAX_ERRORS
            if trained.calibration
            and (
                least := threshold(trained.calibration.right, trained.calibration.wrong, max_error)
            )
        },
    )


def stated(folder: Path) -> dict[str, Any]:
    """The conditions that say which images of none of the classes a network was shown.

    Raises:
        AtalhoError: DATA-EMPTY (exit 3), for a folder that cannot be read or holds no images.
    """
    try:
        images = [sha256(path).hex() for path in images_in(folder)]
    except OSError as error:
        raise _empty(folder, f"cannot be read ({error.strerror})") from error
    if not images:
        raise _empty(folder, "holds no images")
    checksum = hashlib.sha256("".join(sorted(images)).encode()).hexdigest()
    return {
        "data": folder.resolve().name,
        "data_checksum": f"sha256:{checksum}",
        "protocol": PROTOCOL,
    }


def _empty(folder: Path, cause: str) -> AtalhoError:
    return AtalhoError(
        "DATA-EMPTY",
        folder,
        cause,
        next_step="--unknown with a folder of images that are none of the classes",
        exit=Exit.DATA,
    )


def _auroc(known: Any, unknown: Any) -> float:
    """The area under the receiver operating characteristic, by ranks (Mann and Whitney 1947)."""
    ranks = rankdata(np.concatenate([known, unknown]))[: len(known)]
    pairs = ranks.sum() - len(known) * (len(known) + 1) / 2
    return float(pairs / (len(known) * len(unknown)))
