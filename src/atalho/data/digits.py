"""scikit-learn's 1,797 handwritten digits of 8×8 pixels: real images that need no download."""

from pathlib import Path

import torch

from atalho.data.dataset import Dataset, Progress, Split, stratified


def load(data_dir: Path, progress: Progress) -> Dataset:
    """70 % for training, 10 % for validation, 20 % for testing, stratified by class; both arguments are unused."""
    from sklearn.datasets import load_digits  # 1 s

    bunch = load_digits()
    # Grey levels 0 to 16 become 0 to 255.
    images = torch.from_numpy(bunch.images * (255 / 16)).round().to(torch.uint8)[..., None]
    split = Split(images, torch.from_numpy(bunch.target).long())
    return Dataset(
        "digits",
        tuple(str(name) for name in bunch.target_names),
        stratified(split, {"train": 0.7, "val": 0.1, "test": 0.2}),
        mirror=False,
        note="UCI optical digits, as scikit-learn ships them; the same writers may stand on both sides of a split",
    )
