"""Order and augmentation against brute force in plain Python."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from atalho.data.batches import Batches, StreamSettings, fit, positions, preprocess, uniform
from atalho.data.dataset import Split
from atalho.recipes.recipe import Augmentation, PaddedCrop

MASK = 2**64 - 1


CPU = torch.device("cpu")


def splitmix(x: int) -> int:
    """The finaliser as Steele 2014 prints it, on unbounded integers."""
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def test_draws_are_splitmix64() -> None:
    epochs, samples = torch.arange(50), torch.arange(1000, 1050)
    found = uniform(7, epochs, samples, 2, 9).tolist()
    key = splitmix((2 * 7 + 2**40 * 2) & MASK)
    expected = []
    for epoch, sample in zip(epochs.tolist(), samples.tolist(), strict=True):
        bits = splitmix((sample + splitmix((epoch + key) & MASK)) & MASK)
        expected.append((bits >> 33) * 9 >> 31)
    assert found == expected


def test_draws_are_uniform_and_streams_and_seeds_independent() -> None:
    samples = torch.arange(90_000)
    epochs = torch.zeros_like(samples)
    counts = uniform(0, epochs, samples, 0, 9).bincount(minlength=9)
    chi_square = ((counts - 10_000) ** 2 / 10_000).sum().item()
    assert chi_square < 26.1  # 99.9 % of chi-square with 8 degrees of freedom
    base = uniform(0, epochs, samples, 0, 2**20).double()
    for other in (
        uniform(1, epochs, samples, 0, 2**20),
        uniform(0, epochs, samples, 1, 2**20),
        uniform(0, epochs + 1, samples, 0, 2**20),
        uniform(0, epochs, samples + 1, 0, 2**20),
    ):
        correlation = torch.corrcoef(torch.stack([base, other.double()]))[0, 1]
        assert abs(correlation) < 0.015  # four and a half standard errors


@pytest.mark.parametrize("batch", [7, 10, 23, 64])
def test_every_image_is_seen_once_an_epoch(batch: int) -> None:
    images, epochs = 23, 6
    seen = torch.zeros(epochs + 3, images, dtype=torch.int64)
    for step in range(images * epochs // batch + 1):
        for sample, epoch in zip(*positions(images, batch, step, seed=3), strict=True):
            seen[epoch, sample] += 1
    assert (seen[: epochs - 1] == 1).all()
    assert seen.max() == 1


def test_epochs_and_seeds_have_their_own_order() -> None:
    first, second = (positions(100, 100, step, seed=0)[0] for step in (0, 1))
    assert first.tolist() != second.tolist()
    assert first.tolist() != positions(100, 100, 0, seed=1)[0].tolist()
    assert first.tolist() != list(range(100))


def _split() -> Split:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (30, 6, 8, 3), dtype=torch.uint8, generator=generator)
    return Split(images, torch.arange(30) % 3)


@pytest.mark.parametrize("normalisation", ["per_pixel_mean", "per_channel"])
def test_a_batch_is_crops_and_mirror_images_of_what_was_padded_after_normalising(
    normalisation: str,
) -> None:
    split = _split()
    preprocessing = fit(split.images, normalisation)  # type: ignore[arg-type]
    batches = Batches(
        split,
        StreamSettings(
            preprocessing,
            Augmentation(PaddedCrop(2), mirror=True),
            12,
            seed=5,
            mirror=True,
            device=CPU,
        ),
    )
    normalised = preprocess(split.images, preprocessing)
    shifts = set()
    for step in range(10):
        images, labels = batches(step)
        samples, epochs = positions(30, 12, step, seed=5)
        assert labels.tolist() == split.labels[samples].tolist()
        rows, columns = (uniform(5, epochs, samples, stream, 5) for stream in (0, 1))
        mirrored = uniform(5, epochs, samples, 2, 2)
        for image, sample, row, column, flip in zip(
            images, samples, rows, columns, mirrored, strict=True
        ):
            padded = F.pad(normalised[sample], (2, 2, 2, 2))
            crop = padded[:, row : row + 6, column : column + 8]
            expected = crop.flip(2) if flip else crop
            shifts.add((int(row), int(column), int(flip)))
            torch.testing.assert_close(image, expected)
    assert len(shifts) > 40  # of 50


def test_a_batch_is_a_function_of_the_step() -> None:
    batches = [
        Batches(
            _split(),
            StreamSettings(
                fit(_split().images, "per_channel"),
                Augmentation(PaddedCrop(1), True),
                batch=8,
                seed=1,
                mirror=True,
                device=CPU,
            ),
        )
        for _ in range(2)
    ]
    for _ in range(3):
        batches[0](0)  # having made others before changes nothing
    for step in (9, 2):
        for one, other in zip(batches[0](step), batches[1](step), strict=True):
            assert torch.equal(one, other)


def test_data_that_must_not_be_mirrored_are_not() -> None:
    split = Split(
        torch.arange(8, dtype=torch.uint8).expand(4, 8, 8)[..., None], torch.zeros(4).long()
    )
    batches = Batches(
        split,
        StreamSettings(
            fit(split.images, "per_channel"),
            Augmentation(None, True),
            batch=4,
            seed=0,
            mirror=False,
            device=CPU,
        ),
    )
    images = torch.cat([batches(step)[0] for step in range(8)])
    assert (images.diff(dim=3) > 0).all()


def test_statistics_are_numpys() -> None:
    images = _split().images
    scaled = images.numpy() / 255
    per_channel = fit(images, "per_channel")
    np.testing.assert_allclose(per_channel.mean.flatten(), scaled.mean((0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(per_channel.std.flatten(), scaled.std((0, 1, 2)), rtol=1e-6)
    per_pixel = fit(images, "per_pixel_mean")
    np.testing.assert_allclose(per_pixel.mean, scaled.mean(0), rtol=1e-6)
    assert (per_pixel.std == 1).all()
