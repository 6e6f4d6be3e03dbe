from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from atalho import recipes, record
from atalho.data.dataset import Dataset
from atalho.diagnosis.diagnosing import Diagnosis, diagnose
from atalho.diagnosis.moments import Trajectory
from atalho.errors import AtalhoError
from atalho.networks import subjects
from atalho.networks.subjects import Subject
from atalho.probes import surface
from atalho.probes.shown import spread
from atalho.ranking import comparison
from atalho.recipes.changes import RecipeChanges
from atalho.recipes.recipe import Recipe
from atalho.runtime.device import Device
from atalho.training import run
from atalho.training.arguments import Arguments
from atalho.training.resolution import Request, Resolved, resolve
from example_records import as_if_measured

CPU = Device("cpu", 1)


SHORT = RecipeChanges(steps=30)


def _resolved(data: Dataset | None, *names: str) -> list[Resolved]:
    requests = [Request(name, changes=SHORT) for name in names]
    return [resolve(each, data, None, CPU, "float32") for each in requests]


def _short(network: Subject) -> Recipe:
    return SHORT.apply(recipes.get("quick", subjects.facts(network)))


@pytest.fixture
def diagnosis(digits: Dataset) -> Diagnosis:
    return Diagnosis(
        networks=_resolved(digits, "plain20", "resnet20"),
        moments=[0, 1],
        seeds=[0],
        measures=["flow", "responses", "shattering"],
        batch=8,
        runs=[],
    )


def test_a_second_call_measures_what_is_missing(diagnosis: Diagnosis, tmp_path: Path) -> None:
    folder, said = tmp_path / "d", list[str]()
    first = diagnose(diagnosis, folder, say=said.append)
    steps = ("gradient norms", "gradient shares", "responses", "shattering")
    assert [line.split("] ")[1] for line in said] == [
        f"{network}: {step} at {moment}"
        for network in ("plain20", "resnet20")
        for moment in (0, 1)
        for step in steps
    ]
    assert record.read(folder / "records.jsonl") == first
    norms = [r for r in first if r.quantity == "gradient_norm" and r.subject == "resnet20"]
    assert [r.conditions["row"] for r in norms if r.conditions["moment"] == "0"] == [
        row.name
        for row in subjects.get("resnet20").rows  # type: ignore[union-attr]
    ]
    assert {r.conditions["step"] for r in norms} == {0, 1}
    assert all(r.conditions["depth"] == 20 and r.conditions["batch"] == 8 for r in first)
    said.clear()
    assert diagnose(diagnosis, folder, say=said.append) == first
    assert said == []
    # Fewer images at the second call: other records; shattering too, which takes few anyway.
    more = diagnose(replace(diagnosis, batch=4, moments=[0]), folder, say=said.append)
    assert more[: len(first)] == first
    assert len(said) == 8
    assert comparison(more).rows == ()  # a diagnosis is no comparison


def test_what_another_machine_diagnosed_is_diagnosed_here(
    diagnosis: Diagnosis, tmp_path: Path
) -> None:
    one = replace(diagnosis, networks=diagnosis.networks[1:], moments=[0], measures=["responses"])
    here = diagnose(one, tmp_path / "d")
    as_if_measured(tmp_path / "d" / "records.jsonl", device="another processor")
    there, again = diagnose(one, tmp_path / "d")
    assert there.conditions["device"] == "another processor"
    assert again.conditions["device"] == here[0].conditions["device"]
    assert len(diagnose(one, tmp_path / "d")) == 2


def test_a_moment_is_the_run_after_so_many_steps(digits: Dataset) -> None:
    """The states are those of one run, and no measure in between changes what comes after."""
    network = subjects.get("resnet20", input=digits.input)
    recipe = _short(network)

    def trajectory() -> Trajectory:
        return Trajectory(network, digits, recipe, 0, 8, CPU)

    start = trajectory().at(0).model.state_dict()
    built = subjects.build(network, seed=0).state_dict()
    assert all(torch.equal(start[key], built[key]) for key in built)
    on_the_way = trajectory()
    for step in (0, 1, 5):
        snapshot = on_the_way.at(step)
        assert on_the_way.run.step == step
        surface.direction(snapshot.model, 0)
        torch.rand(1)
    with pytest.raises(ValueError, match="beyond 1"):
        on_the_way.at(1)
    straight = trajectory().at(5)
    for key, value in straight.model.state_dict().items():
        assert torch.equal(on_the_way.run.learner.model.state_dict()[key], value)
    assert torch.equal(straight.batch.images, trajectory().at(0).batch.images)
    assert len({*straight.batch.labels.tolist()}) > 3  # from all over the split


def test_a_snapshot_stays_what_it_is(digits: Dataset) -> None:
    """Neither the steps that follow nor a measure that spoils its weights reach from one snapshot to another."""
    network = subjects.get("resnet20", input=digits.input)
    trajectory = Trajectory(network, digits, _short(network), 0, 8, CPU)
    first = trajectory.at(1)
    before = {key: value.clone() for key, value in first.model.state_dict().items()}
    again = trajectory.at(1)
    trajectory.at(3)
    with torch.no_grad():
        for parameter in again.model.parameters():
            parameter.zero_()
    assert all(torch.equal(first.model.state_dict()[key], value) for key, value in before.items())
    assert trajectory.at(3).model.state_dict()["conv1.conv.weight"].any()


def test_spread_takes_images_at_equal_distances(digits: Dataset) -> None:
    test = digits.splits["test"]
    few = spread(test, 5)
    last = len(test.labels) - 1
    assert torch.equal(few.labels[[0, -1]], test.labels[[0, last]])
    assert len(spread(test, 10_000).labels) == len(test.labels)


def test_the_end_is_a_finished_run_and_its_records_are_carried_along(
    diagnosis: Diagnosis, digits: Dataset, tmp_path: Path
) -> None:
    network = subjects.get("resnet20", input=digits.input)
    arguments = Arguments("resnet20", _short(network), 0, CPU, "float32")
    trained = run.execute(arguments, digits, tmp_path / "runs" / "resnet20")
    said: list[str] = []
    wanted = replace(
        diagnosis, moments=["end"], measures=["flow", "lesions"], runs=[tmp_path / "runs"]
    )
    found = diagnose(wanted, tmp_path / "d", say=said.append)
    assert said[0].startswith("plain20: no finished run of seed 0 on digits is in --runs")
    assert found[: len(trained)] == trained
    of_end = [r for r in found if r.conditions.get("moment") == "end"]
    weights = {r.conditions["weights"] for r in of_end}
    assert weights == {r.conditions["weights"] for r in trained if "weights" in r.conditions}
    assert {r.conditions["step"] for r in of_end} == {30}
    (whole,) = [r for r in of_end if r.conditions.get("lesion") == "none"]
    (tested,) = [r for r in trained if r.quantity == "top1"]
    assert whole.value == tested.value
    said.clear()
    assert diagnose(wanted, tmp_path / "d", say=said.append) == found
    assert len(said) == 1
    elsewhere = replace(wanted, seeds=[1])
    diagnose(elsewhere, tmp_path / "d", say=said.append)
    assert said[-1].startswith("resnet20: no finished run of seed 1")


def test_noise_is_shown_where_there_are_no_data(diagnosis: Diagnosis, tmp_path: Path) -> None:
    said: list[str] = []
    wanted = replace(diagnosis, moments=[0, 10], networks=_resolved(None, "resnet20"), batch=2)
    found = diagnose(wanted, tmp_path / "d", say=said.append)
    assert said[0] == "resnet20: without data there is no training, and no moment after 0"
    assert {r.conditions["data"] for r in found} == {"noise"}
    assert {r.conditions["moment"] for r in found} == {"0"}
    assert all(r.conditions["input"] == [3, 32, 32] for r in found)


def test_what_does_not_exist_is_said_once_and_the_rest_goes_on(
    diagnosis: Diagnosis, digits: Dataset, tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from torch import nn\n"
        "def make():\n"
        "    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(64, 10))\n"
    )
    name, said = f"{file}:make", list[str]()
    wanted = replace(
        diagnosis,
        networks=_resolved(digits, "plain20", name),
        moments=[0, 1, 31],
        measures=["flow", "paths", "lesions", "surface", "responses"],
    )
    steps = replace(wanted, measures=["flow", "paths", "responses"])
    found = diagnose(steps, tmp_path / "d", say=said.append)
    assert said[:5] == [
        "plain20: no paths by length; it is no table with residual blocks",
        "plain20: its run has 30 steps, so there is no moment 31",
        f"{name}: no gradient shares; only a table says where branches meet",
        f"{name}: no paths by length; it is no table with residual blocks",
        f"{name}: its run has 30 steps, so there is no moment 31",
    ]
    own = [r for r in found if r.subject == name]
    assert {r.quantity for r in own} == {
        *("gradient_norm", "gradient_ratio", "gradient_slope", "weight_gradient_ratio"),
        "response_std",
    }
    said.clear()
    at_start = replace(wanted, moments=[0], measures=["lesions", "surface"])
    assert diagnose(at_start, tmp_path / "d", say=said.append) == found
    assert [line.split(": ", 1)[1][:24] for line in said] == [
        *("no lesions at 0; there i", "no loss surface at 0; it"),
        *("no lesions; only a table", "no loss surface at 0; it"),
    ]


def test_the_surface_is_taken_a_line_at_a_time(
    diagnosis: Diagnosis, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surface, "SIDE", 3)
    monkeypatch.setattr(surface.coordinates, "__defaults__", (3,))
    lines: list[float] = []
    whole: Callable[..., record.Record] = surface.record

    def interrupted(*given: object, **conditions: object) -> record.Record:
        if len(lines) == 1:
            raise KeyboardInterrupt
        lines.append(0.0)
        return whole(*given, **conditions)

    wanted = replace(
        diagnosis, networks=_resolved(digits, "resnet20"), moments=[1], measures=["surface"]
    )
    monkeypatch.setattr(surface, "record", interrupted)
    with pytest.raises(KeyboardInterrupt):
        diagnose(wanted, tmp_path / "d")
    (kept,) = record.read(tmp_path / "d" / "records.jsonl")
    monkeypatch.setattr(surface, "record", whole)
    found = diagnose(wanted, tmp_path / "d")
    assert found[0] == kept
    assert [r.conditions["beta"] for r in found] == [-1, 0, 1]
    assert {(r.conditions["seed"], r.conditions["batch"]) for r in found} == {(0, 500)}


def test_wrong_measures_and_folders_are_said_before_anything_is_written(
    diagnosis: Diagnosis, tmp_path: Path
) -> None:
    with pytest.raises(AtalhoError, match="MEASURE-UNKNOWN"):
        replace(diagnosis, measures=["flow", "phlogiston"])
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(AtalhoError, match="OUTPUT"):
        diagnose(diagnosis, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_network_whose_numbers_are_none_is_an_error_of_one_line(
    diagnosis: Diagnosis, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = subjects.build

    def build(*given: object, **options: object) -> torch.nn.Module:
        model: torch.nn.Module = broken(*given, **options)  # type: ignore[arg-type]
        with torch.no_grad():
            next(model.parameters()).fill_(float("nan"))
        return model

    monkeypatch.setattr(subjects, "build", build)
    with pytest.raises(AtalhoError, match=r"NOT-FINITE.*resnet20.*nan, at moment 0") as caught:
        diagnose(replace(diagnosis, networks=_resolved(digits, "resnet20")), tmp_path / "d")
    assert "\n" not in str(caught.value)
