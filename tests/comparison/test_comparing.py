import errno
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from filelock import FileLock
from PIL import Image
from safetensors.torch import save_file

from atalho import record
from atalho.cli import main
from atalho.comparison.comparing import Comparison, compare
from atalho.data.dataset import Dataset
from atalho.engines import choosing, engine_config
from atalho.engines.choosing import EngineRequest
from atalho.engines.engine import Placement
from atalho.errors import AtalhoError, Exit
from atalho.lock import LOCK
from atalho.networks import subjects
from atalho.recipes.changes import RecipeChanges
from atalho.runtime.device import Device
from atalho.training.resolution import Request, Resolved, resolve

CPU = Device("cpu", 1)
SHORT = RecipeChanges(steps=3)


def _resolved(data: Dataset | None, *names: str, changes: RecipeChanges = SHORT) -> list[Resolved]:
    requests = [Request(name, changes=changes) for name in names]
    return [resolve(each, data, None, CPU, "float32") for each in requests]


pytestmark = pytest.mark.usefixtures("hasty")


@pytest.fixture
def comparison(digits: Dataset) -> Comparison:
    request = EngineRequest("eager", None, Placement(CPU), 2)
    return Comparison(_resolved(digits, "plain20", "resnet20"), [2], request)


def test_a_second_call_measures_what_is_missing(comparison: Comparison, tmp_path: Path) -> None:
    folder = tmp_path / "comparison"
    said: list[str] = []
    measured = compare(comparison, folder, say=said.append)
    first, chosen = measured.records, measured.choice
    assert chosen is None  # three steps teach nothing
    both = "plain20", "resnet20"
    assert [line.split("] ")[1] for line in said if line.startswith("[")] == [
        *(f"{network}: training on digits" for network in both),
        *(f"{network}: {step}" for network in both for step in ("cost", "engine")),
        "2 networks: memory at batch 2",
        "2 networks: latency at batch 2",
        *(f"{network}: validation on digits" for network in both),
    ]
    assert record.read(folder / "records.jsonl") == first
    for network in ("plain20", "resnet20"):
        quantities = {each.quantity for each in first if each.subject == network}
        assert quantities >= {
            *("params", "macs", "activations", "top1", "top5", "loss", "train_loss", "val_top1"),
            *("latency", "throughput", "peak_memory", "size", "train_time"),
        }
        (engine,) = folder.glob(f"engines/eager/{network}-*")
        found = engine_config.read(engine)
        assert found
        assert found.backend == ("eager", "float32")
    said.clear()
    assert compare(comparison, folder, say=said.append).records == first
    assert not [line for line in said if line.startswith("[")]
    said.clear()
    more = compare(replace(comparison, batches=[2, 3]), folder, say=said.append).records
    assert more[: len(first)] == first
    steps = [line for line in said if line.startswith("[")]
    assert len(steps) == 2
    assert all("batch 3" in line for line in steps)


def test_a_folder_that_is_not_free_is_left_as_it_is(comparison: Comparison, tmp_path: Path) -> None:
    busy, theirs = tmp_path / "busy", tmp_path / "theirs"
    for folder, name in ((busy, LOCK), (theirs, "thesis.tex")):
        folder.mkdir()
        (folder / name).touch()
    with FileLock(busy / LOCK), pytest.raises(AtalhoError, match="IN-USE") as caught:
        compare(comparison, busy)
    assert caught.value.exit == Exit.USAGE
    with pytest.raises(AtalhoError, match="OUTPUT") as caught:
        compare(comparison, theirs)
    assert caught.value.exit == Exit.USAGE
    assert [*busy.iterdir(), *theirs.iterdir()] == [busy / LOCK, theirs / "thesis.tex"]


def test_without_data_networks_are_costed_and_timed_at_their_own_input(
    comparison: Comparison, tmp_path: Path
) -> None:
    alone = replace(comparison, networks=_resolved(None, "resnet20"))
    found = compare(alone, tmp_path / "c").records
    assert {each.quantity for each in found} == {
        *(
            "params",
            "macs",
            "activations",
            "latency",
            "throughput",
            "peak_memory",
            "added_memory",
            "size",
        ),
    }
    assert all(each.conditions["input"] == [3, 32, 32] for each in found)
    assert not (tmp_path / "c" / "engines").exists()


def test_a_folder_of_other_things_is_left_as_it_is(comparison: Comparison, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(AtalhoError, match="OUTPUT"):
        compare(comparison, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_full_disk_is_said_in_one_line_and_loses_nothing(
    comparison: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = replace(comparison, networks=_resolved(None, "resnet20"))

    def full(*given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(choosing, "write", full)
        with pytest.raises(AtalhoError, match=r"DISK.*No space left on device") as caught:
            compare(one, tmp_path / "c")
    assert caught.value.exit == Exit.RESOURCES
    kept = record.read(tmp_path / "c" / "records.jsonl")
    assert {each.quantity for each in kept} == {"params", "macs", "activations"}
    found = compare(one, tmp_path / "c").records
    assert found[: len(kept)] == kept
    assert "latency" in {each.quantity for each in found}


def _weights(folder: Path, name: str, **settings: object) -> str:
    """A folder of random weights of two classes, with its own way to bring pictures to the network's input."""
    input_size = settings["input_size"]
    network = subjects.get(name, input=tuple(input_size), num_classes=2)  # type: ignore[arg-type]
    folder.mkdir()
    save_file(subjects.build(network).state_dict(), folder / "model.safetensors")
    framed = {"mean": [0.5] * 3, "std": [0.25] * 3, **settings}
    config = {"architecture": name, "num_classes": 2, "label_names": ["a", "b"]}
    (folder / "config.json").write_text(json.dumps({**config, "pretrained_cfg": framed}))
    return f"{name}={folder}"


def test_every_network_sees_photos_in_its_own_way(tmp_path: Path) -> None:
    """Two networks whose weights want other input sizes, crops and interpolations; both see the same photos."""
    pixels = np.random.default_rng(0).integers(0, 255, (24, 30, 40, 3), np.uint8)
    for number, each in enumerate(pixels):
        photo = tmp_path / "photos" / "ab"[number % 2] / f"{number}.png"
        photo.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(each).save(photo)
    ways = {
        "resnet20": {
            "input_size": [3, 32, 32],
            "crop_pct": 0.8,
            "crop_mode": "center",
            "interpolation": "bicubic",
        },
        "plain20": {
            "input_size": [3, 24, 28],
            "crop_pct": 1.0,
            "crop_mode": "squash",
            "interpolation": "bilinear",
        },
    }
    arguments = ["compare", *ways, "--data", str(tmp_path / "photos"), "--steps", "1", "-b", "1"]
    for name, way in ways.items():
        arguments += ["--weights", _weights(tmp_path / f"weights of {name}", name, **way)]
    output = tmp_path / "c"
    arguments += ["--data-dir", str(tmp_path / "data"), "--output", str(output), "-t", "1"]
    assert main(arguments) == 0
    seen = set()
    for name, way in ways.items():
        run, (engine,) = output / "runs" / name, output.glob(f"engines/eager/{name}-*")
        seen.add(yaml.safe_load((run / "args.yaml").read_text())["data"]["checksum"])
        for folder in (run, engine):
            said = json.loads((folder / "config.json").read_text())["pretrained_cfg"]
            assert {key: said[key] for key in way} == way, folder
    assert len(seen) == 1
    timed = [r for r in record.read(output / "records.jsonl") if r.quantity == "latency"]
    assert {r.subject: r.conditions["input"] for r in timed} == {
        name: way["input_size"] for name, way in ways.items()
    }
