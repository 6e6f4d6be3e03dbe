"""Where a training image is cropped and how its colours change, from draws that are equal for equal (seed, epoch, sample).

Random numbers are computed on the host in float64, so that every device uses the same ones.
"""

from math import log, pi

import torch
from torch import Tensor

from atalho.data.draws import uniform
from atalho.grammar.shape import Shape
from atalho.recipes.recipe import Lighting, Photometric, ResizedCrop, ShorterSide
from atalho.runtime.transfer import on_device

Draw = tuple[int, Tensor, Tensor]
"""The seed, and (N,) epochs and samples on the host."""

# Numbers of the streams of random numbers; streams 0 to 2 shift and mirror.
LENGTH, LEFT, TOP, PLAIN, FACTORS, ORDER, TRIES = 3, 4, 5, 6, 12, 15, 16
MOST_TRIES = 10
"""Random areas and aspect ratios that are tried, as in torchvision's RandomResizedCrop; if none fits, the crop is central."""

# Principal components of the colours of ImageNet's training images, for pixels in [0, 1] (Krizhevsky 2012, §4.1; the numbers are
# those of fb.resnet.torch).
EIGENVALUES = (0.2175, 0.0188, 0.0045)
EIGENVECTORS = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)

LUMA = (0.2989, 0.587, 0.114)  # torchvision's rounding of ITU-R BT.601


def _between(least: float, most: float, draw: Draw, stream: int) -> Tensor:
    """(N,) uniformly distributed numbers in [least, most), float64."""
    share = uniform(*draw, stream, 2**31).double() / 2**31
    return least + (most - least) * share


def _below(bounds: Tensor, draw: Draw, stream: int) -> Tensor:
    """(N,) uniformly distributed whole numbers in [0, bound), each with its own bound, float64."""
    return (_between(0, 1, draw, stream) * bounds).floor()


def boxes(crop: ShorterSide | ResizedCrop, input: Shape, sizes: Tensor, draw: Draw) -> Tensor:
    """The part of every picture that is resized to the input: (N, 4) of left, top, right and bottom in its pixels, float64.

    Args:
        sizes: (N, 2), width and height of every picture.
    """
    width, height = sizes.double().unbind(1)
    if isinstance(crop, ResizedCrop):
        return _resized_crop(crop, width, height, draw)
    rows, columns = input[1:]
    shorter = min(rows, columns)
    least, most = (round(times * shorter) for times in (crop.least, crop.most))
    length = least + uniform(*draw, LENGTH, most - least + 1).double()
    # The picture is resized until it just covers the input times length / shorter; its other side is rounded down as in `Framing`.
    wide, high = ((length * side / shorter).floor() for side in (columns, rows))
    narrow = width * high <= height * wide
    wide, high = (
        torch.where(narrow, wide, (high * width / height).floor()),
        torch.where(narrow, (wide * height / width).floor(), high),
    )
    left = _below(wide - columns + 1, draw, LEFT) * width / wide
    top = _below(high - rows + 1, draw, TOP) * height / high
    return torch.stack(
        (left, top, left + columns * width / wide, top + rows * height / high), dim=1
    )


def _resized_crop(crop: ResizedCrop, width: Tensor, height: Tensor, draw: Draw) -> Tensor:
    narrow, broad = crop.aspect
    # Where no try fits: the largest central crop within the aspect ratios.
    wide = torch.where(width > broad * height, (height * broad).round(), width)
    high = torch.where(width < narrow * height, (width / narrow).round(), height)
    left, top = ((width - wide) / 2).floor(), ((height - high) / 2).floor()
    for number in reversed(range(MOST_TRIES)):  # the first try that fits overwrites later ones
        stream = TRIES + 4 * number
        area = width * height * _between(*crop.area, draw, stream)
        aspect = _between(log(narrow), log(broad), draw, stream + 1).exp()
        w, h = (area * aspect).sqrt().round(), (area / aspect).sqrt().round()
        fits = (w > 0) & (w <= width) & (h > 0) & (h <= height)
        wide, high = torch.where(fits, w, wide), torch.where(fits, h, high)
        left = torch.where(fits, _below(width - w + 1, draw, stream + 2), left)
        top = torch.where(fits, _below(height - h + 1, draw, stream + 3), top)
    return torch.stack((left, top, left + wide, top + high), dim=1)


def resampled(images: Tensor, boxes: Tensor) -> Tensor:
    """A box of each of (N, H, W, C) images, resized to the size of the images: (N, H, W, C) floats.

    The interpolation is bilinear; a box around the whole image returns it exactly.
    """
    size = images.shape[1:3]
    low, high, share = zip(
        *(
            _neighbours(boxes[:, start], boxes[:, start + 2], side)
            for start, side in ((1, size[0]), (0, size[1]))
        ),
        strict=True,
    )
    device = images.device
    which = torch.arange(len(images), device=device)[:, None, None]
    (y0, x0), (y1, x1) = (
        (on_device(rows, device)[:, :, None], on_device(columns, device)[:, None, :])
        for rows, columns in (low, high)
    )
    down = on_device(share[0], device)[:, :, None, None]
    right = on_device(share[1], device)[:, None, :, None]
    above = torch.lerp(images[which, y0, x0].float(), images[which, y0, x1].float(), right)
    below = torch.lerp(images[which, y1, x0].float(), images[which, y1, x1].float(), right)
    return torch.lerp(above, below, down)


def _neighbours(start: Tensor, end: Tensor, side: int) -> tuple[Tensor, Tensor, Tensor]:
    """The interpolation of `side` positions from `start` to `end` of each image.

    Returns:
        The pixels before and after each position, and its distance from the first, in [0, 1); all (N, side).
    """
    middles = (torch.arange(side, dtype=torch.float64) + 0.5) / side
    positions = start[:, None] + middles * (end - start)[:, None] - 0.5
    positions = positions.clamp(0, side - 1)
    before = positions.floor()
    after = (before + 1).clamp(max=side - 1)
    return before.long(), after.long(), (positions - before).float()


def recoloured(pixels: Tensor, colour: Lighting | Photometric, draw: Draw) -> Tensor:
    """(N, H, W, 3) floats in [0, 1] with randomly changed colours."""
    if isinstance(colour, Lighting):
        shift = lighting(colour, draw)
        return pixels + on_device(shift, pixels.device).to(pixels)[:, None, None, :]
    least, most = 1 - colour.strength, 1 + colour.strength
    factors = torch.stack([_between(least, most, draw, FACTORS + each) for each in range(3)], 1)
    return photometric(pixels, factors, uniform(*draw, ORDER, len(ORDERS)))


def lighting(colour: Lighting, draw: Draw) -> Tensor:
    """The amounts to add to the three channels of every image: (N, 3), float64."""
    shift = torch.zeros(len(draw[1]), 3, dtype=torch.float64)
    for component, value in enumerate(EIGENVALUES):
        # A normally distributed number from two uniform ones (Box 1958); the first is above zero, for its logarithm.
        radius = 1 - _between(0, 1, draw, PLAIN + 2 * component)
        angle = 2 * pi * _between(0, 1, draw, PLAIN + 2 * component + 1)
        normal = (-2 * radius.log()).sqrt() * angle.cos()
        vector = torch.tensor([row[component] for row in EIGENVECTORS], dtype=torch.float64)
        shift += colour.std * value * normal[:, None] * vector
    return shift


ORDERS = torch.tensor([(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
"""The six orders in which brightness (0), contrast (1) and saturation (2) can be changed."""


def photometric(pixels: Tensor, factors: Tensor, orders: Tensor) -> Tensor:
    """(N, H, W, 3) floats with brightness, contrast and saturation changed, each as torchvision does.

    Args:
        factors: (N, 3), of brightness, contrast and saturation.
        orders: (N,) indices of `ORDERS`.
    """
    factors, order = (on_device(each, pixels.device) for each in (factors, ORDERS[orders]))
    for steps in order.unbind(1):
        # Each step blends the picture with black (brightness), its mean grey (contrast) or its own greys (saturation).
        grey = sum(weight * pixels[..., c] for c, weight in enumerate(LUMA))
        assert isinstance(grey, Tensor)
        # Whole numbers have the same sum in any order, on any device and in a batch of any size.
        mean = (grey.double() * 2**32).round().long().sum((1, 2)).double() / 2**32 / grey[0].numel()
        contrast, saturation = ((steps == each).to(pixels)[:, None, None] for each in (1, 2))
        other = saturation * grey + contrast * mean.to(pixels)[:, None, None]
        factor = factors.gather(1, steps[:, None])[:, :, None, None].to(pixels)
        pixels = (factor * pixels + (1 - factor) * other[..., None]).clamp(0, 1)
    return pixels
