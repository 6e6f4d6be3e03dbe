"""A single image of a split for people to look at: its checksum, its file, and a small picture of it."""

import io
import os
from typing import NamedTuple

import torch
from PIL import Image

from atalho.data.dataset import Images, Split
from atalho.data.image import read
from atalho.data.on_disk import OnDisk

SIDE = 112
"""The most pixels of a thumbnail's longer side."""

SMALL = 64
"""Images of at most so many pixels a side are kept as PNG, in which single pixels stay sharp; larger ones as JPEG."""

_QUALITY = 75  # of a JPEG


class Thumbnail(NamedTuple):
    """A small picture: the bytes of its file, and the suffix for the file's name."""

    content: bytes
    suffix: str


def checksum(images: Images, row: int) -> str:
    """The SHA-256 of an image, in hexadecimal digits: of its file, or of its pixels where it comes from no file."""
    (sha256,) = images.select(torch.tensor([row])).checksums()
    return sha256.hex()


def file(images: Images, row: int) -> str:
    """The name of an image's file with that of its folder; empty for an image that comes from no file."""
    if not isinstance(images, OnDisk):
        return ""
    path = images.photo(row).path
    # Bytes that are no UTF-8 are escaped, so that the name can be written anywhere.
    return os.fsencode(f"{path.parent.name}/{path.name}").decode("utf-8", "backslashreplace")


def thumbnail(images: Images, row: int) -> Thumbnail:
    """A small picture of an image: the whole photo, upright, without the file's EXIF and other metadata.

    Raises:
        AtalhoError: as `image.read`, for a photo that can no longer be read.
    """
    if isinstance(images, OnDisk):
        white = images.framing.white
        picture = read(images.photo(row).path, lambda image: image, white=white)
    else:
        assert isinstance(images, Split)
        picture = Image.fromarray(images.images[row].squeeze(-1).numpy())
    return small(picture)


def small(picture: Image.Image) -> Thumbnail:
    """A small picture of a picture, which is made smaller itself."""
    is_small = max(picture.size) <= SMALL
    picture.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    if is_small:
        picture.save(out, "PNG", optimize=True)
        return Thumbnail(out.getvalue(), ".png")
    picture.save(out, "JPEG", quality=_QUALITY, optimize=True)
    return Thumbnail(out.getvalue(), ".jpg")
