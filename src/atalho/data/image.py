"""One picture, whatever its format → the pixels that a network sees: right side up, opaque, resized and cropped."""

import io
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import floor
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from atalho.data.formats import readable, remedy
from atalho.data.shards import member
from atalho.errors import AtalhoError, Exit
from atalho.grammar.shape import Shape

T = TypeVar("T")
Pixels = NDArray[np.uint8]
CropMode = Literal["center", "squash"]
Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]

MOST_PIXELS = 50_000_000
"""The most pixels of a picture, both as it is stored and after it is resized."""

WHITE = 65535
"""The grey level of 16 bits that is white, unless a folder's photos have fewer bits."""

RESAMPLING: Mapping[Interpolation, Image.Resampling] = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
MODES = {1: "L", 3: "RGB"}

# Pillow's warnings name no file and are ignored, except that of a picture that is too large: it comes before the size can be read,
# and becomes an error. Set once, since filters are not safe between threads.
warnings.filterwarnings("ignore", module=r"PIL\.")
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


@dataclass(frozen=True)
class Framing:
    """How a picture is brought to a network's input; the words are those of timm's `pretrained_cfg`.

    Args:
        input: (C, H, W) of the network; one channel is luma (ITU-R BT.601).
        crop_pct: side of the crop over side of the resized picture, in (0, 1].
        crop_mode: `center` resizes until the picture covers the resized square and cuts out its middle; `squash` changes its
            proportions instead.
        white: the grey level that is white in pictures of 16 bits; scanners and X-ray sets use 12 of them.
    """

    input: Shape
    crop_pct: float = 1.0
    crop_mode: CropMode = "center"
    interpolation: Interpolation = "bilinear"
    white: int = WHITE

    def __call__(self, image: Image.Image) -> Pixels:
        """(H, W, C) of an upright RGB picture, resized as by torchvision's Resize.

        Of an odd number of pixels to cut off, the end loses one more than the start; torchvision rounds half the number to an even one.

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
        """The resized picture that the crop is cut from; raises ValueError as `__call__`."""
        if self.crop_mode == "squash":
            return self.resample(image, *self.covered)
        return self.cover(image, *self.covered)

    def cover(self, image: Image.Image, least_width: int, least_height: int) -> Image.Image:
        """The whole picture in its own proportions, as small as it still covers a size; raises ValueError as `__call__`."""
        return self.resample(image, *covering(image.size, least_width, least_height))

    def resample(self, image: Image.Image, width: int, height: int) -> Image.Image:
        """The whole picture at a size, whatever its proportions; raises ValueError as `__call__`."""
        self._check(image.size, width, height)
        return image.resize((width, height), RESAMPLING[self.interpolation])

    def scale(self, stored: tuple[int, int]) -> int:
        """As of a `Frame`, whichever way EXIF turns the picture."""
        return scale_within(min(stored) / max(self.covered))

    def check(self, size: tuple[int, int]) -> None:
        """Raises ValueError where `__call__` with a picture of that (width, height) would."""
        if self.crop_mode == "center":
            self._check(size, *covering(size, *self.covered))

    def _check(self, size: tuple[int, int], width: int, height: int) -> None:
        if width * height > MOST_PIXELS:
            sizes = "×".join(map(str, size))
            cropped = "×".join(map(str, reversed(self.input[1:])))
            raise ValueError(f"{sizes} pixels are too narrow to be cropped to {cropped}")

    def pixels(self, image: Image.Image) -> Pixels:
        """(H, W, C) of a picture of any size, with the network's channels."""
        channels = self.input[0]
        return np.array(image.convert(MODES[channels])).reshape(image.height, image.width, channels)


def covering(size: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    """The smallest (width, height) in the proportions of `size` that covers `width` × `height`."""
    # The relatively shorter side is resized exactly; the other keeps the proportions, rounded down as by torchvision.
    if size[0] * height <= size[1] * width:
        return width, max(height, width * size[1] // size[0])
    return max(width, height * size[0] // size[1]), height


def middle(image: Image.Image, width: int, height: int) -> Image.Image:
    """The centre crop of that size."""
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


SCALES = (8, 4, 2, 1)
"""How many times smaller a JPEG can be decoded."""


def scale_within(ratio: float) -> int:
    """How many times smaller a JPEG is decoded of which a picture so many times smaller is needed: never below what is needed.

    Of 200 photos of ImageNet at 64 to 112 pixels, decoded smaller or not, ResNet-50 gets as many right (61 against 60 to 124
    against 118).
    """
    return next((scale for scale in SCALES if scale <= ratio), 1)


class Frame(Protocol):
    """What brings an upright RGB picture to a network's input."""

    @property
    def white(self) -> int:
        """As in `Framing`."""

    def scale(self, stored: tuple[int, int]) -> int:
        """One of `SCALES`: how many times smaller a JPEG of that stored (width, height) may be decoded."""

    def __call__(self, image: Image.Image) -> Pixels:
        """(H, W, C) of a picture, which may be decoded smaller; raises ValueError for one that cannot be framed."""


def load(source: Path | bytes, frame: Frame) -> Pixels:
    """The (H, W, C) pixels of a file, or of a file's bytes.

    Raises:
        AtalhoError: as `read`.
    """
    return read(source, frame, white=frame.white, scale=frame.scale)


def read(
    source: Path | bytes,
    use: Callable[[Image.Image], T],
    *,
    white: int = WHITE,
    scale: Callable[[tuple[int, int]], int] = lambda stored: 1,
) -> T:
    """Returns what `use` returns for the first picture of a file or of a file's bytes, upright and RGB.

    Args:
        white: as in `Framing`.
        scale: as of a `Frame`; a JPEG that is decoded smaller is decoded faster.

    Raises:
        AtalhoError: as `opened`.
    """

    def upright(image: Image.Image) -> T:
        if (smaller := scale(image.size)) > 1:
            image.draft(None, (image.width // smaller, image.height // smaller))
        return use(upright_rgb(image, white))

    return opened(source, upright)


def opened(source: Path | bytes, use: Callable[[Image.Image], T]) -> T:
    """Returns what `use` returns for the first picture of a file or of a file's bytes, as it is stored and not yet decoded.

    Raises:
        AtalhoError: (exit 3) IMAGE-MISSING, IMAGE-UNREADABLE or IMAGE-LARGE, with the file's name.
    """
    name = Path("standard input") if isinstance(source, bytes) else source
    try:
        data = source if isinstance(source, bytes) else member(source)
        with Image.open(source if data is None else io.BytesIO(data), formats=readable()) as image:
            if image.width * image.height > MOST_PIXELS:
                raise _Large(f"{image.width}×{image.height} pixels")
            return use(image)
    except (_Large, Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise _error(
            "LARGE",
            name,
            f"is larger than {MOST_PIXELS // 10**6} megapixels ({error})",
            "make it smaller first",
        ) from error
    except UnidentifiedImageError as error:
        supported = ", ".join(readable())
        cause = f"is no image in {supported}"
        raise _error("UNREADABLE", name, cause, remedy(source if data is None else data)) from error
    except Exception as error:  # decoders fail in any way on damaged bytes
        if isinstance(error, OSError) and error.strerror:  # from the system, and not from a decoder
            cause = unreadable(name, error)
            raise _error("MISSING", name, cause, "give the path of an image") from error
        cause = f"cannot be used ({error})"
        raise _error("UNREADABLE", name, cause, "open and save it in another program") from error


def unreadable(path: Path, error: OSError) -> str:
    """Why the operating system cannot read a file, in words."""
    if isinstance(error, FileNotFoundError) and path.is_symlink():
        return f"is a link to {path.readlink()}, which is not there"
    return f"cannot be read ({error.strerror})"


class _Large(Exception):  # noqa: N818 (it becomes an AtalhoError)
    pass


def upright_rgb(image: Image.Image, white: int = WHITE) -> Image.Image:
    """The first frame as RGB: turned as EXIF states, transparent parts on white, 16 bits scaled to 8.

    Raises:
        ValueError: pixels that have no fixed black and white.
    """
    image.load()
    with suppress(Exception):  # damaged EXIF does not affect the pixels
        ImageOps.exif_transpose(image, in_place=True)
    if sixteen_bits(image):
        image = _eight_bits(image, white)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        opaque = Image.new("RGB", image.size, "white")
        opaque.paste(image, mask=image.getchannel("A"))
        return opaque
    return image.convert("RGB")


def sixteen_bits(image: Image.Image) -> bool:
    """Whether a picture has grey levels of 16 bits; the wider integers of some formats hold 16 bits too."""
    return image.mode.startswith(("I", "F"))


def brightest(image: Image.Image) -> int:
    """The highest grey level of a picture of 16 bits; raises ValueError as `upright_rgb`."""
    return int(_levels(image).max())


def _levels(image: Image.Image) -> NDArray[np.uint32]:
    levels: NDArray[Any] = np.asarray(image)
    if image.mode == "F" or levels.min() < 0 or levels.max() > WHITE:
        raise ValueError(f"pixels of mode {image.mode} have no fixed black and white")
    return levels.astype(np.uint32)


def _eight_bits(image: Image.Image, white: int) -> Image.Image:
    """Grey levels of 16 bits as 8, rounded to the nearest; what is brighter than white is white."""
    scaled = (510 * _levels(image) + white) // (2 * white)
    return Image.fromarray(scaled.clip(max=255).astype(np.uint8))


def _error(code: str, name: object, cause: str, next_step: str) -> AtalhoError:
    return AtalhoError(f"IMAGE-{code}", name, cause, next_step=next_step, exit=Exit.DATA)
