"""Crops and colours beside torchvision's, and beside brute force in plain Python."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from atalho.data.augmentation import (
    LEFT,
    LENGTH,
    MOST_TRIES,
    ORDERS,
    TOP,
    TRIES,
    Draw,
    boxes,
    lighting,
    photometric,
    recoloured,
    resampled,
)
from atalho.data.draws import uniform
from atalho.data.window import Window
from atalho.recipes.recipe import Lighting, Photometric, ResizedCrop, ShorterSide

GOOGLENET = ResizedCrop((0.08, 1.0), (3 / 4, 4 / 3))
HE = ShorterSide(256 / 224, 480 / 224)
INPUT = (3, 224, 224)


def draws(count: int, seed: int = 0) -> Draw:
    samples = torch.arange(count)
    return seed, samples % 7, samples


def sizes(count: int, width: int, height: int) -> Tensor:
    return torch.tensor([[width, height]]).expand(count, -1)


def share(draw: Draw, stream: int, place: int) -> float:
    seed, epochs, samples = draw
    one = slice(place, place + 1)
    return uniform(seed, epochs[one], samples[one], stream, 2**31).item() / 2**31


@pytest.mark.parametrize(
    ("width", "height"), [(500, 375), (333, 500), (32, 32), (3000, 40), (20, 900)]
)
def test_resized_crops_are_torchvisions_given_the_same_chances(width: int, height: int) -> None:
    """`RandomResizedCrop.get_params` as torchvision writes it, in Python's own numbers."""
    draw = draws(80)
    found = boxes(GOOGLENET, INPUT, sizes(80, width, height), draw).tolist()
    ended = set()
    for place in range(80):
        for number in range(MOST_TRIES):
            chance = [share(draw, TRIES + 4 * number + each, place) for each in range(4)]
            area = width * height * (0.08 + 0.92 * chance[0])
            least, most = math.log(3 / 4), math.log(4 / 3)
            aspect = math.exp(least + (most - least) * chance[1])
            w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if 0 < w <= width and 0 < h <= height:
                left, top = int(chance[2] * (width - w + 1)), int(chance[3] * (height - h + 1))
                ended.add("drawn")
                break
        else:
            w, h = width, height
            if width / height < 3 / 4:
                h = round(width / (3 / 4))
            elif width / height > 4 / 3:
                w = round(height * (4 / 3))
            left, top = (width - w) // 2, (height - h) // 2
            ended.add("middle")
        assert found[place] == [left, top, left + w, top + h]
    assert ended == ({"drawn"} if max(width, height) <= 500 else {"middle"})


def test_resized_crops_have_the_areas_and_aspects_that_are_asked_for() -> None:
    left, top, right, bottom = boxes(
        GOOGLENET, INPUT, sizes(20_000, 600, 600), draws(20_000)
    ).unbind(1)
    width, height = right - left, bottom - top
    area, aspect = width * height / 600**2, width / height
    assert 0.0795 < area.min() < 0.085
    assert 0.9 < area.max() <= 1
    assert 0.745 < aspect.min() < 0.755
    assert 1.325 < aspect.max() < 1.343
    assert (left >= 0).all()
    assert (right <= 600).all()
    assert (top >= 0).all()
    assert (bottom <= 600).all()
    # Small areas fit wherever they are: the log of their aspect is even, and so is their place.
    small = area < 0.3
    assert aspect[small].log().mean().abs() < 0.01
    assert abs((left / (600 - width))[small].mean() - 0.5) < 0.01
    # Different chances for each: area, aspect, left and top do not go together.
    four = torch.stack(
        [area[small], aspect[small], (left / (600 - width))[small], (top / (600 - height))[small]]
    )
    assert (torch.corrcoef(four) - torch.eye(4)).abs().max() < 0.05


@pytest.mark.parametrize(("width", "height"), [(500, 375), (375, 500), (97, 1203), (224, 224)])
def test_shorter_sides_are_a_resize_and_a_crop(width: int, height: int) -> None:
    """Of one resize from the box, what torchvision's Resize and a crop of it show."""
    pixels = np.random.default_rng(0).integers(
        0, 256, (height // 8 + 1, width // 8 + 1, 3), np.uint8
    )
    picture = Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)
    draw = draws(30)
    found = boxes(HE, INPUT, sizes(30, width, height), draw).tolist()
    for place, box in enumerate(found):
        seed, epochs, samples = draw
        length = 256 + int(uniform(seed, epochs, samples, LENGTH, 480 - 256 + 1)[place])
        bilinear = v2.InterpolationMode.BILINEAR
        resized = F.resize(picture, [length], interpolation=bilinear)
        levels = F.resize(picture.convert("F"), [length], interpolation=bilinear)
        assert min(resized.size) == length
        left, top = (
            int(share(draw, stream, place) * (side - 224 + 1))
            for stream, side in ((LEFT, resized.width), (TOP, resized.height))
        )
        part = (left, top, left + 224, top + 224)
        unrounded = picture.convert("F").resize((224, 224), Image.Resampling.BILINEAR, box)
        np.testing.assert_allclose(unrounded, levels.crop(part), atol=0.01)
        window = Window((box[0], box[1], box[2], box[3]), (width, height), INPUT)
        assert window.scale((width, height)) == 1
        difference = window(picture).astype(int) - np.asarray(resized.crop(part))
        assert abs(difference).max() <= 2  # each of two passes rounds to whole levels


def test_shorter_sides_are_all_lengths() -> None:
    found = boxes(HE, INPUT, sizes(20_000, 1000, 500), draws(20_000))
    lengths = (224 * 500 / (found[:, 3] - found[:, 1])).round().long()
    assert lengths.unique().tolist() == [*range(256, 481)]


def test_a_window_is_the_crop_and_resize() -> None:
    """Beside torchvision's resized_crop, whose filter ends at the crop: equal one pixel of the picture inside of it."""
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    picture = Image.fromarray(pixels).resize((400, 300), Image.Resampling.BICUBIC)
    for left, top, right, bottom in (
        boxes(GOOGLENET, INPUT, sizes(20, 400, 300), draws(20)).long().tolist()
    ):
        size = [224, 224]
        expected = F.resized_crop(picture, top, left, bottom - top, right - left, size)
        found = Window((left, top, right, bottom), (400, 300), INPUT)(picture)
        difference = abs(np.asarray(expected).astype(int) - found.astype(int))
        assert difference[4:-4, 4:-4].max() <= 1
        assert difference.mean() < 0.3


def test_resampling_is_torchvisions_and_the_whole_picture_is_itself() -> None:
    images = torch.randint(
        0, 256, (6, 20, 28, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    whole = torch.tensor([[0.0, 0.0, 28.0, 20.0]], dtype=torch.float64).expand(6, -1)
    assert torch.equal(resampled(images, whole), images.float())
    parts = boxes(GOOGLENET, (3, 20, 28), sizes(6, 28, 20), draws(6))
    found = resampled(images, parts).permute(0, 3, 1, 2)
    channels_first = images.permute(0, 3, 1, 2).float()
    for image, box, seen in zip(channels_first, parts.long().tolist(), found, strict=True):
        left, top, right, bottom = box
        expected = F.resized_crop(
            image, top, left, bottom - top, right - left, [20, 28], antialias=False
        )
        # Where torchvision's crop ends, the picture goes on.
        inside = (
            slice(None),
            slice(20 // (bottom - top) + 1, -(20 // (bottom - top)) - 1),
            slice(28 // (right - left) + 1, -(28 // (right - left)) - 1),
        )
        torch.testing.assert_close(seen[inside], expected[inside], atol=1e-3, rtol=1e-5)
        assert not torch.equal(expected, image)


def test_resampling_by_brute_force() -> None:
    image = torch.arange(12, dtype=torch.uint8).reshape(1, 3, 4, 1) ** 2
    box = torch.tensor([[0.5, -0.25, 3.25, 2.75]], dtype=torch.float64)
    found = resampled(image, box)[0, :, :, 0]
    for row in range(3):
        for column in range(4):
            y = min(max(-0.25 + (row + 0.5) * 1 - 0.5, 0), 2)
            x = min(max(0.5 + (column + 0.5) * 2.75 / 4 - 0.5, 0), 3)
            expected = sum(
                max(0, 1 - abs(y - i)) * max(0, 1 - abs(x - j)) * int(image[0, i, j, 0])
                for i in range(3)
                for j in range(4)
            )
            assert found[row, column].item() == pytest.approx(expected, rel=1e-6)


def test_photometric_distortions_are_torchvisions_in_their_order() -> None:
    pixels = torch.rand(12, 9, 7, 3, generator=torch.Generator().manual_seed(0))
    factors = 0.5 + torch.rand(12, 3, generator=torch.Generator().manual_seed(1)).double()
    orders = torch.arange(12) % 6
    found = photometric(pixels, factors, orders)
    adjust = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation)
    for image, factor, order, seen in zip(pixels, factors, orders, found, strict=True):
        expected = image.permute(2, 0, 1)
        for step in ORDERS[order].tolist():
            expected = adjust[step](expected, factor[step].item())
        torch.testing.assert_close(seen, expected.permute(1, 2, 0), atol=2e-6, rtol=1e-5)
    assert sorted(map(tuple, ORDERS.tolist())) == [
        (0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0),
    ]  # fmt: skip


def test_an_images_colours_do_not_depend_on_the_others() -> None:
    pixels = torch.rand(8, 9, 7, 3, generator=torch.Generator().manual_seed(0))
    for colour in (Photometric(0.4), Lighting(0.1)):
        seed, epochs, samples = draws(8)
        whole = recoloured(pixels, colour, (seed, epochs, samples))
        for place in range(8):
            one = slice(place, place + 1)
            alone = recoloured(pixels[one], colour, (seed, epochs[one], samples[one]))
            assert torch.equal(alone[0], whole[place])


def test_lighting_is_krizhevskys() -> None:
    """RGB = p · (α λ) with α normal: its covariance is std² p λ² pᵀ."""
    draw = draws(200_000)
    shift = lighting(Lighting(0.1), draw)
    vectors = torch.tensor(
        [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]],
        dtype=torch.float64,
    )
    values = torch.tensor([0.2175, 0.0188, 0.0045], dtype=torch.float64)
    alphas = torch.linalg.solve(vectors, shift.T).T / values
    assert alphas.mean(0).abs().max() < 0.1 * 4 / math.sqrt(200_000)
    torch.testing.assert_close(
        alphas.std(0), torch.full((3,), 0.1, dtype=torch.float64), rtol=0.01, atol=0
    )
    assert (torch.corrcoef(alphas.T) - torch.eye(3)).abs().max() < 0.01
    kurtosis = (alphas**4).mean(0) / (alphas**2).mean(0) ** 2
    assert (kurtosis - 3).abs().max() < 0.06  # of a normal distribution
    pixels = torch.full((3, 2, 2, 3), 0.5)
    few = draws(3)
    expected = (0.5 + shift[:3]).float()[:, None, None, :].expand_as(pixels)
    torch.testing.assert_close(recoloured(pixels, Lighting(0.1), few), expected)


def test_photometric_factors_are_even() -> None:
    """On a picture of one grey, only the brightness is seen: it is between 1 - strength and 1 + strength."""
    pixels = torch.full((5000, 1, 1, 3), 0.25)
    found = recoloured(pixels, Photometric(0.4), draws(5000))[:, 0, 0, 0] / 0.25
    assert 0.6 <= found.min() < 0.605
    assert 1.395 < found.max() <= 1.4001
    assert abs(found.mean() - 1) < 0.01
    assert abs(found.std() - 0.8 / math.sqrt(12)) < 0.005
