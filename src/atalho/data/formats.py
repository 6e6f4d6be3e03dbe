"""Which files are images: by their suffix, or by their first bytes where the suffix is no image's."""

import re
from functools import cache
from pathlib import Path

from PIL import Image

#   Pillow's name of a format: the suffixes of its files. Formats that are programs, as EPS, are not read.
SUFFIXES = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp", ".dib"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "AVIF": (".avif",),
    "JPEG2000": (".jp2", ".j2k"),
    "HEIF": (".heic", ".heif", ".hif"),
}
HEIF_EXTRA = "pip install 'atalho[heif]'"

HEAD = 16
"""Bytes at the start of a file that tell its format."""

#   format: how its files begin. TIFF is not among them, since raw files of cameras begin like it, with a thumbnail as their first
#   picture; nor is PPM, since a text may begin like it.
SIGNATURES = {
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "WEBP": rb"RIFF....WEBP",
    "GIF": rb"GIF8[79]a",
    "BMP": rb"BM....\0\0\0\0",
    "AVIF": rb"....ftypavi[fs]",
    "JPEG2000": rb"\0\0\0\x0cjP  \r\n|\xff\x4f\xff\x51",
    "HEIF": rb"....ftyp(hei[cxms]|mif1)",
}


@cache
def readable() -> tuple[str, ...]:
    """Pillow's names of the formats that this installation reads; HEIF with pillow-heif alone."""
    Image.init()
    try:
        import pillow_heif
    except ImportError:
        pass
    else:
        pillow_heif.register_heif_opener()
    return tuple(name for name in SUFFIXES if name in Image.OPEN)


@cache
def suffixes() -> frozenset[str]:
    """The suffixes, in lower case, of files that are taken for images whatever their content."""
    return frozenset(suffix for name in readable() for suffix in SUFFIXES[name])


def begins_as_image(path: str) -> bool:
    """Whether a file's first bytes are an image's that this installation reads; OSError, where it cannot be opened."""
    head = _head(path)
    signed = (SIGNATURES[name] for name in readable() if name in SIGNATURES)
    return any(re.match(signature, head, re.DOTALL) for signature in signed)


def remedy(source: bytes | Path) -> str:
    """What to do about a picture in none of the formats that this installation reads: the extra that reads it, or another format."""
    head = source[:HEAD] if isinstance(source, bytes) else _head(source)
    heif = re.match(SIGNATURES["HEIF"], head, re.DOTALL) and "HEIF" not in readable()
    return HEIF_EXTRA if heif else "convert it to PNG"


def _head(path: str | Path) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 (for a million files)
        return file.read(HEAD)
