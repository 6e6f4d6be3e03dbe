"""Test-time views: one prediction from several crops, mirror images or sizes of a picture, as in the papers' tests.

The probabilities of all views are averaged: Krizhevsky 2012, §4.1, averages "the predictions made by the network's softmax
layer", Szegedy 2014, §7, "the softmax probabilities". He 2015, §3.4, averages "the scores" without further
detail; we take them for probabilities, as in Simonyan 2014, §3.2, which it cites for the method.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from atalho.data.batches import preprocess
from atalho.data.dataset import Dataset, Progress, Split
from atalho.data.folder import Folder, in_threads
from atalho.data.image import Framing, Pixels, middle, read
from atalho.errors import AtalhoError, Exit
from atalho.evaluation.accuracy import PROTOCOL
from atalho.grammar.layers import AdaptiveAvgPool, Dropout, Flatten, Layer, walk
from atalho.grammar.network import Network
from atalho.runtime.memory import memory_for
from atalho.runtime.precision import autocast
from atalho.weights.trained import Inference, Trained

Views = Sequence[Pixels]
"""All views of a picture: (views, H, W, C) for each size."""

SINGLE = "1"
"""The name of the single view, the framing's own crop."""

TRAINED_SIDE = 224
"""The side of the papers' input; their other sizes are scaled in proportion to a network's own input."""

SZEGEDY_SCALES = (256, 288, 320, 352)
HE_SCALES = (224, 256, 384, 480, 640)


@dataclass(frozen=True)
class Protocol:
    """The views of a picture that are classified.

    Args:
        name: as results state it.
        views: returns all views of an upright RGB picture.
        mirrors: whether mirror images are among them.
    """

    name: str
    views: Callable[[Image.Image, Framing], Views]
    mirrors: bool


def ten_crops(image: Image.Image, framing: Framing) -> Views:
    """Krizhevsky 2012, §4.1: four corners, the centre, and their mirror images; He 2015, §3.4, calls them the standard.

    They are cut from the central square of the resized picture, 256×256 for crops of 224, as in §2 there; torchvision's
    TenCrop on the whole resized picture has its corners further out.
    """
    _, height, width = framing.input
    square = middle(framing.resize(image), *framing.covered)
    return [_mirrored([framing.pixels(crop) for crop in _five(square, width, height)])]


def szegedy_crops(image: Image.Image, framing: Framing) -> Views:
    """Szegedy 2014, §7: 4 scales × 3 squares × 6 views × 2 for mirror images, 144 in all.

    The shorter side is 256, 288, 320 and 352 for crops of 224; the squares lie at both ends of the longer side and in its
    middle; of each square the corners, the centre and the whole, resized, are views.
    """
    _, height, width = framing.input
    views = []
    for scale in SZEGEDY_SCALES:
        side = width * scale // TRAINED_SIDE, height * scale // TRAINED_SIDE
        resized = framing.cover(image, *side)
        for square in _squares(resized, *side):
            views += [*_five(square, width, height), framing.resample(square, width, height)]
    return [_mirrored([framing.pixels(view) for view in views])]


def whole_picture(image: Image.Image, framing: Framing, scales: Sequence[int] = HE_SCALES) -> Views:
    """He 2015, §3.4: the whole picture with its shorter side at 224, 256, 384, 480 and 640 for an input of 224.

    The paper names no mirror images, so there are none here; Simonyan 2014, §3.2, which it cites for the method, has them.
    """
    _, height, width = framing.input
    sizes = ((width * scale // TRAINED_SIDE, height * scale // TRAINED_SIDE) for scale in scales)
    return [framing.pixels(framing.cover(image, *size))[None] for size in sizes]


PROTOCOLS: Mapping[str, Protocol] = {
    "10": Protocol("10 crops", ten_crops, mirrors=True),
    "144": Protocol("144 crops", szegedy_crops, mirrors=True),
    "full": Protocol("fully convolutional at 5 scales", whole_picture, mirrors=False),
}
"""All but the single view, by the name of `--crops`."""


def protocol(crops: str) -> str:
    """The protocol's name as results state it."""
    return PROTOCOL if crops == SINGLE else PROTOCOLS[crops].name


def _squares(image: Image.Image, width: int, height: int) -> list[Image.Image]:
    """Three crops of a picture that just covers their size: left or top, centre, and right or bottom."""
    right, bottom = image.width - width, image.height - height
    return [
        image.crop((left, top, left + width, top + height))
        for left, top in ((0, 0), (right // 2, bottom // 2), (right, bottom))
    ]


def _five(image: Image.Image, width: int, height: int) -> list[Image.Image]:
    """Five crops: the corners, row by row, and the centre."""
    right, bottom = image.width - width, image.height - height
    return [
        *(
            image.crop((left, top, left + width, top + height))
            for left, top in ((0, 0), (right, 0), (0, bottom), (right, bottom))
        ),
        middle(image, width, height),
    ]


def _mirrored(views: Sequence[Pixels]) -> Pixels:
    """All views, and then all their mirror images."""
    stacked = np.stack(views)
    return np.concatenate([stacked, stacked[:, :, ::-1]])


def check(trained: Trained, crops: str, data: Dataset | None) -> None:
    """Checks that a network can classify such views of a data set's images, or of photos, which may always be mirrored.

    Raises:
        AtalhoError: CROPS-MIRROR, CROPS-SIZE or CROPS-FULL (exit 2).
    """
    framing = trained.framing
    if data and not data.mirror and PROTOCOLS[crops].mirrors:
        raise _refused(
            "MIRROR",
            data.name,
            "its images are not the same in a mirror, and half of the crops are mirror images",
            "--crops 1 or full",
        )
    if crops == "10" and framing.covered == framing.input[:0:-1]:
        raise _refused(
            "SIZE",
            trained.network.name,
            "its pictures are resized to its input and no larger (crop_pct 1); all ten crops would be one and its mirror image",
            "--crops 1, 144 or full",
        )
    if crops == "full" and (fixed := _fixed_size(trained)):
        raise _refused("FULL", trained.network.name, fixed, "--crops 1, 10 or 144")


def _fixed_size(trained: Trained) -> str | None:
    """Why a network can only classify pictures of its own input's size; None where it takes any size."""
    network = trained.network
    if not isinstance(network, Network):
        return "is no table, so whether its classifier follows global average pooling is not known"
    if row := _flattens(network):
        return f"row {row} does not follow global average pooling, so it classifies pictures of one size"
    if trained.preprocessing.per_pixel:
        return "a mean of every pixel is subtracted, and there is none for other sizes"
    return None


def _flattens(network: Network) -> str | None:
    """The row, if any, that flattens more than one pixel a channel into a vector at inference."""
    last: Layer | None = None
    for row in network.without_auxiliary().rows:
        for _, layer in walk(row.layer):
            if isinstance(layer, Flatten) and last != AdaptiveAvgPool():
                return row.name
            if not isinstance(layer, Dropout):
                last = layer
    return None


def _refused(code: str, subject: str, cause: str, next_step: str) -> AtalhoError:
    return AtalhoError(f"CROPS-{code}", subject, cause, next_step=next_step, exit=Exit.USAGE)


def of_split(split: Split, framing: Framing, crops: str) -> Iterator[tuple[Views, int]]:
    """The views of every image with its label."""
    views = PROTOCOLS[crops].views
    for pixels, label in zip(*split, strict=True):
        picture = Image.fromarray(pixels.squeeze(-1).numpy()).convert("RGB")
        yield views(picture, framing), int(label)


def of_photos(
    folder: Folder,
    labels: Sequence[int],
    framing: Framing,
    crops: str,
    failed: Callable[[AtalhoError], None],
    progress: Progress,
) -> Iterator[tuple[Views, int]]:
    """The views of every photo with the network's label for it; arguments as in `data.folder.Photos`."""
    views = PROTOCOLS[crops].views

    def attempt(path: Path) -> Views | AtalhoError:
        try:
            return read(path, lambda image: views(image, framing), white=framing.white)
        except AtalhoError as error:
            return error

    every = in_threads(attempt, folder.paths())
    indices = folder.indices.tolist()
    for done, (result, index) in enumerate(zip(every, indices, strict=True), start=1):
        if isinstance(result, AtalhoError):
            failed(result)
        else:
            yield result, labels[index]
        progress(done, len(indices))


@torch.inference_mode()
def log_probabilities(
    trained: Trained, pictures: Iterable[tuple[Views, int]], inference: Inference
) -> Iterator[tuple[Tensor, Tensor]]:
    """(1, classes) logarithms of the mean probabilities of all views of a picture, and its (1,) label."""
    device = inference.device
    preprocessing = trained.preprocessing.to(device)
    most = inference.batch_size(trained.network.input)
    for views, label in pictures:
        logs = []
        for same_size in views:
            for batch in torch.from_numpy(same_size).split(most):
                with memory_for(len(batch)), autocast(device, inference.precision):
                    logits = trained.model(preprocess(batch.to(device), preprocessing))
                logs.append(logits.float().log_softmax(1))
        every_view = torch.cat(logs)
        yield (
            every_view.logsumexp(0, keepdim=True) - log(len(every_view)),
            torch.tensor([label], device=device),
        )
