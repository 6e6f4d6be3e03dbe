import hashlib
import http.server
import io
import pickle
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from atalho import data, recipes
from atalho.data import cifar
from atalho.data.dataset import Dataset, Split, divided, stratified
from atalho.data.download import download
from atalho.errors import AtalhoError, Exit


def _nothing(done: int, total: int) -> None:
    pass


def _contents(split: Split) -> set[bytes]:
    return {image.numpy().tobytes() for image in split.images}


def test_digits_are_scikit_learns(digits: Dataset) -> None:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    ours = {
        (image.numpy().tobytes(), int(label))
        for split in digits.splits.values()
        for image, label in zip(*split, strict=True)
    }
    theirs = {
        (np.round(image * 255 / 16).astype(np.uint8).tobytes(), int(label))
        for image, label in zip(bunch.images, bunch.target, strict=True)
    }
    assert ours == theirs
    assert sum(len(split.labels) for split in digits.splits.values()) == 1797


def test_digits_splits_share_no_image_and_keep_the_classes_shares(digits: Dataset) -> None:
    train, val, test = (_contents(digits.splits[name]) for name in ("train", "val", "test"))
    assert not (train & val or train & test or val & test)
    whole = torch.cat([split.labels for split in digits.splits.values()]).bincount()
    for name, share in {"train": 0.7, "val": 0.1, "test": 0.2}.items():
        counts = digits.splits[name].labels.bincount()
        assert (counts - share * whole).abs().max() <= 1


def test_a_split_depends_on_the_images_alone() -> None:
    images = torch.randint(0, 256, (40, 4, 4, 3), dtype=torch.uint8)
    split = Split(images, torch.arange(40) % 4)
    shuffled = split.select(torch.randperm(40))
    for name, part in stratified(split, {"a": 0.5, "b": 0.5}).items():
        other = stratified(shuffled, {"a": 0.5, "b": 0.5})[name]
        assert _contents(part) == _contents(other)
        assert part.labels.bincount().tolist() == [5, 5, 5, 5]


@pytest.mark.parametrize("size", [10, 33, 100])
def test_single_images_are_divided_by_their_keys_alone(size: int) -> None:
    """As slices of every class in the order of its keys, the last part to the end."""
    rng = np.random.default_rng(size)
    keys = [rng.bytes(8) for _ in range(3 * size)]
    labels = [place % 3 for place in range(3 * size)]
    fractions = {"val": 0.15, "test": 0.2, "train": 0.65}
    found = divided(keys, labels, range(3 * size), fractions)
    expected: dict[str, list[int]] = {name: [] for name in fractions}
    for label in range(3):
        order = sorted(range(label, 3 * size, 3), key=lambda place: keys[place])
        val, test = round(0.15 * size), round(0.2 * size)
        expected["val"] += order[:val]
        expected["test"] += order[val : val + test]
        expected["train"] += order[val + test :]
    assert {name: sorted(places) for name, places in expected.items()} == {
        name: part.tolist() for name, part in found.items()
    }


def test_groups_are_not_divided_and_every_part_has_one() -> None:
    rng = np.random.default_rng(0)
    fractions = {"val": 0.15, "test": 0.15, "train": 0.7}
    for _ in range(200):
        count = int(rng.integers(3, 30))
        groups = rng.integers(0, max(3, count // 2), count).tolist()
        keys = [rng.bytes(8) for _ in range(count)]
        parts = divided(keys, [0] * count, groups, fractions)
        sides: dict[int, set[str]] = {}
        for name, places in parts.items():
            for place in places.tolist():
                sides.setdefault(groups[place], set()).add(name)
        assert sum(map(len, parts.values())) == count
        assert all(len(side) == 1 for side in sides.values())
        if len({*groups}) >= 3:
            assert all(map(len, parts.values()))
            # Copies fall to the last part: the others are no larger than asked for by more than a group.
            largest = max(map(groups.count, groups))
            assert len(parts["val"]) <= max(1, round(0.15 * count)) + largest - 1


def test_a_division_is_that_of_taking_group_after_group() -> None:
    """As a loop over the groups of every class takes them, by which folders have been divided since the first version."""
    rng = np.random.default_rng(1)
    for _ in range(300):
        count = int(rng.integers(1, 60))
        keys = [rng.bytes(32) for _ in range(count)]
        keys[: count // 4] = keys[count // 4 : 2 * (count // 4)]
        labels = rng.integers(0, 4, count).tolist()
        groups = rng.integers(0, max(2, int(count * rng.random())), count).tolist()
        shares = rng.random(3)
        fractions = dict(
            zip(("val", "test", "train"), (shares / shares.sum()).tolist(), strict=True)
        )
        parts = divided(keys, labels, groups, fractions)
        assert {name: part.tolist() for name, part in parts.items()} == _one_by_one(
            keys, labels, groups, fractions
        )


def _one_by_one(
    keys: list[bytes], labels: list[int], groups: list[int], fractions: dict[str, float]
) -> dict[str, list[int]]:
    by_group: dict[int, list[int]] = {}
    for index in sorted(range(len(keys)), key=keys.__getitem__):
        by_group.setdefault(groups[index], []).append(index)
    by_class: dict[int, list[list[int]]] = {}
    for members in sorted(by_group.values(), key=len):
        by_class.setdefault(labels[members[0]], []).append(members)
    *names, last = fractions
    parts: dict[str, list[int]] = {name: [] for name in fractions}
    for groups_of_class in by_class.values():
        images = sum(map(len, groups_of_class))
        left = iter(groups_of_class)
        spare = len(groups_of_class) - len(names) - 1  # groups beyond one for each part
        for name in names:
            target, count = max(1, round(fractions[name] * images)), 0
            for members in left:
                parts[name] += members
                count += len(members)
                if count >= target or spare <= 0:
                    break
                spare -= 1
        parts[last] += (index for members in left for index in members)
    return {name: sorted(indices) for name, indices in parts.items()}


def test_cifar_is_the_published_one(cifar_dir: Path) -> None:
    loaded = data.load("cifar10", cifar_dir)
    train, val, test = (loaded.splits[name] for name in ("train", "val", "test"))
    assert [len(split.labels) for split in (train, val, test)] == [45_000, 5_000, 10_000]
    assert val.labels.bincount().tolist() == [500] * 10
    # The first test images are a cat and two ships; the whole training set's channel means are widely published.
    assert [loaded.classes[label] for label in test.labels[:3]] == ["cat", "ship", "ship"]
    whole = loaded.training(with_validation=True).images.numpy()
    np.testing.assert_allclose(
        whole.mean(axis=(0, 1, 2)) / 255, [0.4914, 0.4822, 0.4465], atol=5e-5
    )


def test_the_pickled_layout_gives_the_same_images(
    cifar_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary = data.load("cifar10", cifar_dir)
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    checksums = []
    for name in cifar.BATCHES:
        raw = (cifar_dir / "cifar-10-batches-bin" / f"{name}.bin").read_bytes()
        rows = np.frombuffer(raw, np.uint8).reshape(-1, 3073)
        content = pickle.dumps({b"labels": rows[:, 0].tolist(), b"data": rows[:, 1:]})
        (folder / name).write_bytes(content)
        checksums.append(hashlib.md5(content).hexdigest())
    monkeypatch.setitem(cifar.LAYOUTS, folder.name, ("", "md5", tuple(checksums)))
    pickled = data.load("cifar10", tmp_path)
    assert pickled.checksum == binary.checksum


def test_checksums_of_the_pickled_layout_are_torchvisions() -> None:
    from torchvision.datasets import CIFAR10

    published = dict([*CIFAR10.train_list, *CIFAR10.test_list])
    _, _, checksums = cifar.LAYOUTS["cifar-10-batches-py"]
    assert dict(zip(cifar.BATCHES, checksums, strict=True)) == published


def test_a_damaged_file_is_named_with_both_checksums(cifar_dir: Path, tmp_path: Path) -> None:
    source = cifar_dir / "cifar-10-batches-bin"
    folder = tmp_path / source.name
    folder.mkdir()
    for file in source.iterdir():
        (folder / file.name).symlink_to(file)
    damaged = folder / "data_batch_3.bin"
    content = bytearray(damaged.read_bytes())
    content[1000] ^= 1
    damaged.unlink()
    damaged.write_bytes(content)
    with pytest.raises(AtalhoError) as caught:
        data.load("cifar10", tmp_path)
    error = caught.value
    assert (error.code, error.exit) == ("DATA-CHECKSUM", Exit.DATA)
    assert "data_batch_3.bin" in error.subject
    assert "1dd00a74ab1d17a6e7d73e185b69dbf31242f295" in error.cause
    assert hashlib.sha1(content).hexdigest() in error.cause
    damaged.unlink()
    with pytest.raises(AtalhoError, match="DATA-MISSING"):
        data.load("cifar10", tmp_path)


class Cifar100(NamedTuple):
    """A small archive in CIFAR-100's official layout, ten images of each of three classes and two to test each."""

    archive: Path
    files: dict[str, bytes]
    images: np.ndarray[Any, Any]


@pytest.fixture
def small_cifar100(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cifar100:
    """Published in place of the real one: where the host is, and with its own checksums."""
    images = np.random.default_rng(0).integers(0, 256, (36, 32, 32, 3), np.uint8)
    planes = images.transpose(0, 3, 1, 2).reshape(36, 3072)
    labels = np.arange(36) % 3

    def part(rows: slice) -> bytes:
        fine = labels[rows].tolist()
        coarse = [0] * len(fine)
        return pickle.dumps(
            {b"fine_labels": fine, b"coarse_labels": coarse, b"data": planes[rows]}, protocol=2
        )

    names = [b"apple", b"aquarium_fish", b"baby"]
    meta = pickle.dumps({b"fine_label_names": names, b"coarse_label_names": [b"all"]}, protocol=2)
    files = {"train": part(slice(30)), "test": part(slice(30, 36)), "meta": meta}
    archive = tmp_path / "host" / "cifar-100-python.tar.gz"
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"cifar-100-python/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    checksum = hashlib.md5(archive.read_bytes()).hexdigest()
    monkeypatch.setattr(cifar, "HOST", archive.parent.as_uri())
    monkeypatch.setattr(cifar, "CIFAR100_ARCHIVE", (archive.name, checksum))
    for name, content in files.items():
        monkeypatch.setitem(cifar.CIFAR100_FILES, name, hashlib.md5(content).hexdigest())
    return Cifar100(archive, files, images)


def test_cifar100_is_fetched_once_and_has_its_fine_labels(
    small_cifar100: Cifar100, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    loaded = data.load("cifar100", folder)
    assert [path.name for path in folder.iterdir()] == ["cifar-100-python"]
    assert loaded.classes == ("apple", "aquarium_fish", "baby")
    assert loaded.mirror
    assert loaded.note.endswith("validation is 1 training images of each class")
    labels = {image.tobytes(): index % 3 for index, image in enumerate(small_cifar100.images)}
    for name, each in {"train": 9, "val": 1, "test": 2}.items():
        split = loaded.splits[name]
        assert split.labels.bincount().tolist() == [each] * 3
        found = {image.numpy().tobytes(): int(label) for image, label in zip(*split, strict=True)}
        assert found.items() <= labels.items()
    small_cifar100.archive.unlink()
    assert data.load("cifar100", folder).checksum == loaded.checksum


class _Harmful:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_a_pickle_that_is_not_the_published_one_is_not_opened(
    small_cifar100: Cifar100, tmp_path: Path
) -> None:
    folder = tmp_path / "data" / "cifar-100-python"
    folder.mkdir(parents=True)
    for name, content in small_cifar100.files.items():
        (folder / name).write_bytes(content)
    opened = tmp_path / "opened"
    (folder / "meta").write_bytes(pickle.dumps(_Harmful(opened)))
    with pytest.raises(AtalhoError, match=r"DATA-CHECKSUM.*meta") as caught:
        data.load("cifar100", folder.parent)
    assert caught.value.exit == Exit.DATA
    assert not opened.exists()


def test_checksums_of_cifar100_are_torchvisions() -> None:
    from torchvision.datasets import CIFAR100

    name, checksum = cifar.CIFAR100_ARCHIVE
    assert (f"{cifar.HOST}/{name}", checksum) == (CIFAR100.url, CIFAR100.tgz_md5)
    published = dict([*CIFAR100.train_list, *CIFAR100.test_list])
    assert {**published, CIFAR100.meta["filename"]: CIFAR100.meta["md5"]} == cifar.CIFAR100_FILES


def test_both_cifars_are_trained_by_he2015s_recipe() -> None:
    assert recipes.DEFAULTS["cifar10"] == recipes.DEFAULTS["cifar100"] == "he2015_cifar"
    assert recipes.DEFAULTS.keys() == data.DATASETS.keys()


def test_an_unknown_data_set_is_a_usage_error() -> None:
    with pytest.raises(AtalhoError, match="digits, cifar10, cifar100") as caught:
        data.load("mnist", Path("unused"))
    assert caught.value.exit == Exit.USAGE


CONTENT = np.random.default_rng(0).bytes(3_000_000)
MD5 = hashlib.md5(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT; answers ranges, and breaks off as often as the server is told to."""

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        server.ranges.append(self.headers.get("Range"))
        start = 0
        if server.honours_ranges and (wanted := self.headers.get("Range")):
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        end = len(CONTENT)
        if server.breaks:
            server.breaks -= 1
            end = start + 900_000
        self.wfile.write(CONTENT[start:end])

    def log_message(self, *_: object) -> None:
        pass


class Server(http.server.HTTPServer):
    breaks = 0
    honours_ranges = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges: list[str | None] = []
        self.url = f"http://127.0.0.1:{self.server_port}/data.tar.gz"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_a_download_goes_on_where_it_broke_off(server: Server, tmp_path: Path) -> None:
    server.breaks = 2
    told: list[tuple[int, int]] = []
    path = tmp_path / "new" / "data.tar.gz"
    download(
        server.url, path, md5=MD5, progress=lambda done, total: told.append((done, total)), pause=0
    )
    assert path.read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=900000-", "bytes=1800000-"]
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [file.name for file in path.parent.iterdir()] == ["data.tar.gz"]


def test_a_download_is_kept_for_the_next_call(server: Server, tmp_path: Path) -> None:
    server.breaks = 3
    path = tmp_path / "data.tar.gz"
    with pytest.raises(AtalhoError, match="2,700,000 bytes are kept") as caught:
        download(server.url, path, md5=MD5, progress=_nothing, pause=0)
    assert caught.value.exit == Exit.DATA
    assert [file.name for file in tmp_path.iterdir()] == ["data.tar.gz.part"]
    download(server.url, path, md5=MD5, progress=_nothing, pause=0)
    assert path.read_bytes() == CONTENT


def test_a_server_that_ignores_ranges_sends_all_of_it_again(server: Server, tmp_path: Path) -> None:
    server.honours_ranges = False
    (tmp_path / "data.tar.gz.part").write_bytes(b"other bytes")
    download(server.url, tmp_path / "data.tar.gz", md5=MD5, progress=_nothing, pause=0)
    assert (tmp_path / "data.tar.gz").read_bytes() == CONTENT


def test_a_file_with_another_checksum_is_removed(server: Server, tmp_path: Path) -> None:
    with pytest.raises(AtalhoError, match=MD5) as caught:
        download(server.url, tmp_path / "x", md5="0" * 32, progress=_nothing, pause=0)
    assert caught.value.code == "DATA-CHECKSUM"
    assert list(tmp_path.iterdir()) == []


def test_no_network_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(AtalhoError, match="could not be fetched"):
        download("http://127.0.0.1:9/x", tmp_path / "x", md5=MD5, progress=_nothing, pause=0)
    assert list(tmp_path.iterdir()) == []


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AtalhoError, match="DATA-DIR"):
        download("http://127.0.0.1:9/x", tmp_path / "file" / "x", md5=MD5, progress=_nothing)
