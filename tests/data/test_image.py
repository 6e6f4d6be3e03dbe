"""Pictures in every mode and orientation, made pixel by pixel, against what a person would see."""

import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.transforms import v2

from atalho.data.formats import readable
from atalho.data.image import Framing, Pixels, load, opened, read
from atalho.data.window import Window
from atalho.errors import AtalhoError, Exit

RED, GREEN, BLUE, WHITE, BLACK = (
    *((255, 0, 0), (0, 255, 0), (0, 0, 255)),
    *((255, 255, 255), (0, 0, 0)),
)
UPRIGHT = np.array([[RED, GREEN], [BLUE, WHITE], [BLACK, RED]], np.uint8)
"""Two wide and three high; no turn or mirroring of it is itself."""

SHOWN = Framing((3, 3, 2))
"""As it is: nothing is resized or cut off."""

#   EXIF orientation: how the camera stores what is upright (EXIF 2.32, tag 0x0112: where row 0 and column 0 are)
STORED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda a: a,  # top, left
    2: lambda a: a[:, ::-1],  # top, right
    3: lambda a: a[::-1, ::-1],  # bottom, right
    4: lambda a: a[::-1],  # bottom, left
    5: lambda a: a.transpose(1, 0, 2),  # left, top
    6: lambda a: a[:, ::-1].transpose(1, 0, 2),  # right, top
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),  # right, bottom
    8: lambda a: a[::-1].transpose(1, 0, 2),  # left, bottom
}


def encoded(picture: Image.Image, format: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def exif(orientation: int) -> Image.Exif:
    made = Image.Exif()
    made[0x0112] = orientation
    return made


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", STORED)
def test_every_orientation_is_right_side_up(orientation: int, format: str) -> None:
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](UPRIGHT)))
    options = {"lossless": True} if format == "WEBP" else {}
    data = encoded(stored, format, exif=exif(orientation), **options)
    np.testing.assert_array_equal(load(data, SHOWN), UPRIGHT)


def test_a_jpeg_is_turned(tmp_path: Path) -> None:
    """Orientation 6: the camera was turned; its stored left edge is the top."""
    stored = np.zeros((32, 64, 3), np.uint8)
    stored[:, :32] = 255
    path = tmp_path / "turned.jpg"
    path.write_bytes(encoded(Image.fromarray(stored), "JPEG", exif=exif(6), quality=95))
    seen = load(path, Framing((1, 64, 32)))
    assert seen.shape == (64, 32, 1)
    assert seen[:30].min() > 250
    assert seen[34:].max() < 5


def test_what_exif_cannot_say_is_as_stored() -> None:
    for broken in (b"Exif\0\0nonsense", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"):
        data = encoded(Image.fromarray(UPRIGHT), "PNG", exif=broken)
        np.testing.assert_array_equal(load(data, SHOWN), UPRIGHT)


def one(picture: Image.Image, format: str = "PNG", **options: object) -> list[int]:
    """The colour that a picture of one colour is seen in."""
    seen = load(encoded(picture, format, **options), Framing((3, 1, 1)))
    return seen[0, 0].tolist()


@pytest.mark.parametrize(
    ("mode", "colour", "format", "seen"),
    [
        ("L", 77, "PNG", [77, 77, 77]),
        ("1", 1, "PNG", [255, 255, 255]),
        ("RGBA", (200, 100, 0, 255), "PNG", [200, 100, 0]),
        ("RGBA", (200, 100, 0, 0), "PNG", [255, 255, 255]),
        ("RGBA", (0, 0, 0, 51), "PNG", [204, 204, 204]),  # a fifth of black on white
        ("LA", (0, 51), "PNG", [204, 204, 204]),
        ("LA", (10, 255), "PNG", [10, 10, 10]),
        ("CMYK", (0, 255, 255, 0), "TIFF", [255, 0, 0]),
        ("CMYK", (0, 0, 0, 255), "TIFF", [0, 0, 0]),
        ("I;16", 65535, "PNG", [255, 255, 255]),
        ("I;16", 257 * 77, "PNG", [77, 77, 77]),
        ("I;16", 257 * 77 + 128, "PNG", [77, 77, 77]),
        ("I;16", 257 * 77 + 129, "PNG", [78, 78, 78]),
        ("I;16", 0, "TIFF", [0, 0, 0]),
        ("I", 65535, "TIFF", [255, 255, 255]),
    ],
)
def test_modes(mode: str, colour: object, format: str, seen: list[int]) -> None:
    assert one(Image.new(mode, (4, 4), colour), format) == seen


def test_cmyk_jpeg_of_photoshop_is_inverted() -> None:
    """Adobe's JPEGs store the complement, which their APP14 marker says; red is (0, 255, 255, 0) all the same."""
    data = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=100)
    seen = load(data, Framing((3, 1, 1)))[0, 0]
    assert seen[0] > 250
    assert seen[1:].max() < 5


def test_a_palette_and_its_transparent_colour() -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([*RED, *BLUE])
    picture.putpixel((1, 0), 1)
    np.testing.assert_array_equal(load(encoded(picture), Framing((3, 1, 2))), [[RED, BLUE]])
    for transparency in (1, bytes([255, 0])):
        data = encoded(picture, transparency=transparency)
        np.testing.assert_array_equal(load(data, Framing((3, 1, 2))), [[RED, WHITE]])


def test_a_transparent_colour_of_rgb() -> None:
    picture = Image.fromarray(np.array([[GREEN, BLUE]], np.uint8))
    data = encoded(picture, transparency=BLUE)
    np.testing.assert_array_equal(load(data, Framing((3, 1, 2))), [[GREEN, WHITE]])


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_frame_of_an_animation(format: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN, BLUE)]
    options = {"lossless": True} if format == "WEBP" else {}
    assert one(frames[0], format, save_all=True, append_images=frames[1:], **options) == list(RED)


def test_grey_networks_see_luma() -> None:
    """ITU-R BT.601: 0.299, 0.587 and 0.114."""
    for colour, luma in ((RED, 76), (GREEN, 150), (BLUE, 29), (WHITE, 255)):
        data = encoded(Image.new("RGB", (3, 3), colour))
        assert load(data, Framing((1, 2, 2))).tolist() == [[[luma]] * 2] * 2


# Framing


@pytest.mark.parametrize("size", [(300, 400), (400, 300), (57, 31), (256, 256), (224, 1000)])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_framing_is_torchvisions(size: tuple[int, int], interpolation: str) -> None:
    """Where the number of pixels cut off is even, or half of it rounds down for torchvision too."""
    generator = np.random.default_rng(0)
    picture = Image.fromarray(generator.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
    framing = Framing((3, 224, 224), 0.875, "center", interpolation)  # type: ignore[arg-type]
    mode = v2.InterpolationMode(interpolation)
    resized = v2.functional.resize(picture, 256, mode)
    top, left = (resized.height - 224) // 2, (resized.width - 224) // 2
    theirs = v2.functional.crop(resized, top, left, 224, 224)
    np.testing.assert_array_equal(framing(picture), np.asarray(theirs))
    if resized.width % 4 == resized.height % 4 == 0:
        centred = v2.functional.center_crop(resized, 224)
        np.testing.assert_array_equal(framing(picture), np.asarray(centred))


def test_the_crop_is_the_middle_and_covers_inputs_that_are_not_square() -> None:
    pixels = np.zeros((100, 400, 3), np.uint8)
    pixels[:, 150:250] = 255
    seen = Framing((1, 100, 100))(Image.fromarray(pixels))
    assert seen.min() == 255
    wide = Framing((3, 50, 200), interpolation="nearest")(Image.fromarray(pixels))
    assert wide.shape == (50, 200, 3)
    assert wide[:, 75:125].min() == 255
    assert wide[:, :75].max() == wide[:, 125:].max() == 0
    assert Framing((3, 200, 50))(Image.fromarray(pixels)).min() == 255
    edges = np.zeros((100, 300, 3), np.uint8)
    edges[[*range(10), *range(90, 100)]] = 255  # a wider input cuts these off, and no column
    edges[10:90, 0] = 100
    seen = Framing((3, 50, 200), interpolation="nearest")(Image.fromarray(edges))
    assert seen[:, 0].min() == seen.max() == 100


def test_squash_keeps_all_of_the_picture() -> None:
    pixels = np.zeros((100, 400, 3), np.uint8)
    pixels[:, :100] = 255
    framing = Framing((1, 64, 64), 1.0, "squash", "nearest")
    seen = framing(Image.fromarray(pixels))[..., 0]
    assert (seen == 255).sum(axis=1).tolist() == [16] * 64


# What is refused


def failure(source: Path | bytes) -> AtalhoError:
    with pytest.raises(AtalhoError) as error:
        load(source, Framing((3, 8, 8)))
    assert error.value.exit == Exit.DATA
    return error.value


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("size", [(7072, 7072), (20_000, 20_000), (2**31 - 1, 2**31 - 1)])
def test_large_pictures_are_refused_before_they_are_decoded(size: tuple[int, int]) -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000)))
    error = failure(bomb)
    assert error.code == "IMAGE-LARGE"
    assert error.subject == "standard input"


def test_a_picture_too_narrow_to_be_resized() -> None:
    framing = Framing((3, 224, 224), 0.875)
    with pytest.raises(AtalhoError, match="1×60000 pixels are too narrow"):
        load(encoded(Image.new("L", (1, 60_000))), framing)


def test_files_that_are_no_pictures(tmp_path: Path) -> None:
    jpeg = encoded(Image.fromarray(np.tile(UPRIGHT, (40, 40, 1))), "JPEG")
    for name, content in {
        "empty.jpg": b"",
        "text.png": b"not a picture",
        "torn.jpg": jpeg[: len(jpeg) // 2],
        "program.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
        "float.tif": encoded(Image.new("F", (2, 2), 0.5), "TIFF"),
        "wide.tif": encoded(Image.new("I", (2, 2), 70_000), "TIFF"),
    }.items():
        path = tmp_path / name
        path.write_bytes(content)
        error = failure(path)
        assert error.code == "IMAGE-UNREADABLE"
        assert error.subject == str(path)
        assert "\n" not in str(error)
    for missing in (tmp_path / "none.jpg", tmp_path):
        assert failure(missing).code == "IMAGE-MISSING"


def test_a_format_that_runs_programs_is_not_decoded() -> None:
    assert "EPS" not in readable()
    assert {"JPEG", "PNG", "WEBP", "GIF", "TIFF"} <= {*readable()}


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP", "PPM"])
def test_damaged_files_are_seen_or_refused_and_nothing_else(format: str) -> None:
    generator = np.random.default_rng(0)
    picture = Image.fromarray(generator.integers(0, 256, (40, 40, 3), dtype=np.uint8))
    whole = np.frombuffer(encoded(picture, format), np.uint8)
    for _ in range(100):
        damaged = whole.copy()
        places = generator.integers(0, min(200, len(whole)), 3)
        damaged[places] = generator.integers(0, 256, 3)
        try:
            seen = load(damaged[: generator.integers(1, len(whole) + 1)].tobytes(), SHOWN)
            assert seen.shape == (3, 2, 3)
        except AtalhoError as error:
            assert error.exit == Exit.DATA


def smooth(width: int, height: int) -> Image.Image:
    rough = np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)
    return Image.fromarray(rough).resize((width, height), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize(("format", "scale"), [("JPEG", 8), ("PNG", 8), ("JPEG", 1)])
def test_a_window_shows_a_part_of_the_upright_picture(
    format: str, scale: int, orientation: int
) -> None:
    """Whether it is stored on its side or not, and decoded smaller or not."""
    size = (90, 61) if scale == 1 else (803, 601) if orientation == 1 else (800, 600)
    upright = smooth(*size)
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](np.asarray(upright))))
    options = {"quality": 95, "subsampling": 0} if format == "JPEG" else {}
    data = encoded(stored, format, exif=exif(orientation), **options)
    box = (0.05 * size[0], 0.1 * size[1], 0.98 * size[0], size[1])
    window = Window(box, size, (3, 48, 64))
    assert window.scale(stored.size) == scale
    expected = upright.resize((64, 48), Image.Resampling.BILINEAR, box)
    difference = abs(load(data, window).astype(int) - np.asarray(expected))
    assert difference.mean() < (1.0 if format == "JPEG" else 0.01)
    grey = load(data, Window(box, size, (1, 48, 64)))
    assert grey.shape == (48, 64, 1)
    assert abs(grey[..., 0].astype(int) - np.asarray(expected.convert("L"))).mean() < 1


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("more", [0, 1, 7])
def test_a_jpeg_is_decoded_smaller_where_nothing_is_lost(scale: int, more: int) -> None:
    """No smaller than what is shown, and only as JPEG decoders can."""
    width, height = 16 * scale + more, 16 * scale
    data = encoded(smooth(width, height), "JPEG")
    window = Window((0, 0, width, height), (width, height), (3, 16, 16))
    assert window.scale((width, height)) == scale
    sizes = []
    read(data, lambda image: sizes.append(image.size), scale=window.scale)
    assert sizes == [(-(-width // scale), -(-height // scale))]
    smaller = Window((0, 0, width, height - 2), (width, height), (3, 16, 16))
    assert smaller.scale((width, height)) == scale // 2


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize(
    "framing", [SHOWN, Framing((3, 48, 64), 0.875), Framing((3, 9, 9), crop_mode="squash")]
)
def test_a_large_photo_is_decoded_smaller_and_looks_the_same(
    framing: Framing, orientation: int
) -> None:
    """For prediction and evaluation as for training, whichever way the photo is stored."""
    upright = smooth(1003, 751)
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](np.asarray(upright))))
    data = encoded(stored, "JPEG", exif=exif(orientation), quality=95, subsampling=0)
    sizes = []

    class Seen(Framing):
        def __call__(self, image: Image.Image) -> Pixels:
            sizes.append(image.size)
            return super().__call__(image)

    shown = load(data, Seen(**vars(framing)))
    (decoded,) = sizes
    assert decoded[0] < 1003 / 4
    assert all(side >= least for side, least in zip(decoded, framing.covered, strict=True))
    difference = abs(shown.astype(int) - framing(upright))
    assert difference.mean() < 3


def test_a_picture_that_has_become_another_is_not_shown() -> None:
    window = Window((0, 0, 10, 10), (40, 30), (3, 5, 5))
    load(encoded(smooth(40, 30)), window)
    for size in ((30, 40), (39, 30), (20, 16)):
        with pytest.raises(AtalhoError, match="where there were 40×30"):
            load(encoded(smooth(*size)), window)


def test_what_pillow_warns_of_is_silent_and_the_picture_is_seen(tmp_path: Path) -> None:
    """Damaged EXIF as cameras and editors leave it: a warning would name no file. In a process, whose filters are not pytest's."""
    ifd = struct.pack("<H", 2) + struct.pack("<HHII", 0x010F, 2, 4000, 90000)
    damaged = b"Exif\0\0II*\0\x08\0\0\0" + ifd + struct.pack("<HHI", 0x0112, 3, 1) + b"\1\0"
    path = tmp_path / "a.jpg"
    Image.new("RGB", (8, 8), "red").save(path, exif=damaged)
    palette = Image.new("P", (8, 8))
    palette.save(tmp_path / "b.png", transparency=bytes(range(256)))
    program = (
        "import sys; from pathlib import Path; from atalho.data.image import Framing, load\n"
        "for name in sys.argv[1:]: print(load(Path(name), Framing((3, 8, 8))).shape)\n"
    )
    child = subprocess.run(
        [sys.executable, "-W", "always", "-c", program, str(path), str(tmp_path / "b.png")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert child.stdout == "(8, 8, 3)\n" * 2
    assert "PIL" not in child.stderr


def test_photos_of_iphones_are_read_with_the_extra() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    made = Image.new("RGB", (64, 48), (200, 30, 60))
    file = io.BytesIO()
    pillow_heif.from_pillow(made).save(file, quality=90)
    pixels = load(file.getvalue(), Framing((3, 48, 64)))
    assert abs(pixels.astype(int) - (200, 30, 60)).max() < 12


def test_without_the_extra_all_else_is_read() -> None:
    program = (
        "import sys; sys.modules['pillow_heif'] = None\n"
        "from atalho.data.formats import readable, suffixes\n"
        "print('HEIF' in readable(), 'JPEG' in readable(), '.heic' in suffixes())"
    )
    command = [sys.executable, "-c", program]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == "False True False\n"


def test_a_telephones_picture_names_the_extra_that_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = tmp_path / "photo.heic"
    photo.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0")
    monkeypatch.setattr("atalho.data.formats.readable", lambda: ("JPEG", "PNG"))
    monkeypatch.setattr("atalho.data.image.readable", lambda: ("JPEG", "PNG"))
    for source in (photo, photo.read_bytes()):
        with pytest.raises(AtalhoError, match=r"Next: pip install 'atalho\[heif\]'"):
            opened(source, lambda image: image.size)
