"""A second comparison in a folder measures what is not known under what it asks for, and shows what it asked for."""

import csv
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from atalho import record
from atalho.api.comparing import compare as command
from atalho.benchmark import latency, memory
from atalho.benchmark.system import System
from atalho.benchmark.workload import PhotoFiles, Workload
from atalho.choice import choosing
from atalho.cli import main
from atalho.comparison.comparing import Comparison, compare
from atalho.comparison.handing_over import keep
from atalho.data import load
from atalho.data.dataset import Dataset
from atalho.engines.choosing import EngineRequest
from atalho.engines.engine import MemoryFormat, Placement
from atalho.ranking import comparison
from atalho.recipes.changes import RecipeChanges
from atalho.record import Record
from atalho.runtime.device import Device
from atalho.seal import unsealed
from atalho.training.resolution import Request, resolve
from atalho.weights.trained import Trained, read
from example_records import as_if_measured
from photo_folders import fill

CPU = Device("cpu", 1)
MEASURED = [
    "engine",
    "memory at batch 1",
    "latency at batch 1",
    "validation on digits",
    "test on digits",
]
RESULTS = ("top1", "latency", "peak_memory")
FEW = RecipeChanges(steps=2)


@pytest.fixture
def instant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory and latency take no time, and are other ones each time."""
    count = iter(range(1, 1000))

    def taken(
        quantity: str, children: object, systems: Sequence[System], workload: Workload
    ) -> Mapping[str, list[Record]]:
        protocol = {"peak_memory": memory.PROTOCOL, "latency": latency.PROTOCOL}[quantity]
        stated = {"batch": workload.batch, "protocol": protocol}
        return {
            each.name: [
                Record.of(
                    each.name,
                    quantity,
                    next(count),
                    "measured",
                    **{**each.record_conditions(), **stated},
                )
            ]
            for each in systems
        }

    monkeypatch.setattr(memory, "records", partial(taken, "peak_memory"))
    monkeypatch.setattr(latency, "records", partial(taken, "latency"))
    monkeypatch.setattr(PhotoFiles, "of_dataset", lambda data: None)
    # So short a training learns nothing; it is not what is tested here.
    monkeypatch.setattr(choosing, "learned_nothing", lambda row: False)
    monkeypatch.setattr(System, "start", lambda system: Closed())


class Closed:
    """No process."""

    ended = False

    def close(self) -> None:
        """Does nothing."""


@dataclass
class Folder:
    """A comparison's folder, and what the last call in it did.

    Attributes:
        steps: what was carried out.
        shown: of resnet20, by quantity, what is ranked.
    """

    path: Path
    steps: list[str] = field(default_factory=list)
    shown: dict[str, float] = field(default_factory=dict)
    apart: dict[str, str] = field(default_factory=dict)

    def compare(
        self,
        data: Dataset,
        *,
        network: str = "resnet20",
        memory_format: MemoryFormat = "channels_last",
        start: Trained | None = None,
        request: Mapping[str, Any] | None = None,
    ) -> "Folder":
        lines: list[str] = []
        options = {"changes": FEW, "recipe": "quick", **(request or {})}
        resolved = resolve(
            Request(network, data=data.name, weights="it" if start else None, **options),
            data,
            start,
            CPU,
            "float32",
        )
        engine = EngineRequest("eager", None, Placement(CPU, memory_format=memory_format), 1)
        measured = compare(Comparison([resolved], [1], engine), self.path, say=lines.append)
        rows = {r.network: r for r in comparison(measured.records, measured.queries).rows}
        row = rows["resnet20"] if "resnet20" in rows else rows[network]
        self.steps = [line.split(": ", 1)[1] for line in lines if line.startswith("[")]
        self.shown = {quantity: reading.value for quantity, reading in row.readings.items()}
        self.apart = {each.record.quantity: each.reason for each in row.apart}
        assert keep(measured, self.path)
        return self

    def records(self, quantity: str) -> list[Record]:
        """Those that networks are ranked by."""
        records = record.read(self.path / "records.jsonl")
        return [
            r for r in records if r.quantity == quantity and r.conditions.get("split") != "test"
        ]

    @property
    def chosen(self) -> str:
        """The weights that are ready for use."""
        config = json.loads((self.path / "chosen" / "config.json").read_text())
        return f"sha256:{config['sha256']}"


@pytest.fixture
def folder(tmp_path: Path, instant: None) -> Folder:
    return Folder(tmp_path / "c")


def photos(root: Path) -> Dataset:
    return load(str(root), root.parent / "data")


def test_what_is_asked_for_is_what_is_shown(folder: Folder, digits: Dataset) -> None:
    usual = folder.compare(digits).shown
    other = folder.compare(digits, memory_format="contiguous").shown
    assert folder.steps == MEASURED
    assert other["latency"] != usual["latency"]
    assert other["latency"] == folder.records("latency")[-1].value
    assert folder.records("latency")[-1].conditions["memory_format"] == "contiguous"
    engine = json.loads((folder.path / "chosen" / "engine.json").read_text())
    assert engine["memory_format"] == "contiguous"
    assert folder.compare(digits, memory_format="contiguous").steps == []
    assert folder.compare(digits).steps == []
    assert folder.shown == usual


@pytest.mark.usefixtures("instant")
def test_the_table_the_page_and_the_chosen_one_show_the_same(tmp_path: Path) -> None:
    for layout in ("channels_last", "contiguous", "channels_last"):
        found = command(
            *("resnet20", "digits"),
            steps=2,
            batch_size=1,
            threads=1,
            device="cpu",
            memory_format=layout,  # type: ignore[arg-type]
            output=tmp_path,
        )
        (row,) = found.comparison.rows
        (written,) = csv.DictReader((tmp_path / "summary.csv").read_text().splitlines())
        assert float(written["latency"]) == row.value("latency")
        stated = row.readings["latency"].condition("memory_format") or "channels_last"
        engine = json.loads((tmp_path / "chosen" / "engine.json").read_text())
        assert stated == engine["memory_format"] == layout


def test_photos_that_were_replaced_are_other_data(folder: Folder, tmp_path: Path) -> None:
    root = fill(tmp_path / "photos", {"a": 12, "b": 12})
    small = {"img_size": 24}
    first = folder.compare(photos(root), request=small).chosen
    before = folder.shown
    shutil.move(root, tmp_path / "before")
    fill(root, {"a": 12, "b": 12}, begin=100)
    folder.compare(photos(root), request=small)
    assert folder.steps[0] == "training on photos"
    assert folder.chosen == folder.records("top1")[-1].conditions["weights"] != first
    assert folder.shown["latency"] != before["latency"]
    shutil.rmtree(root)
    shutil.move(tmp_path / "before", root)
    assert folder.compare(photos(root), request=small).steps == []
    assert (folder.chosen, folder.shown) == (first, before)
    runs = [yaml.safe_load(each.read_text()) for each in folder.path.glob("runs/*/args.yaml")]
    assert len({run["data"]["checksum"] for run in runs}) == 2


def test_the_same_photos_under_another_name_are_the_same_data(
    folder: Folder, tmp_path: Path
) -> None:
    root = fill(tmp_path / "photos", {"a": 12, "b": 12})
    folder.compare(photos(root), request={"img_size": 24})
    shutil.move(root, tmp_path / "pets")
    assert folder.compare(photos(tmp_path / "pets"), request={"img_size": 24}).steps == []


def test_another_size_of_photos_is_another_training(folder: Folder, tmp_path: Path) -> None:
    data = photos(fill(tmp_path / "photos", {"a": 12, "b": 12}))
    small = folder.compare(data, request={"img_size": 24}).shown
    large = folder.compare(data, request={"img_size": 32}).shown
    assert folder.steps[:2] == ["training on photos", "cost"]
    assert folder.records("latency")[-1].conditions["input"] == [3, 32, 32]
    assert large["macs"] > small["macs"]
    assert folder.compare(data, request={"img_size": 24}).steps == []
    assert folder.shown == small


def test_what_was_chosen_is_evaluated_on_the_test_photos_alone(
    folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the run itself is: what it was trained on is known by its content, wherever the network goes."""
    root = fill(tmp_path / "pets", {"a": 12, "b": 12})
    data = photos(root)
    folder.compare(data, request={"img_size": 24})
    chosen, export = folder.path / "chosen", tmp_path / "export"
    options = ["--to", "safetensors", "-o", str(export), "--data", str(root)]
    assert main(["export", str(chosen), *options]) == 0
    for network in (folder.path / "runs" / "resnet20", chosen, export):
        capsys.readouterr()
        given = ["--data", str(root), "--data-dir", str(tmp_path / "data"), "--format", "json"]
        assert main(["evaluate", str(network), *given, "--device", "cpu"]) == 0
        said = json.loads(capsys.readouterr().out)
        assert (said["split"], said["images"]) == ("test", len(data.splits["test"].labels))


def test_other_weights_to_begin_from_are_another_training(folder: Folder, digits: Dataset) -> None:
    starts = [Folder(folder.path.parent / f"start{n}") for n in range(2)]
    begun = []
    for seed, start in enumerate(starts):
        start.compare(digits, request={"seed": seed})
        begun.append(read(start.path / "runs" / "resnet20"))
    chosen = [folder.compare(digits, start=each).chosen for each in begun]
    assert folder.steps[0] == "training on digits"
    assert chosen[0] != chosen[1]
    assert folder.compare(digits, start=begun[0]).steps == []
    assert folder.chosen == chosen[0]


def test_a_recipe_is_known_by_all_that_it_says(folder: Folder, digits: Dataset) -> None:
    chosen = []
    for rate in (0.05, 0.1, 0.05):
        folder.compare(digits, request={"changes": RecipeChanges(steps=2, lr=rate)})
        chosen.append(folder.chosen)
    assert folder.steps == []
    assert chosen[0] == chosen[2] != chosen[1]


def test_another_seed_is_another_run(folder: Folder, digits: Dataset) -> None:
    first = folder.compare(digits).shown
    second = folder.compare(digits, request={"seed": 1}).shown
    assert folder.steps[0] == "training on digits"
    assert second["top1"] == folder.records("top1")[-1].value
    assert folder.compare(digits).shown == first
    assert folder.steps == []


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"device": "another processor, 4 cores"},
        {"device": "NVIDIA Example 90 GB"},
        {"versions": {"python": "3.11.1", "atalho": "0.1.0", "torch": "1.0", "torchvision": "0.1"}},
    ],
)
def test_what_another_machine_measured_is_measured_here(
    elsewhere: dict[str, Any], folder: Folder, digits: Dataset
) -> None:
    """The weights are those of the run that is there; their accuracy and their costs are this machine's."""
    before = folder.compare(digits).shown
    run = folder.path / "runs" / "resnet20"
    weights = (run / "model.safetensors").read_bytes()
    for file in (folder.path / "records.jsonl", run / "records.jsonl"):
        as_if_measured(file, **elsewhere)
    after = folder.compare(digits).shown
    assert folder.steps == MEASURED
    assert (run / "model.safetensors").read_bytes() == weights
    (name, value), *_ = elsewhere.items()
    for quantity in RESULTS:
        there, here = folder.records(quantity)
        assert there.conditions[name] == value != here.conditions[name]
        assert after[quantity] == here.value
    first, second = folder.records("top1")
    assert (first.value, first.conditions["right"]) == (second.value, second.conditions["right"])
    assert after["latency"] != before["latency"]
    assert folder.compare(digits).steps == []


def test_a_run_that_was_begun_elsewhere_is_begun_anew(folder: Folder, digits: Dataset) -> None:
    """It cannot be gone on with to the same bits, and the command has no flag to go on all the same."""
    folder.compare(digits)
    run = folder.path / "runs" / "resnet20"
    saved = unsealed(yaml.safe_load((run / "args.yaml").read_text()))
    saved["environment"]["device"] = "another processor"
    (run / "args.yaml").write_text(yaml.safe_dump(saved, sort_keys=False))
    for file in (run / "records.jsonl", run / "model.safetensors"):
        file.unlink()
    (folder.path / "records.jsonl").write_bytes(b"")
    assert folder.compare(digits).steps[0] == "training on digits"
    assert len([*folder.path.glob("runs/*/model.safetensors")]) == 1
    assert folder.compare(digits).steps == []


def test_the_networks_of_an_earlier_call_stay(folder: Folder, digits: Dataset) -> None:
    first = folder.compare(digits).shown
    assert folder.compare(digits, network="plain20").shown == first
    folder.compare(digits, network="plain20", memory_format="contiguous")
    for quantity in ("latency", "top1"):
        assert folder.apart[quantity] == "memory_format not stated against contiguous"


CODE = """from torch import nn

def make(num_classes):
    pooled = nn.AdaptiveAvgPool2d({0})
    return nn.Sequential(pooled, nn.Flatten(), nn.Linear({0} * {0}, num_classes))
"""


def test_a_networks_own_code_is_part_of_it(folder: Folder, digits: Dataset, tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    steps = []
    for side in (2, 3, 3):
        file.write_text(CODE.format(side))
        steps.append(folder.compare(digits, network=f"{file}:make").steps)
    assert steps[0] == steps[1] == ["training on digits", "cost", *MEASURED]
    assert steps[2] == []
    assert [each.value for each in folder.records("params")] == [50, 100]
