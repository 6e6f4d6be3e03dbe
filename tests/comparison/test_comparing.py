import errno
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from atalho import recipes, record
from atalho.comparison.comparing import Comparison, compare
from atalho.data.dataset import Dataset
from atalho.engines import choosing, engine_config
from atalho.engines.choosing import EngineRequest
from atalho.engines.engine import Placement
from atalho.errors import AtalhoError, Exit
from atalho.grammar.facts import Facts
from atalho.lock import LOCK
from atalho.recipes.recipe import Recipe
from atalho.runtime.device import Device


def _short(name: str, network: Facts) -> Recipe:
    return replace(recipes.get("quick", network), epochs=None, steps=3)


pytestmark = pytest.mark.usefixtures("hasty")


@pytest.fixture
def comparison(digits: Dataset) -> Comparison:
    cpu = Device("cpu", 1)
    request = EngineRequest("eager", None, Placement(cpu), 2)
    return Comparison(["plain20", "resnet20"], digits, _short, [2], 0, cpu, "float32", request)


def test_a_second_call_measures_what_is_missing(comparison: Comparison, tmp_path: Path) -> None:
    folder = tmp_path / "comparison"
    said: list[str] = []
    first = compare(comparison, folder, say=said.append)
    both = "plain20", "resnet20"
    assert [line.split("] ")[1] for line in said if line.startswith("[")] == [
        *(f"{network}: training on digits" for network in both),
        *(f"{network}: {step}" for network in both for step in ("cost", "engine")),
        *(f"{network}: memory at batch 2" for network in both),
        "2 networks: latency at batch 2",
    ]
    assert record.read(folder / "records.jsonl") == first
    for network in ("plain20", "resnet20"):
        quantities = {each.quantity for each in first if each.subject == network}
        assert quantities >= {
            *("params", "macs", "activations", "top1", "top5", "loss", "train_loss", "val_top1"),
            *("latency", "throughput", "peak_memory", "size", "train_time"),
        }
        found = engine_config.read(folder / "engines" / "eager" / network)
        assert found
        assert found.backend == ("eager", "float32")
    said.clear()
    assert compare(comparison, folder, say=said.append) == first
    assert not [line for line in said if line.startswith("[")]
    said.clear()
    more = compare(replace(comparison, batches=[2, 3]), folder, say=said.append)
    assert more[: len(first)] == first
    steps = [line for line in said if line.startswith("[")]
    assert len(steps) == 3
    assert all("batch 3" in line for line in steps)


def test_a_comparison_under_other_conditions_is_refused(
    comparison: Comparison, tmp_path: Path
) -> None:
    one = replace(comparison, networks=["resnet20"])
    first = compare(one, tmp_path / "c")

    def longer(name: str, network: Facts) -> Recipe:
        return replace(_short(name, network), steps=4)

    with pytest.raises(AtalhoError, match=r"recipe\.steps 3, now 4"):
        compare(replace(one, recipe=longer), tmp_path / "c")
    assert record.read(tmp_path / "c" / "records.jsonl") == first


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
    found = compare(replace(comparison, data=None, networks=["resnet20"]), tmp_path / "c")
    assert {each.quantity for each in found} == {
        *("params", "macs", "activations", "latency", "throughput", "peak_memory", "size"),
    }
    assert all(each.conditions["input"] == [3, 32, 32] for each in found)
    assert not (tmp_path / "c" / "engines").exists()


def test_nothing_is_written_before_all_names_are_known(
    comparison: Comparison, tmp_path: Path
) -> None:
    with pytest.raises(AtalhoError, match="NETWORK-UNKNOWN"):
        compare(replace(comparison, networks=["resnet20", "resnet21"]), tmp_path / "c")
    with pytest.raises(AtalhoError, match="INPUT-SHAPE"):
        compare(replace(comparison, networks=["resnet20", "alexnet"]), tmp_path / "c")
    assert not (tmp_path / "c").exists()
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(AtalhoError, match="OUTPUT"):
        compare(comparison, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_full_disk_is_said_in_one_line_and_loses_nothing(
    comparison: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = replace(comparison, data=None, networks=["resnet20"])

    def full(*given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(choosing, "write", full)
        with pytest.raises(AtalhoError, match=r"DISK.*No space left on device") as caught:
            compare(one, tmp_path / "c")
    assert caught.value.exit == Exit.RESOURCES
    kept = record.read(tmp_path / "c" / "records.jsonl")
    assert {each.quantity for each in kept} == {"params", "macs", "activations"}
    found = compare(one, tmp_path / "c")
    assert found[: len(kept)] == kept
    assert "latency" in {each.quantity for each in found}
