"""A comparison with hostile text, and its report."""

from pathlib import Path

import pytest

from atalho.page import publish
from atalho.record import Record
from example_records import changed, example, renamed
from web_page import HOSTILE

CITED = Record.of("resnet110", "top1", 0.985, "cited", reference="A. <b>Somebody</b> 2020, Table 3")


@pytest.fixture(scope="session")
def records() -> list[Record]:
    """With a hostile name, a cited accuracy and a latency that is not comparable."""
    costs = [
        Record.of("resnet110", quantity, value, "computed", input=[3, 32, 32], num_classes=10)
        for quantity, value in (("params", 1_727_962), ("macs", 253_000_000))
    ]
    hostile = renamed(example(["resnet20"]), HOSTILE)
    return changed([*example(), *hostile, *costs, CITED], "plain32", "latency", threads=4)


@pytest.fixture(scope="session")
def folder(records: list[Record], tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("report") / "made"
    publish(records, output / "report.html")
    return output


@pytest.fixture(scope="session")
def page(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def charts() -> set[str]:
    """The names of the report's charts."""
    return {
        "accuracy-network",
        "accuracy-operations",
        "accuracy-latency",
        "accuracy-throughput",
        "accuracy-parameter",
        "time-batch",
        "memory-batch",
        "memory-parameters",
        "operations-time",
        "training-curves",
        "training-loss",
        "degradation",
    }
