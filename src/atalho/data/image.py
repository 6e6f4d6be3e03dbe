"""One picture, whatever its format → the pixels that a network sees: right side up, opaque, resized and cropped."""

import io
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import ceil, floor
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from atalho.errors import AtalhoError, Exit
from atalho.grammar.shape import Shape

T = TypeVar("T")
Pixels = NDArray[np.uint8]
CropMode = Literal["center", "squash"]
Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]

MOST_PIXELS = 50_000_000
"""Of a picture as it is stored, and once it is resized."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "PPM")
"""What is decoded: no format that is a program, as EPS is."""

SUFFIXES = frozenset(
    (
        *(".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp"),
        *(".ppm", ".pgm", ".pbm"),
    )
)
"""The names of images in folders; a file that is named is opened whatever its name."""

RESAMPLING: Mapping[Interpolation, Image.Resampling] = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
MODES = {1: "L", 3: "RGB"}

# Pillow warns of a picture that is too large before its size can be read. Set once: filters are not safe between threads.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


@dataclass(frozen=True)
class Framing:
    """How a picture is brought to a network's input; the words are those of timm's `pretrained_cfg`.

    Args:
        input: (C, H, W) of the network; one channel is luma (ITU-R BT.601).
        crop_pct: side of the crop over side of the resized picture, in (0, 1].
        crop_mode: `center` resizes until the picture covers the resized square and cuts out its middle; `squash` changes its
            proportions instead.
    """

    input: Shape
    crop_pct: float = 1.0
    crop_mode: CropMode = "center"
    interpolation: Interpolation = "bilinear"

    def __call__(self, image: Image.Image) -> Pixels:
        """(H, W, C) of an upright RGB picture, resized as by torchvision's Resize.

        Of an odd number of pixels that are cut off, one more goes at the end; torchvision rounds half of them to an even number.

        Raises:
            ValueError: a picture so narrow that it would be too large once resized.
        """
        _, height, width = self.input
        return self.pixels(middle(self.resize(image), width, height))

    @property
    def covered(self) -> tuple[int, int]:
        """(width, height) that a resized picture covers before the crop is cut from it."""
        _, height, width = self.input
        return floor(width / self.crop_pct), floor(height / self.crop_pct)

    def resize(self, image: Image.Image) -> Image.Image:
        """The picture that the crop is cut from; ValueError as of a call."""
        if self.crop_mode == "squash":
            return self.resample(image, *self.covered)
        return self.cover(image, *self.covered)

    def cover(self, image: Image.Image, least_width: int, least_height: int) -> Image.Image:
        """The whole picture as small as it covers a size in its own proportions; ValueError as of a call."""
        width, height = image.size
        # The side that is nearer to its least becomes it; the other keeps the proportions, rounded down as torchvision does.
        if width * least_height <= height * least_width:
            least_height = max(least_height, least_width * height // width)
        else:
            least_width = max(least_width, least_height * width // height)
        return self.resample(image, least_width, least_height)

    def resample(self, image: Image.Image, width: int, height: int) -> Image.Image:
        """The whole picture at a size, whatever its proportions; ValueError as of a call."""
        if width * height > MOST_PIXELS:
            sizes = "×".join(map(str, image.size))
            cropped = "×".join(map(str, reversed(self.input[1:])))
            raise ValueError(f"{sizes} pixels are too narrow to be cropped to {cropped}")
        return image.resize((width, height), RESAMPLING[self.interpolation])

    def pixels(self, image: Image.Image) -> Pixels:
        """(H, W, C) of a picture of any size, with the network's channels."""
        channels = self.input[0]
        return np.array(image.convert(MODES[channels])).reshape(image.height, image.width, channels)


def middle(image: Image.Image, width: int, height: int) -> Image.Image:
    """The centre crop of that size."""
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


Box = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of a picture, in pixels."""

REDUCING_GAP = 2.0
"""How many times larger than wanted a picture is at least when a JPEG decoder makes it smaller; Pillow's documentation calls what
is resized from there very near to what is resized from the whole, and that is its own default for thumbnails."""

SCALES = (1, 2, 4, 8)
"""How many times smaller a JPEG can be decoded."""


@dataclass(frozen=True)
class Window:
    """A part of an upright picture, brought to a network's input by one resize.

    Args:
        picture: (width, height) of the upright picture.
    """

    box: Box
    picture: tuple[int, int]
    input: Shape
    interpolation: Interpolation = "bilinear"

    @property
    def spare(self) -> int:
        """How many times smaller the picture may be decoded, for all that is seen of it."""
        left, top, right, bottom = self.box
        _, height, width = self.input
        return max(1, int(min((right - left) / width, (bottom - top) / height) / REDUCING_GAP))

    def __call__(self, image: Image.Image) -> Pixels:
        """(H, W, C) of an upright RGB picture, which may be decoded 2, 4 or 8 times smaller.

        What is shown of one that is stored another way up may then be off by less than half a pixel: where its sides do not divide by
        that number, the last pixel of a row or column stands for fewer, and turning it puts it first.

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


def load(source: Path | bytes, frame: Framing | Window) -> Pixels:
    """The (H, W, C) pixels of a file, or of a file's bytes.

    Raises:
        AtalhoError: as `read`.
    """
    return read(source, frame, spare=frame.spare if isinstance(frame, Window) else 1)


def read(source: Path | bytes, use: Callable[[Image.Image], T], *, spare: int = 1) -> T:
    """What `use` makes of a file's first picture, upright and RGB; or of that in a file's bytes.

    Args:
        spare: how many times smaller a JPEG may be decoded, which is faster.

    Raises:
        AtalhoError: (exit 3) IMAGE-MISSING, IMAGE-UNREADABLE or IMAGE-LARGE, with the file's name.
    """
    name = "standard input" if isinstance(source, bytes) else source
    try:
        with Image.open(
            io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS
        ) as image:
            if image.width * image.height > MOST_PIXELS:
                raise _Large(f"{image.width}×{image.height} pixels")
            if spare > 1:
                image.draft(None, (image.width // spare, image.height // spare))
            return use(upright_rgb(image))
    except (_Large, Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise _error(
            "LARGE",
            name,
            f"is larger than {MOST_PIXELS // 10**6} megapixels ({error})",
            "make it smaller first",
        ) from error
    except UnidentifiedImageError as error:
        known = ", ".join(FORMATS)
        raise _error("UNREADABLE", name, f"is no image in {known}", "convert it to PNG") from error
    except OSError as error:
        if error.strerror:  # from the system, and not from a decoder
            cause, code = f"cannot be read ({error.strerror})", "MISSING"
            raise _error(code, name, cause, "give the path of an image") from error
        raise _damaged(name, error) from error
    except Exception as error:  # decoders fail in any way on damaged bytes
        raise _damaged(name, error) from error


class _Large(Exception):  # noqa: N818 (it becomes an AtalhoError)
    pass


def upright_rgb(image: Image.Image) -> Image.Image:
    """The first frame as RGB: turned as EXIF says, what is transparent on white, 16 bits scaled to 8.

    Raises:
        ValueError: pixels that have no fixed black and white.
    """
    image.load()
    with suppress(Exception):  # EXIF that cannot be read in any way says nothing of the pixels
        ImageOps.exif_transpose(image, in_place=True)
    if image.mode.startswith(("I", "F")):
        image = _eight_bits(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        return white
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey levels of 16 bits as 8; the wider integers of some formats hold 16 bits too."""
    levels: NDArray[Any] = np.asarray(image)
    if image.mode == "F" or levels.min() < 0 or levels.max() > 65535:
        raise ValueError(f"pixels of mode {image.mode} have no fixed black and white")
    return Image.fromarray(((levels.astype(np.uint32) + 128) // 257).astype(np.uint8))


def _damaged(name: object, error: Exception) -> AtalhoError:
    return _error(
        "UNREADABLE", name, f"cannot be used ({error})", "open and save it in another program"
    )


def _error(code: str, name: object, cause: str, next_step: str) -> AtalhoError:
    return AtalhoError(f"IMAGE-{code}", name, cause, next_step=next_step, exit=Exit.DATA)
