"""Real images to compare an export on: a few of a data set's test split, or of all in a folder."""

from pathlib import Path

import torch
from torch import Tensor

from atalho.data.dataset import Dataset, spaced
from atalho.data.folder import decoded, images_in
from atalho.errors import AtalhoError, Exit
from atalho.weights.fitting import check_data
from atalho.weights.trained import Trained

COUNT = 32
FEWEST = 2  # a file must take any number of images


def of_dataset(trained: Trained, data: Dataset) -> Tensor:
    """(N, H, W, C) of 8 bits, spread over the test split.

    Raises:
        AtalhoError: as `check_data`.
    """
    check_data(trained, data, "test")
    split = data.splits["test"]
    return next(split.select(spaced(len(split.labels), COUNT)).batches(COUNT)).images


def of_folder(trained: Trained, folder: Path) -> Tensor:
    """(N, H, W, C) of 8 bits, spread over the images in a folder and below it; those that cannot be read are left out.

    Raises:
        AtalhoError: DATA-EMPTY (exit 3), where there are no two images.
    """
    try:
        paths, problem = images_in(folder), ""
    except OSError as error:
        paths, problem = [], f" ({error.strerror})"
    chosen = [paths[index] for index in spaced(len(paths), COUNT).tolist()]
    images = [each for each in decoded(chosen, trained.framing) if isinstance(each, Tensor)]
    if len(images) < FEWEST:
        raise AtalhoError(
            "DATA-EMPTY",
            folder,
            f"holds no two images that can be read{problem}",
            next_step="--data with a folder of images",
            exit=Exit.DATA,
        )
    return torch.stack(images)
