"""The copies of a folder's photos are found once, whoever needs them, and again after any damage or change."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from atalho.data import known_copies
from atalho.data.contents import Contents
from atalho.data.copies import BYTES, Copies, Kind, Numbers, find
from atalho.data.known_copies import known

ROWS = 40


class Known:
    """Pictures, of which some are copies, and how often these were searched for."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        rng = np.random.default_rng(0)
        self.path, self.searches = path, 0
        self.contents = Contents.empty(ROWS)
        self.contents.sha256[:] = rng.integers(0, 256, self.contents.sha256.shape)
        self.contents.fingerprints[:] = rng.integers(0, 256, (ROWS, BYTES))
        self.contents.sha256[3] = self.contents.sha256[23]
        self.contents.fingerprints[[3, 5]] = self.contents.fingerprints[[23, 29]]
        self.labels = np.arange(ROWS) % 4

        def counted(*arguments: object) -> Copies:
            self.searches += 1
            time.sleep(0.05)
            return find(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(known_copies, "find", counted)

    def __call__(self, kind: Kind = "similar", labels: Numbers | None = None) -> Copies:
        self.searches = 0
        return known(self.path, self.contents, self.labels if labels is None else labels, kind)


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Known:
    return Known(tmp_path / "data" / "manifests" / "x.copies", monkeypatch)


def equal(one: Copies, other: Copies) -> bool:
    return all(map(np.array_equal, vars(one).values(), vars(other).values()))


def test_copies_are_searched_once_and_again_for_other_pictures(photos: Known) -> None:
    first = photos()
    assert (photos.searches, first.identical, first.similar) == (1, 1, 1)
    assert equal(photos(), first)
    assert photos.searches == 0
    assert photos("exact").similar == 0
    assert photos.searches == 1
    photos("similar", photos.labels[::-1].copy())
    assert photos.searches == 1
    photos.contents.sha256[23] += 1
    assert photos("similar").identical == 0
    assert photos.searches == 1


def test_a_file_that_is_damaged_is_written_anew(photos: Known) -> None:
    first = photos()
    whole = photos.path.read_bytes()
    for damaged in (b"", whole[:-1], whole[:40], b"\0" * 500):
        photos.path.write_bytes(damaged)
        assert equal(photos(), first)
        assert photos.searches == 1
    for place in range(0, len(whole), 97):
        photos.path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert equal(photos(), first)
        assert photos.searches == 1
        assert photos.path.read_bytes() == whole


def test_of_several_at_once_one_searches(photos: Known) -> None:
    with ThreadPoolExecutor(4) as pool:
        results = [
            *pool.map(
                lambda _: known(photos.path, photos.contents, photos.labels, "similar"), range(4)
            )
        ]
    assert photos.searches == 1
    assert all(equal(each, results[0]) for each in results)
