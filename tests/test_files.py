import errno
import os
from pathlib import Path

import pytest

from atalho.files import safe_name, write_atomically
from atalho.lock import locked_beside


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_to_a_file_is_replaced_and_one_to_a_folder_is_an_error(tmp_path: Path) -> None:
    target, link, root = tmp_path / "target", tmp_path / "link", tmp_path / "root"
    target.write_bytes(b"of somebody else")
    link.symlink_to(target)
    root.symlink_to("/")
    write_atomically(link, b"new")
    assert (link.read_bytes(), target.read_bytes()) == (b"new", b"of somebody else")
    with pytest.raises(IsADirectoryError):
        write_atomically(root, b"new")
    assert root.is_symlink()
    assert {*tmp_path.iterdir()} == {target, link, root}


@pytest.mark.parametrize("name", ["photos", "digits", "resnet18.v1_5", "a" * 80])
def test_a_safe_name_is_its_own(name: str) -> None:
    assert safe_name(name) == name


def test_a_folders_path_becomes_a_name() -> None:
    assert safe_name("../my photos/").startswith("my-photos-")
    assert safe_name("../my photos/") != safe_name("my photos")
    for text in ("..", "/", "", "a" * 300, "\0", "..\\.."):
        assert Path("folder", safe_name(text)).parent == Path("folder")
        assert Path(safe_name(text)).name == safe_name(text)
        assert 0 < len(safe_name(text)) <= 90


def test_a_lock_that_cannot_be_removed_is_no_error_and_locks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that can only be read from then on."""

    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    path = tmp_path / "answers.csv"
    with monkeypatch.context() as patch, locked_beside(path):
        patch.setattr(Path, "unlink", refuse)
    assert (tmp_path / ".answers.csv.lock").exists()
    with locked_beside(path):
        pass
    assert not [*tmp_path.iterdir()]
