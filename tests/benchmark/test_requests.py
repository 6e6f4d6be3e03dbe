"""From a user's own photo files to labels: the parts of single requests, the budget that bounds them, and what the page shows."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import atalho
from atalho.benchmark import busy, latency, requests
from atalho.benchmark.turns import Plan
from atalho.benchmark.workload import MOST_FILES, PhotoFiles
from atalho.choice.choosing import misses
from atalho.choice.limits import Budget, from_files
from atalho.cli.rows import bench_table
from atalho.errors import AtalhoError
from atalho.page.contents import Contents
from atalho.page.page import html
from atalho.ranking import comparison
from atalho.record import Record
from small_networks import MODULES
from web_page import Page

PARTS = ("request_decoding", "request_framing", "request_network")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of which one in five takes far longer to decode, and a torn one."""
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(0)
    for place in range(10):
        side = 1600 if place % 5 == 0 else 64
        noise = generator.integers(0, 256, (side, side, 3), np.uint8)
        Image.fromarray(noise).save(folder / f"{place}.png")
    (folder / "torn.jpg").write_bytes(b"torn")
    return folder


@pytest.fixture(scope="module")
def records(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    folder = tmp_path_factory.mktemp("bench")
    (folder / "modules.py").write_text(MODULES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests, "PLAN", Plan("time", turns=2, runs=20, turn=0.1))
        patch.setattr(latency, "PLAN", Plan("time", turns=1, runs=5, turn=0.1))
        patch.setattr(busy, "MOST_OTHER_SHARE", np.inf)
        patch.setattr(busy, "DRIFT", np.inf)
        name = f"{folder / 'modules.py'}:sleeper"
        return atalho.bench(
            name, data=photos, input=(3, 4, 4), num_classes=3, batch_size=1, threads=1
        )


def value(records: list[Record], quantity: str) -> float:
    (record,) = (each for each in records if each.quantity == quantity)
    return record.value


def test_a_request_is_the_sum_of_its_parts(records: list[Record]) -> None:
    parts = [value(records, part) for part in PARTS]
    assert value(records, "request_network") >= 0.02  # the network's sleep
    assert value(records, "request_latency") == pytest.approx(sum(parts), rel=0.25)
    (total,) = (each for each in records if each.quantity == "request_latency")
    assert total.conditions["images"] == 10  # the torn one is left out
    assert total.conditions["runs"] >= 20
    assert total.conditions["p90"] == value(records, "request_p90")


def test_the_large_photos_decide_the_percentile(records: list[Record]) -> None:
    """Which a fifth of them are; the median is of the small ones."""
    assert value(records, "request_p90") > 1.5 * value(records, "request_latency")


def test_a_budget_bounds_the_percentile_of_the_whole_way(records: list[Record]) -> None:
    compared = comparison(records)
    (row,) = compared.rows
    median, p90 = (value(records, name) for name in ("request_latency", "request_p90"))
    budget = Budget(max_latency_ms=1e3 * (median + p90) / 2).limits
    (miss,) = misses(row, from_files(budget, compared))
    assert (miss.quantity, miss.value) == ("request_p90", p90)
    enough = Budget(max_latency_ms=2e3 * p90).limits
    assert misses(row, from_files(enough, compared)) == ()


@pytest.mark.usefixtures("hasty")
def test_without_files_a_budget_is_the_networks_alone_and_says_so(
    records: list[Record], tmp_path: Path
) -> None:
    alone = [each for each in records if not each.quantity.startswith("request")]
    budget = Budget(max_latency_ms=1.0).limits
    assert from_files(budget, comparison(alone)) == budget
    said: list[str] = []
    reporter = atalho.Reporter(say=said.append)
    with pytest.raises(AtalhoError):
        atalho.bench("nowhere.py:nothing", reporter=reporter)
    (tmp_path / "modules.py").write_text(MODULES)
    name = f"{tmp_path / 'modules.py'}:sleeper"
    atalho.bench(name, input=(3, 4, 4), num_classes=3, batch_size=1, threads=1, reporter=reporter)
    assert any("the network alone" in line for line in said)


def test_table_and_page_show_the_parts(records: list[Record]) -> None:
    (row,) = bench_table(records).rows
    for name in ("decoding ms", "framing ms", "network ms", "file to label ms", "its p90 ms"):
        assert row[name] > 0
    contents = Contents.of(records, Budget(max_latency_ms=1.0).limits)
    assert "request_p90" in contents.limits
    assert "file-to-label" in [figure.name for figure in contents.figures]
    page = html(contents)
    assert page.count('class="part0"') == 1
    assert "Latency from file to label" in Page(page).text


def test_files_are_few_and_a_folder_without_any_is_refused(photos: Path, tmp_path: Path) -> None:
    files = PhotoFiles.of_folder(photos)
    assert [path.name for path in files.paths] == [f"{place}.png" for place in range(10)]
    assert files.checksum == PhotoFiles.of_folder(photos).checksum
    with pytest.raises(AtalhoError, match="no photos"):
        PhotoFiles.of_folder(tmp_path)
    for place in range(150):
        Image.new("L", (4, 4)).save(tmp_path / f"{place:03}.png")
    assert len(PhotoFiles.of_folder(tmp_path).paths) == MOST_FILES
