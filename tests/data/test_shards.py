"""Photos in tar shards and in Parquet are the same data as in folders of classes; what cannot be read is one line."""

import os
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from atalho import data
from atalho.benchmark.workload import PhotoFiles
from atalho.data import shards, tar_shard
from atalho.data.dataset import Dataset
from atalho.data.layout import layout
from atalho.data.on_disk import OnDisk
from atalho.errors import AtalhoError, Exit
from photo_folders import SMALL, fill
from shard_files import add, as_parquet, as_tars, photos_of, write_tar

PNG = b"\x89PNG\r\n\x1a\n"  # nothing is decoded where labels and names are refused

WRITERS = {"tar": as_tars, "parquet": as_parquet}


def load(root: Path) -> Dataset:
    return data.load(str(root), root.parent / "data", framings=[SMALL])


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("folder") / "pets", {"cat": 12, "dog": 13, "eel": 11})


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_shards_are_the_data_of_their_folder(
    pets: Path, tmp_path: Path, write: Callable[[Path, Path], Path]
) -> None:
    in_folder, in_shards = load(pets), load(write(pets, tmp_path / "pets"))
    assert in_shards.checksum == in_folder.checksum
    assert in_shards.classes == in_folder.classes
    for split, photos in in_folder.splits.items():
        other = in_shards.splits[split]
        assert torch.equal(other.labels, photos.labels)
        assert other.checksums() == photos.checksums()
        for one, two in zip(other.batches(5), photos.batches(5), strict=True):
            assert torch.equal(one.images, two.images)


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_what_is_known_of_shards_is_not_read_again(
    pets: Path, tmp_path: Path, write: Callable[[Path, Path], Path]
) -> None:
    root = write(pets, tmp_path / "pets")
    first = load(root)
    (kept,) = (tmp_path / "data" / "manifests").glob("*.manifest")
    known = kept.read_bytes()
    assert load(root).checksum == first.checksum
    assert kept.read_bytes() == known


def test_the_members_of_a_tar_file_are_listed_once_for_all_processes(
    pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And again where it has changed, or what is kept of it is damaged; wherever the folder lies."""
    root = as_tars(pets, tmp_path / "one" / "pets")
    listed: list[str] = []
    members = tar_shard._members

    def counted(path: str, size: int) -> tar_shard.Members:
        listed.append(Path(path).name)
        return members(path, size)

    def in_another_process() -> str:
        monkeypatch.setattr(shards, "_SHARDS", {})
        listed.clear()
        return data.load(str(root), tmp_path / "data", framings=[SMALL]).checksum

    monkeypatch.setattr(tar_shard, "_members", counted)
    first = in_another_process()
    assert listed == [f"part-{number:05}.tar" for number in range(6)]
    assert (in_another_process(), listed) == (first, [])
    (tmp_path / "two").mkdir()
    root = root.rename(tmp_path / "two" / "pets")
    assert (in_another_process(), listed) == (first, [])
    os.utime(root / "part-00003.tar", (0, 0))
    assert (in_another_process(), listed) == (first, ["part-00003.tar"])
    for content in (b"", b"{}", b"\xff" * 100):
        kept = min((tmp_path / "data" / "manifests").glob("*.shards/*.json"))
        kept.write_bytes(content)
        assert (in_another_process(), len(listed)) == (first, 1)
    assert (in_another_process(), listed) == (first, [])


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_the_names_of_shards_say_their_split(
    tmp_path: Path, write: Callable[[Path, Path, str], Path]
) -> None:
    counts = {"train": 9, "val": 4, "test": 3}
    for begin, (split, name) in enumerate(
        (("train", "pets-train"), ("val", "validation"), ("test", "test_set"))
    ):
        folder = fill(tmp_path / split, dict.fromkeys(("cat", "dog"), counts[split]), 100 * begin)
        write(folder, tmp_path / "pets", name)
    loaded = load(tmp_path / "pets")
    assert {name: len(split.labels) for name, split in loaded.splits.items()} == {
        name: 2 * count for name, count in counts.items()
    }
    assert loaded.own_test
    write(tmp_path / "val", tmp_path / "pets", "more")
    with pytest.raises(AtalhoError, match=r"DATA-SPLITS.*name no split, and other archives do"):
        layout(tmp_path / "pets")


def test_images_beside_archives_are_read_alone(pets: Path, tmp_path: Path) -> None:
    root = fill(tmp_path / "both", {"cat": 4, "dog": 4})
    as_tars(pets, root)
    read = layout(root)
    assert sum(map(len, read.splits.values())) == 8
    assert read.left_out == ("6 files that are no image (6 .tar)",)


def test_requests_are_of_members(pets: Path, tmp_path: Path) -> None:
    in_folder = PhotoFiles.of_folder(pets)
    in_shards = PhotoFiles.of_folder(as_tars(pets, tmp_path / "pets"))
    assert in_shards.checksum == in_folder.checksum
    assert [path.stem for path in in_shards.paths] == [
        f"{path.parent.name}-{path.stem}" for path in in_folder.paths
    ]


def refused(root: Path, cause: str, code: str = "DATA-SHARD") -> None:
    with pytest.raises(AtalhoError, match=cause) as error:
        layout(root)
    assert (error.value.code, error.value.exit) == (code, Exit.DATA)
    assert "\n" not in str(error.value)


def test_an_archive_that_is_cut_off_is_named(pets: Path, tmp_path: Path) -> None:
    (path,) = as_tars(pets, tmp_path / "tar", size=100).iterdir()
    whole = path.read_bytes()
    with tarfile.open(path) as archive:
        ends = [member.offset_data + member.size for member in archive]
    for cut in (0, 100, 512, 700, *(end - 1 for end in ends[:6]), ends[-1], ends[-1] + 100):
        path.write_bytes(whole[:cut])
        refused(tmp_path / "tar", f"DATA-SHARD.*{path.name}")
    path.write_bytes(b"nonsense" * 2000)
    refused(tmp_path / "tar", "no whole tar file")
    path.write_bytes(whole[: len(whole) // 1024 * 512] + b"\xff" * 512 + whole)
    refused(tmp_path / "tar", "is cut off|no whole tar file")
    (path,) = as_parquet(pets, tmp_path / "parquet").iterdir()
    whole = path.read_bytes()
    for content in (b"", whole[:-1], whole[:1000], whole[1000:], b"nonsense" * 1000):
        path.write_bytes(content)
        refused(tmp_path / "parquet", "no whole Parquet file")


def test_a_row_group_that_is_damaged_is_that_of_bad_images(pets: Path, tmp_path: Path) -> None:
    (path,) = as_parquet(pets, tmp_path / "pets").iterdir()
    whole = bytearray(path.read_bytes())
    whole[200:260] = b"\xff" * 60
    path.write_bytes(whole)
    with pytest.raises(AtalhoError, match=r"BAD-IMAGES|DATA-SHARD"):
        load(tmp_path / "pets")


@pytest.mark.parametrize("name", ["../a", "/etc/a", "b/../../a", "a//b", "a/./b", "a\\b"])
def test_members_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    write_tar(tmp_path / "x.tar", {name: {"png": PNG, "cls": b"cat"}})
    refused(tmp_path, "cannot be told apart or named")
    write_tar(tmp_path / "x.tar", {f"{name}/._b": {"png": PNG, "cls": b"cat"}})
    refused(tmp_path, "holds no images", "DATA-EMPTY")  # hidden files are left out, as in folders


def test_members_of_one_name_are_refused_and_links_are_not_followed(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w:") as archive:
        for _ in range(2):
            add(archive, "a.png", PNG)
    refused(tmp_path, "cannot be told apart")
    with tarfile.open(tmp_path / "x.tar", "w:") as archive:
        link = tarfile.TarInfo("b.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        add(archive, "a.png", PNG)
        add(archive, "a.cls", b"cat\n")
    (part,) = layout(tmp_path).splits.values()
    assert ([*part.names], part.classes) == (["x.tar/a.png"], ("cat",))


@pytest.mark.parametrize("label", [b"", b"\xff", b"a\nb", b"x" * 300, b"\x1b[31m"])
def test_images_without_a_class_are_counted(tmp_path: Path, label: bytes) -> None:
    samples = {"a": {"png": PNG, "cls": b"cat"}, "b": {"png": PNG, "cls": label}, "c": {"png": PNG}}
    write_tar(tmp_path / "x.tar", samples)
    refused(tmp_path, r"does not say the class of 2 images \(b.png, c.png\)")


def test_labels_of_parquet_that_have_no_name_are_unknown(pets: Path, tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    (path,) = as_parquet(pets, tmp_path / "pets").iterdir()
    table = parquet.read_table(path)
    for wrong in (-1, 3, None):
        labels = [wrong, *table["label"].to_pylist()[1:]]
        column = pa.array(labels, pa.int64())
        parquet.write_table(table.set_column(1, table.schema.field("label"), column), path)
        refused(tmp_path / "pets", r"does not say the class of 1 image \(00000000\)")
    parquet.write_table(table.drop_columns("label"), path)
    refused(tmp_path / "pets", "does not say the class of 36 images")
    parquet.write_table(table.drop_columns("image"), path)
    refused(tmp_path / "pets", "no column of images")


def test_parquet_without_pyarrow_names_the_extra(
    pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = as_parquet(pets, tmp_path / "pets")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(AtalhoError, match=r"atalho\[parquet\]") as error:
        layout(root)
    assert (error.value.code, error.value.exit) == ("PARQUET-EXTRA", Exit.RESOURCES)


def test_a_member_that_is_gone_is_named(pets: Path, tmp_path: Path) -> None:
    root = as_tars(pets, tmp_path / "pets", size=100)
    images = load(root).splits["train"]
    assert isinstance(images, OnDisk)
    (path,) = root.iterdir()
    key, (content, _) = next(iter(photos_of(pets).items()))
    write_tar(path, {key: {"png": content, "cls": b"cat"}})
    with pytest.raises(AtalhoError, match=rf"IMAGE-MISSING.*{path.name}/"):
        [*images.batches(50)]
