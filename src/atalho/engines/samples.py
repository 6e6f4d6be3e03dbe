"""Real images to compare engines on: of a data set, of a folder of photos, or of the two photos that scikit-learn has."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from atalho.data.dataset import Dataset, Images, Split, spaced
from atalho.data.folder import Photos
from atalho.data.image import Framing
from atalho.data.layout import layout
from atalho.engines.choosing import Sample
from atalho.errors import AtalhoError, Exit
from atalho.weights.trained import Trained

FEWEST = 2
COMPARED, BYTES = 512, 80_000_000
"""Images that are compared at most, or as many as have so many bytes if these are more."""

CALIBRATED = 300
"""The most images to calibrate on: NNCF's own default."""

COLUMNS, ROWS = 4, 2
"""How each of scikit-learn's photos is cut into tiles."""


def of_dataset(
    data: Dataset, classes: Sequence[int] = (), *, trained_on_val: bool = False
) -> Sample:
    """Images of the validation split to compare on, and of the training split to calibrate on; none of the test split.

    Where there are too few photos for a training split, those of the validation split are for both.

    Args:
        classes: the data's classes, as indices of the network's; the same ones unless given.
        trained_on_val: whether the network was trained on the validation split too: then its labels prove nothing, and the
            sample has none.
    """
    train, val = data.splits["train"], data.splits["val"]
    calibrating = train if len(train.labels) else val
    calibration = _loaded(calibrating, spaced(len(calibrating.labels), CALIBRATED))
    bytes_each = val.framing.input[0] * val.framing.input[1] * val.framing.input[2]
    images, labels = _loaded(val, spaced(len(val.labels), max(COMPARED, BYTES // bytes_each)))
    if classes:
        labels = torch.tensor(classes)[labels]
    known = None if trained_on_val else labels
    return Sample(data.name, images, known, calibration.images, data.checksum)


def of_folder(trained: Trained, root: Path) -> Sample:
    """Photos of class folders, whose classes are some of the network's; every second photo is for calibration.

    Raises:
        AtalhoError: (exit 3) DATA-CLASSES; DATA-EMPTY, where there are no two images that can be read; as `layout`.
    """
    splits = layout(root, trained.classes).splits
    folder = splits.get("train") or next(iter(splits.values()))
    labels = folder.labels(trained.classes, trained.network.name)
    most = COMPARED + CALIBRATED
    chosen = folder.select(spaced(len(folder), most).tolist())
    unread: list[AtalhoError] = []
    photos = Photos(chosen, labels, trained.framing, unread.append)
    parts = [*photos.batches(most)]
    if sum(len(each.labels) for each in parts) < FEWEST:
        raise AtalhoError(
            "DATA-EMPTY",
            root,
            f"holds no two images that can be read, of {len(chosen)}",
            next_step="--data with a folder of images",
            exit=Exit.DATA,
        )
    images = torch.cat([each.images for each in parts])
    truth = torch.cat([each.labels for each in parts])
    return Sample(str(root), images[::2], truth[::2], images[1::2][:CALIBRATED])


def _loaded(images: Images, indices: Tensor) -> Split:
    """The images of a split with these indices, in memory."""
    parts = [*images.select(indices).batches(max(1, len(indices)))]
    return Split(
        torch.cat([each.images for each in parts]), torch.cat([each.labels for each in parts])
    )


def of_photos(framing: Framing) -> Sample:
    """Parts of the two photos that come with scikit-learn, for networks without data: no labels, nothing to calibrate on."""
    from sklearn.datasets import load_sample_images

    tiles = []
    for photo in map(Image.fromarray, load_sample_images().images):
        width, height = photo.width // COLUMNS, photo.height // ROWS
        for left, top in product(range(0, COLUMNS * width, width), range(0, ROWS * height, height)):
            tile = photo.crop((left, top, left + width, top + height))
            tiles.append(torch.from_numpy(framing(tile)))
    return Sample("scikit-learn's sample images", torch.stack(tiles))
