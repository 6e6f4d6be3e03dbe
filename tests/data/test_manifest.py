"""What is kept of a folder's files: read once, wherever the folder is, and after any interruption."""

import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from atalho.data import manifest
from atalho.data.contents import Contents, FileContent
from atalho.data.copies import fingerprint
from atalho.data.manifest_blocks import Block, blocks
from atalho.data.packed import Packed
from atalho.errors import AtalhoError, Exit
from atalho.files import write_atomically
from photo_folders import fill, picture, save


class Folder:
    """A folder whose files are read into a manifest, and which of them were."""

    def __init__(self, root: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.data_dir = root, data_dir
        self.read: list[str] = []
        self.told: list[tuple[int, int]] = []
        real = manifest.opened

        def opened(path: Path, use: object) -> object:
            self.read.append(path.name)
            return real(path, use)  # type: ignore[arg-type]

        monkeypatch.setattr(manifest, "opened", opened)

    def __call__(self) -> Contents:
        self.read.clear()
        self.told.clear()
        return manifest.read_files(
            self.root, self.names(), self.data_dir, lambda *each: self.told.append(each)
        )

    def names(self) -> Packed:
        return Packed(sorted(p.relative_to(self.root).as_posix() for p in self.root.rglob("*.png")))

    def kept(self) -> Path:
        (path,) = (self.data_dir / "manifests").glob("*.manifest")
        return path

    def blocks(self) -> list[Block]:
        with self.kept().open("rb") as file:
            return [block for block, _ in blocks(file, 0)]


@pytest.fixture
def pets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    return Folder(fill(tmp_path / "pets", {"cat": 5, "dog": 5}), tmp_path / "data", monkeypatch)


def equal(one: Contents, other: Contents) -> bool:
    pairs = zip(vars(one).values(), vars(other).values(), strict=True)
    return all(np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b for a, b in pairs)


def test_what_has_not_changed_is_not_read_again(pets: Folder) -> None:
    first = pets()
    assert len(pets.read) == 10
    assert pets.told == [(done, 10) for done in range(1, 11)]
    assert equal(pets(), first)
    assert (pets.read, pets.told) == ([], [(10, 10)])
    changed = pets.root / "dog" / "03.png"
    picture(99).save(changed)
    assert not equal(pets(), first)
    assert pets.read == ["03.png"]
    os.utime(changed, (0, 0))
    pets()
    assert pets.read == ["03.png"]


def test_a_folder_is_known_at_another_place(pets: Folder, tmp_path: Path) -> None:
    first = pets()
    other = tmp_path / "scratch" / "pets"
    shutil.copytree(pets.root, other)  # which keeps the times
    pets.root = other
    assert equal(pets(), first)
    assert pets.read == []


def test_a_block_that_is_torn_or_damaged_costs_its_files_alone(pets: Folder) -> None:
    first = pets()
    whole = pets.kept().read_bytes()
    size = len(whole) // 10  # a block for each file
    pets.kept().write_bytes(whole[:-40])
    assert equal(pets(), first)
    assert pets.read == ["04.png"]
    assert pets.kept().read_bytes() == whole
    for nonsense in (
        b"\0" * 100,
        b"7",
        b"\x93ATALHO\n",
        b"\x93ATALHO\n" + b"\xff" * 100,
        whole[:-40],
    ):
        pets.kept().write_bytes(nonsense + whole)
        assert equal(pets(), first)
        assert pets.read == []
    for bit in range(0, 8 * size, 61):
        damaged = bytearray(whole)
        damaged[2 * size + bit // 8] ^= 1 << bit % 8
        pets.kept().write_bytes(damaged)
        assert equal(pets(), first)
        assert pets.read == ["02.png"]


@pytest.mark.parametrize("wrong", [0, -1, 1 << 30])
def test_a_block_without_sizes_of_pictures_is_none(pets: Folder, wrong: int) -> None:
    first = pets()
    block, *others = pets.blocks()
    rows = block.rows.copy()
    rows["size"][0, 1] = wrong
    others += [Block(b"no name's end", block.rows), Block(b"cat/1.png\0cat/2.png\0", block.rows)]
    pets.kept().write_bytes(b"".join(b.packed() for b in [Block(block.names, rows), *others]))
    assert equal(pets(), first)
    assert pets.read == ["00.png"]


def test_files_that_cannot_be_used_are_tried_again(pets: Folder) -> None:
    bad = pets.root / "cat" / "00.png"
    whole = bad.read_bytes()
    bad.write_bytes(whole[:60])
    (pets.root / "cat" / "gone.png").symlink_to("nowhere.png")
    found = pets()
    assert sorted(found.bad) == [0, 5]
    assert found.bad[5] == "is a link to nowhere.png, which is not there"
    assert pets().bad == found.bad
    assert pets.read == ["00.png"]
    bad.write_bytes(whole)
    assert sorted(pets().bad) == [5]


def test_a_manifest_of_files_that_change_does_not_grow_for_ever(pets: Folder) -> None:
    sizes = []
    for second in range(8):
        for path in pets.root.rglob("*.png"):
            os.utime(path, (second, second))
        pets()
        sizes.append(sum(len(block.rows) for block in pets.blocks()))
    assert max(sizes) <= 20
    assert len(pets.blocks()) < 20  # those that were written anew are one
    pets()
    assert pets.read == []


def test_a_manifest_that_is_written_anew_meanwhile_is_read_from_its_beginning(
    pets: Folder,
) -> None:
    """A process that waits has read a part of the file that another one replaces."""
    first = pets()
    empty = Contents.empty(10)
    waiting = manifest._Manifest(
        pets.kept(), pets.names(), manifest._stamps(pets.root, pets.names(), {}), empty
    )
    whole = pets.kept().read_bytes()
    half = len(whole) // 2
    pets.kept().write_bytes(whole[:half])
    assert len(waiting.missing()) == 5
    write_atomically(pets.kept(), whole[half:] + whole[:half])
    assert waiting.missing() == []
    assert equal(empty, first)


def test_two_folders_of_one_name_are_both_known(pets: Folder, tmp_path: Path) -> None:
    """They share a manifest; rows of the other's files lie between."""
    first, root = pets(), pets.root
    pets.root = fill(tmp_path / "other" / "pets", {"bat": 3, "cat": 3, "eel": 4})
    second = pets()
    assert len(pets.read) == 10
    assert equal(pets(), second)
    assert pets.read == []
    pets.root = root
    assert equal(pets(), first)
    assert pets.read == []


def test_a_scan_that_is_killed_goes_on_where_it_stopped(pets: Folder) -> None:
    """Killed while it reads, at whatever file; the next one reads the rest."""
    for number in range(200):
        save(pets.root / "eel" / f"{number:03}.png", picture(1000 + number, (120, 90)))
    program = (
        "import sys; from pathlib import Path\n"
        "from atalho.data.manifest import read_files; from atalho.data.packed import Packed\n"
        "root = Path(sys.argv[1])\n"
        "names = Packed(sorted(p.relative_to(root).as_posix() for p in root.rglob('*.png')))\n"
        "read_files(root, names, Path(sys.argv[2]), lambda done, total: print(done, flush=True))\n"
    )
    command = [sys.executable, "-c", program, str(pets.root), str(pets.data_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        while int(child.stdout.readline()) < 50:
            pass
        child.send_signal(signal.SIGKILL)
    known = sum(len(block.rows) for block in pets.blocks())
    assert 50 <= known < 210
    found = pets()
    assert len(pets.read) == 210 - known
    shutil.rmtree(pets.data_dir)
    assert equal(found, pets())


def test_of_two_at_once_one_reads_and_the_other_waits(
    pets: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = manifest._inspect

    def slowly(sha256: bytes, image: Image.Image) -> FileContent:
        time.sleep(0.1)
        return real(sha256, image)

    monkeypatch.setattr(manifest, "_inspect", slowly)
    monkeypatch.setattr(manifest, "CORES", 1)
    monkeypatch.setattr(manifest, "TURN", 0.05)
    names = pets.names()
    done: tuple[list[int], list[int]] = [], []

    def read(by: int) -> Contents:
        def progress(files: int, total: int) -> None:
            done[by].append(files)

        return manifest.read_files(pets.root, names, pets.data_dir, progress)

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(read, (0, 1))
    assert equal(one, other)
    assert sorted(pets.read) == sorted(Path(name).name for name in names)
    for each in done:  # the one that waits sees how far the other one is
        assert each == sorted(each)
        assert each[-1] == 10
        assert len({*each}) > 2


def test_a_folder_that_cannot_be_written_is_named(pets: Folder) -> None:
    pets.data_dir.write_text("a file")
    with pytest.raises(AtalhoError, match="DATA-DIR") as error:
        pets()
    assert error.value.exit == Exit.USAGE


@pytest.mark.parametrize("size", [(300, 200), (200, 300), (280, 280), (284, 280), (1300, 1295)])
def test_a_jpeg_that_is_decoded_smaller_is_the_same(
    tmp_path: Path, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its size is that of the whole picture, the right way up, and its fingerprint that of a copy."""
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its side
    picture(3, size).save(tmp_path / "a.jpg", exif=exif)
    picture(3, size).transpose(Image.Transpose.ROTATE_270).save(tmp_path / "b.jpg")
    found = manifest.read_files(
        tmp_path, Packed(["a.jpg", "b.jpg"]), tmp_path / "data", lambda done, total: None
    )
    assert found.sizes.tolist() == [[*reversed(size)]] * 2
    whole = np.frombuffer(fingerprint(Image.open(tmp_path / "b.jpg").convert("RGB")), np.uint8)
    for print_ in found.fingerprints:
        assert np.bitwise_count(print_[:32] ^ whole[:32]).sum() <= 12


def test_known_files_are_there_in_seconds(tmp_path: Path) -> None:
    """A warm start asks for sizes and times and reads blocks; no file is opened."""
    root = tmp_path / "many"
    (root / "a").mkdir(parents=True)
    first = save(root / "a" / "000000.png", picture(0))
    names = ["a/000000.png"]
    for number in range(1, 20_000):
        names.append(f"a/{number:06}.png")
        os.link(first, root / names[-1])
    data = tmp_path / "data"
    cold = manifest.read_files(root, Packed(names[:1]), data, lambda done, total: None)
    (kept,) = (data / "manifests").glob("*.manifest")
    with kept.open("rb") as file:
        ((block, _),) = blocks(file, 0)
    kept.write_bytes(b"".join(Block(f"{name}\0".encode(), block.rows).packed() for name in names))
    started = time.process_time()
    warm = manifest.read_files(root, Packed(names), data, lambda done, total: None)
    assert time.process_time() - started < 4
    assert warm.sha256.tolist() == cold.sha256.tolist() * len(names)
