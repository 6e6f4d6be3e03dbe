"""Streams from memory and from disk: the same for any division among workers and processes, and what a photo shows."""

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from atalho import data
from atalho.data.augmentation import boxes, resampled
from atalho.data.batches import Batches, StreamSettings, fit, preprocess
from atalho.data.dataset import Images, Split
from atalho.data.draws import positions, uniform
from atalho.data.image import Framing, load
from atalho.data.on_disk import OnDisk
from atalho.data.stream import Stream, stream
from atalho.data.window import Window
from atalho.errors import AtalhoError, Exit
from atalho.recipes.recipe import (
    Augmentation,
    Lighting,
    PaddedCrop,
    Photometric,
    ResizedCrop,
    ShorterSide,
)

CPU = torch.device("cpu")
AUGMENTATIONS = [
    Augmentation(),
    Augmentation(PaddedCrop(3), mirror=True),
    Augmentation(ShorterSide(1.1, 2.0), mirror=True, colour=Lighting(0.1)),
    Augmentation(ResizedCrop((0.08, 1), (3 / 4, 4 / 3)), mirror=True, colour=Photometric(0.4)),
]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> OnDisk:
    """The training photos of 33, of many sizes, some of them large JPEGs, one lying on its side."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for number in range(33):
        rough = rng.integers(0, 256, (5, 6, 3), np.uint8)
        size = (int(rng.integers(30, 300)), int(rng.integers(30, 300)))
        made = Image.fromarray(rough).resize(size, Image.Resampling.BICUBIC)
        folder = root / ("ant", "bee", "cow")[number % 3]
        folder.mkdir(exist_ok=True)
        exif = Image.Exif()
        exif[0x0112] = 6 if number % 5 == 0 else 1
        options = {"exif": exif} if number % 2 else {}
        made.save(folder / f"{number:02}.{'jpg' if number % 2 else 'png'}", **options)
    found = data.load(
        str(root), root.parent / "data", framings=[Framing((3, 20, 28), crop_pct=0.9)]
    )
    train = found.training(with_validation=False)
    assert isinstance(train, OnDisk)
    return train


@pytest.fixture(scope="module")
def in_memory() -> Split:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (23, 20, 28, 3), dtype=torch.uint8, generator=generator)
    return Split(images, torch.arange(23) % 3)


def begin(
    split: Images, augmentation: Augmentation, workers: int | None = None, **options: object
) -> Stream:
    preprocessing = fit(split.sample(), "per_channel")
    settings = StreamSettings(preprocessing, augmentation, 6, seed=3, mirror=True, device=CPU)
    return stream(split, replace(settings, **options), workers)  # type: ignore[arg-type]


def several(made: Stream, steps: int = 9) -> list[tuple[Tensor, Tensor]]:
    found = [made(step) for step in range(steps)]
    made.close()
    return found


def same(one: list[tuple[Tensor, Tensor]], other: list[tuple[Tensor, Tensor]]) -> bool:
    return all(
        torch.equal(a, b)
        for x, y in zip(one, other, strict=True)
        for a, b in zip(x, y, strict=True)
    )


@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
@pytest.mark.parametrize("kind", ["photos", "in_memory"])
def test_shares_workers_and_order_change_nothing(
    kind: str, augmentation: Augmentation, request: pytest.FixtureRequest
) -> None:
    split: Images = request.getfixturevalue(kind)
    whole = several(begin(split, augmentation, workers=1))
    assert same(several(begin(split, augmentation, workers=5)), whole)
    for world in (2, 3, 6):
        ranks = [
            several(begin(split, augmentation, share=(rank, world), workers=2))
            for rank in range(world)
        ]
        joined = [
            tuple(map(torch.cat, zip(*parts, strict=True))) for parts in zip(*ranks, strict=True)
        ]
        assert same(joined, whole)  # type: ignore[arg-type]
    backwards = begin(split, augmentation)
    assert same([backwards(step) for step in (8, 2, 3, 0)], [whole[step] for step in (8, 2, 3, 0)])
    backwards.close()
    assert not same(several(begin(split, augmentation, seed=4)), whole)
    with pytest.raises(ValueError, match="does not divide"):
        begin(split, augmentation, share=(0, 4))(0)


@pytest.mark.parametrize("augmentation", AUGMENTATIONS[:2])
def test_framed_photos_are_batched_as_the_same_images_in_memory(
    photos: OnDisk, augmentation: Augmentation
) -> None:
    """Nothing and padded crops: of the framed picture, whose stream is that of `Batches`."""
    split = Split(photos.sample()[:0], photos.labels[:0])
    for each in photos.batches(1000):
        split = each
    assert same(several(begin(photos, augmentation)), several(begin(split, augmentation)))


@pytest.mark.parametrize(
    "augmentation",
    [Augmentation(AUGMENTATIONS[2].crop, True), Augmentation(AUGMENTATIONS[3].crop, True)],
)
def test_crops_of_photos_are_windows_of_their_files(
    photos: OnDisk, augmentation: Augmentation
) -> None:
    crop = augmentation.crop
    assert isinstance(crop, ShorterSide | ResizedCrop)
    made = begin(photos, augmentation)
    preprocessing = fit(photos.sample(), "per_channel")
    for step in range(6):
        images, labels = made(step)
        samples, epochs = positions(len(photos), 6, step, 3)
        chosen = [photos.photo(sample) for sample in samples.tolist()]
        sizes = torch.tensor([photo.size for photo in chosen])
        windows = boxes(crop, (3, 20, 28), sizes, (3, epochs, samples))
        mirrored = uniform(3, epochs, samples, 2, 2)
        assert labels.tolist() == [photo.label for photo in chosen]
        for image, photo, window, flip in zip(images, chosen, windows, mirrored, strict=True):
            left, top, right, bottom = window.tolist()
            frame = Window((left, top, right, bottom), photo.size, (3, 20, 28))
            pixels = torch.from_numpy(load(photo.path, frame))[None]
            expected = preprocess(pixels, preprocessing)[0]
            assert torch.equal(image, expected.flip(2) if flip else expected)
    made.close()


@pytest.mark.parametrize("crop", [AUGMENTATIONS[2].crop, AUGMENTATIONS[3].crop])
def test_crops_in_memory_are_parts_of_each_image(
    in_memory: Split, crop: ShorterSide | ResizedCrop
) -> None:
    images, labels = begin(in_memory, Augmentation(crop))(4)
    samples, epochs = positions(23, 6, 4, 3)
    sizes = torch.tensor([[28, 20]]).expand(6, -1)
    parts = resampled(
        in_memory.images[samples], boxes(crop, (3, 20, 28), sizes, (3, epochs, samples))
    )
    assert torch.equal(images, preprocess(parts, fit(in_memory.images, "per_channel")))
    assert labels.tolist() == in_memory.labels[samples].tolist()
    mirrored, _ = begin(in_memory, Augmentation(crop, mirror=True))(4)
    for image, other, flip in zip(images, mirrored, uniform(3, epochs, samples, 2, 2), strict=True):
        assert torch.equal(other, image.flip(2) if flip else image)


def test_crops_in_memory_are_mirrored_and_normalised(in_memory: Split) -> None:
    augmentation = Augmentation(ShorterSide(1.0, 1.0), mirror=True)  # the whole picture
    made, plain = begin(in_memory, augmentation), begin(in_memory, Augmentation(None, mirror=True))
    assert same(several(made), several(plain))


def test_colours_come_before_the_mean(in_memory: Split) -> None:
    images, _ = begin(in_memory, Augmentation(colour=Lighting(0.1)))(0)
    plain, _ = begin(in_memory, Augmentation())(0)
    preprocessing = fit(in_memory.images, "per_channel")
    shift = (images - plain) * preprocessing.std.reshape(1, 3, 1, 1)
    assert shift.std((2, 3)).max() < 1e-6
    assert shift.mean((2, 3)).abs().max() > 0.005
    grey = Split(in_memory.images[..., :1], in_memory.labels)
    assert same(
        several(begin(grey, Augmentation(colour=Lighting(0.1)))),
        several(begin(grey, Augmentation())),
    )


def test_per_pixel_means_go_with_padded_crops(in_memory: Split) -> None:
    preprocessing = fit(in_memory.images, "per_pixel_mean")
    augmentation = Augmentation(PaddedCrop(3))
    settings = StreamSettings(preprocessing, augmentation, 6, seed=3, mirror=True, device=CPU)
    made = Batches(in_memory, settings)
    padded = F.pad(preprocess(in_memory.images, preprocessing), (3, 3, 3, 3))
    samples, epochs = positions(23, 6, 2, 3)
    rows, columns = (uniform(3, epochs, samples, each, 7) for each in (0, 1))
    for image, sample, row, column in zip(made(2)[0], samples, rows, columns, strict=True):
        assert torch.equal(image, padded[sample, :, row : row + 20, column : column + 28])


def _copy(photos: OnDisk, folder: Path) -> OnDisk:
    names = [*photos.album.folder.names]
    for row, photo in zip(photos.rows, photos.photos(), strict=True):
        names[row] = f"{row:02}{photo.path.suffix}"
        (folder / names[row]).write_bytes(photo.path.read_bytes())
    moved = replace(photos.album.folder, root=folder, names=names)
    return replace(photos, album=replace(photos.album, folder=moved))


@pytest.mark.parametrize("other", [b"torn", None, Image.new("RGB", (7, 9))])
def test_a_photo_that_can_no_longer_be_read_is_named(
    photos: OnDisk, tmp_path: Path, other: bytes | Image.Image | None
) -> None:
    split = _copy(photos, tmp_path)
    made = begin(split, AUGMENTATIONS[3])
    made(0)
    (sample, *_), _ = positions(len(split), 6, 5, 3)
    bad = split.photo(sample).path
    if isinstance(other, bytes):
        bad.write_bytes(other)
    elif other is None:
        bad.unlink()
    else:
        other.save(bad)
    with pytest.raises(AtalhoError, match=bad.name) as error:
        for step in range(1, 6):
            made(step)
    assert error.value.exit == Exit.DATA
    made.close()


def test_few_steps_are_decoded_ahead_and_closing_ends_the_threads(
    photos: OnDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.active_count()
    read: list[Path] = []

    def counted(path: Path, frame: Framing | Window) -> np.ndarray:
        read.append(path)
        return load(path, frame)

    monkeypatch.setattr("atalho.data.decoding.load", counted)
    made = begin(photos, AUGMENTATIONS[0], workers=3)
    assert threading.active_count() == begun + 3
    for step in range(5):
        made(step)
    assert 30 <= len(read) <= 5 * 6 + 2 * 6
    made.close()
    assert threading.active_count() == begun
    made.close()


def test_no_thread_keeps_the_process_alive(photos: OnDisk) -> None:
    root = photos.photo(0).path.parents[1]
    code = f"""
import torch
from pathlib import Path
from atalho import data
from atalho.data.batches import StreamSettings, fit
from atalho.data.stream import stream
from atalho.recipes.recipe import Augmentation
split = data.load({str(root)!r}, Path({str(root.parent / "data")!r})).splits["train"]
preprocessing = fit(split.sample(), "per_channel")
made = stream(split, StreamSettings(preprocessing, Augmentation(), 6, seed=0, mirror=True, device=torch.device("cpu")))
made(0)
raise SystemExit(3)
"""
    ended = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    assert ended.returncode == 3


def test_every_seed_that_torch_takes_has_draws_of_its_own() -> None:
    samples = torch.arange(64)
    draws = [uniform(seed, samples * 0, samples, 3, 1000) for seed in (0, 2**62, 2**63 - 1)]
    assert all(int(each.min()) >= 0 and int(each.max()) < 1000 for each in draws)
    assert len({tuple(each.tolist()) for each in draws}) == 3
