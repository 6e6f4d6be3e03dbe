"""Real images to compare engines on: of a data set, of a folder of photos, or the two that scikit-learn has."""

from dataclasses import replace
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
COMPARED = 512
CALIBRATED = 300
"""At most; NNCF's own default."""

COLUMNS, ROWS = 4, 2
"""Into which each of scikit-learn's photos is cut."""


def of_dataset(data: Dataset) -> Sample:
    """Images to calibrate on, of the training split, and with their labels the validation split's and more of the training split's."""
    train, val = data.splits["train"], data.splits["val"]
    count = len(train.labels)
    calibrated = spaced(count, min(CALIBRATED, count // 2))
    left = torch.ones(count, dtype=torch.bool)
    left[calibrated] = False
    compared = _loaded(val, spaced(len(val.labels), COMPARED))
    others = left.nonzero().flatten()
    more = _loaded(train, others[spaced(len(others), COMPARED - len(compared.labels))])
    calibration = _loaded(train, calibrated)
    images, labels = compared.join(more)
    return Sample(data.name, images, labels, calibration.images, data.checksum)


def of_folder(trained: Trained, root: Path) -> Sample:
    """Photos of class folders, whose classes are some of the network's: every second one is calibrated on.

    Raises:
        AtalhoError: (exit 3) DATA-CLASSES; DATA-EMPTY, where there are no two images that can be read; as `layout`.
    """
    found = layout(root).splits
    folder = found.get("train") or next(iter(found.values()))
    labels = folder.labels(trained.classes, trained.network.name)
    most = COMPARED + CALIBRATED
    shown = tuple(folder.images[place] for place in spaced(len(folder.images), most).tolist())
    unread: list[AtalhoError] = []
    photos = Photos(replace(folder, images=shown), labels, trained.framing, unread.append)
    parts = [*photos.batches(most)]
    if sum(len(each.labels) for each in parts) < FEWEST:
        raise AtalhoError(
            "DATA-EMPTY",
            root,
            f"holds no two images that can be read, of {len(shown)}",
            next_step="--data with a folder of images",
            exit=Exit.DATA,
        )
    images = torch.cat([each.images for each in parts])
    truth = torch.cat([each.labels for each in parts])
    return Sample(str(root), images[::2], truth[::2], images[1::2][:CALIBRATED])


def _loaded(images: Images, places: Tensor) -> Split:
    """The images at some places of a split, in memory."""
    parts = [*images.select(places).batches(max(1, len(places)))]
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
