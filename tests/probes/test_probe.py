"""What a run sees of itself on its way: the same as a diagnosis of its moments, once each, and at no price in bits."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from atalho import record
from atalho.data.dataset import Dataset
from atalho.diagnosis.diagnosing import Diagnosis, diagnose
from atalho.probes.probe import FILE
from atalho.record import Record
from atalho.training import run
from atalho.training.arguments import Arguments
from atalho.training.listeners import Listeners
from atalho.training.loop import Run
from atalho.training.resolution import Resolved


def _seen(records: Sequence[Record]) -> list[tuple[Any, ...]]:
    """All of the records but the time."""
    return [
        (
            *(each.subject, each.quantity, each.value, each.samples),
            {name: value for name, value in each.conditions.items() if name != "at"},
        )
        for each in records
    ]


@pytest.fixture
def probing(arguments: Arguments) -> Arguments:
    """30 steps, with a look before the first and after every tenth."""
    short = replace(arguments.recipe, steps=30)
    return replace(arguments, recipe=short, probe=10, save_every=1_000)


def test_it_sees_what_a_diagnosis_of_its_moments_sees(
    probing: Arguments, digits: Dataset, tmp_path: Path
) -> None:
    run.execute(probing, digits, tmp_path / "run")
    own = record.read(tmp_path / "run" / FILE)
    assert list(dict.fromkeys(each.conditions["moment"] for each in own)) == ["0", "10", "20", "30"]
    wanted = Diagnosis(
        networks=[Resolved(probing, digits)],
        moments=[0, 10, 20, 30],
        seeds=[0],
        measures=["flow", "responses"],
        batch=probing.recipe.batch_size,
        runs=[],
    )
    diagnosed = diagnose(wanted, tmp_path / "diagnosis")
    shares = ("shortcut_share", "shortcut_cosine")
    assert _seen(own) == _seen([each for each in diagnosed if each.quantity not in shares])


def test_it_changes_no_bit_of_the_run(probing: Arguments, digits: Dataset, tmp_path: Path) -> None:
    run.execute(probing, digits, tmp_path / "with")
    run.execute(replace(probing, probe=None), digits, tmp_path / "without")
    for name in ("model.safetensors", "metrics.csv", "args.yaml"):
        one, other = ((tmp_path / each / name).read_bytes() for each in ("with", "without"))
        assert one == other, name
    assert not (tmp_path / "without" / FILE).exists()


@pytest.mark.parametrize("save_every", [0.0, 1_000.0])
def test_a_crash_counts_no_moment_twice(
    probing: Arguments,
    digits: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    save_every: float,
) -> None:
    """With a checkpoint at every step, and with none, so that the run begins anew."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run.execute(probing, digits, whole)
    advance = Run.advance

    def crash(self: Run) -> None:
        if self.step == 25:
            raise KeyboardInterrupt
        advance(self)

    crashing = replace(probing, save_every=save_every)
    monkeypatch.setattr(Run, "advance", crash)
    with pytest.raises(KeyboardInterrupt):
        run.execute(crashing, digits, parts)
    assert len({each.conditions["step"] for each in record.read(parts / FILE)}) == 3
    with (parts / FILE).open("a") as file:
        file.write('{"subject": "resnet20", "quan')  # the crash came in the middle of a line
    monkeypatch.setattr(Run, "advance", advance)
    run.execute(crashing, digits, parts, resume=True)
    assert _seen(record.read(parts / FILE)) == _seen(record.read(whole / FILE))
    assert (parts / "metrics.csv").read_bytes() == (whole / "metrics.csv").read_bytes()


def test_a_moment_without_finite_numbers_is_said_and_the_run_goes_on(
    probing: Arguments, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from atalho.probes import responses

    found = responses.responses

    def infinite(model: torch.nn.Module, batch: Any) -> Any:
        return {name: each._replace(std=float("inf")) for name, each in found(model, batch).items()}

    monkeypatch.setattr(responses, "responses", infinite)
    said: list[str] = []
    run.execute(probing, digits, tmp_path / "run", listeners=Listeners(warn=said.append))
    assert len(said) == 4
    assert said[1].startswith("nothing is kept of the probe at step 10: response_std of resnet20")
    assert not (tmp_path / "run" / FILE).exists()
