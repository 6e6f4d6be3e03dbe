"""Photos that a table keeps together."""

from pathlib import Path

import pytest

from atalho import data
from atalho.data.dataset import Dataset
from atalho.data.groups import joined
from atalho.data.on_disk import OnDisk
from atalho.errors import AtalhoError
from photo_folders import SMALL, fill


def load(root: Path, table: Path, lines: list[str] | None = None) -> Dataset:
    said = lines if lines is not None else []
    return data.load(
        str(root), root.parent / "data", framings=[SMALL], group_by=table, say=said.append
    )


def test_groups_and_copies_join() -> None:
    assert joined([0, 1, 2, 3, 3], ["a", "b", None, "a", None]) == [0, 1, 2, 0, 0]
    assert joined([0, 1, 2], [None, None, None]) == [0, 1, 2]
    assert joined([0, 1, 2, 3], ["a", "b", "b", "a"]) == [0, 1, 1, 0]


def test_photos_of_a_group_are_on_one_side(tmp_path: Path) -> None:
    root = fill(tmp_path / "photos", {"a": 20, "b": 20})
    table = tmp_path / "groups.csv"
    rows = [f"{name}/{n:02}.png,{name} {n // 4}" for name in "ab" for n in range(20)]
    table.write_text("\n".join(["path,group", *rows, "a/none.png,x"]))
    lines: list[str] = []
    splits = load(root, table, lines).splits
    sides: dict[str, set[str]] = {}
    for split, images in splits.items():
        assert isinstance(images, OnDisk)
        for photo in images.photos():
            sides.setdefault(f"{photo.class_name} {int(photo.path.stem) // 4}", set()).add(split)
    assert len(sides) == 10
    assert all(len(each) == 1 for each in sides.values())
    assert any("1 of its lines name no photo" in line for line in lines)
    assert any("10 groups of photos" in line for line in lines)


@pytest.mark.parametrize(
    ("content", "cause"), [(None, "cannot be read"), ("x/y.png,1", "lists none of the 12 photos")]
)
def test_a_table_that_says_nothing_is_refused(
    tmp_path: Path, content: str | None, cause: str
) -> None:
    root = fill(tmp_path / "photos", {"a": 6, "b": 6})
    table = tmp_path / "groups.csv"
    if content:
        table.write_text(content)
    with pytest.raises(AtalhoError, match=rf"GROUPS.*{cause}"):
        load(root, table)


def test_groups_are_of_photos() -> None:
    with pytest.raises(AtalhoError, match="--group-by"):
        data.load("digits", Path("unused"), group_by=Path("groups.csv"))
