"""A part of a picture, brought to a network's input: the random crops of training."""

from dataclasses import dataclass
from math import ceil

import numpy as np
from PIL import Image

from atalho.data.image import (
    MODES,
    RESAMPLING,
    SCALES,
    WHITE,
    Interpolation,
    Pixels,
    scale_within,
)
from atalho.grammar.shape import Shape

Box = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of a picture, in pixels."""


@dataclass(frozen=True)
class Window:
    """A part of an upright picture, brought to a network's input by one resize.

    Args:
        picture: (width, height) of the upright picture.
        white: as in `Framing`.
    """

    box: Box
    picture: tuple[int, int]
    input: Shape
    interpolation: Interpolation = "bilinear"
    white: int = WHITE

    def scale(self, stored: tuple[int, int]) -> int:
        """As of a `Frame`."""
        left, top, right, bottom = self.box
        _, height, width = self.input
        return scale_within(min((right - left) / width, (bottom - top) / height))

    def __call__(self, image: Image.Image) -> Pixels:
        """(H, W, C) of an upright RGB picture, which may be decoded 2, 4 or 8 times smaller.

        Of a picture that EXIF turns, the box may then be off by less than half a pixel: where its sides do not divide by that number,
        the last pixel of a row or column stands for fewer original ones, and turning the picture puts it first.

        Raises:
            ValueError: a picture of another size.
        """
        channels, height, width = self.input
        scales = (s for s in SCALES if image.size == tuple(ceil(side / s) for side in self.picture))
        if (scale := next(scales, None)) is None:
            was, now = ("×".join(map(str, size)) for size in (self.picture, image.size))
            raise ValueError(f"{now} pixels, where there were {was}")
        left, top, right, bottom = (side / scale for side in self.box)
        image = image.resize(
            (width, height), RESAMPLING[self.interpolation], (left, top, right, bottom)
        )
        return np.array(image.convert(MODES[channels])).reshape(height, width, channels)
