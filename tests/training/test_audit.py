"""Audits of runs with --keep-every: equal bits, damaged and changed checkpoints, other machines and data."""

import hashlib
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
import yaml

import atalho
from atalho import recipes, record
from atalho.cli import main
from atalho.errors import AtalhoError, Exit, Stopped
from atalho.grammar.facts import Facts
from atalho.recipes import saved
from atalho.seal import unsealed
from atalho.training import checkpoint
from atalho.training.arguments import _recipe
from atalho.training.audit import States
from atalho.training.loop import Run

OPTIONS: Mapping[str, Any] = {
    "steps": 12,
    "batch_size": 16,
    "keep_every": 4,
    "threads": 1,
    "device": "cpu",
    "precision": "float32",
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    atalho.train("resnet20", output=folder, **OPTIONS)
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


def _file(run: Path, step: int) -> Path:
    (path,) = (run / "kept").glob(f"step-{step:09}-*")
    return path


def _change_a_weight(run: Path, step: int) -> None:
    """One weight of a kept checkpoint becomes another, and the file's name has the new checksum."""
    path = _file(run, step)
    with safetensors.safe_open(path, "pt") as file:
        metadata = file.metadata()
    tensors = safetensors.torch.load(path.read_bytes())
    weight = tensors["model.conv1.conv.weight"]
    weight.view(torch.int32).view(-1)[0] ^= 1
    data = safetensors.torch.save(tensors, metadata)
    path.unlink()
    checksum = hashlib.sha256(data).hexdigest()[:16]
    (run / "kept" / f"step-{step:09}-{checksum}.safetensors").write_bytes(data)


def _without_records(run: Path) -> None:
    """The run's records as they would be without its checkpoints' digests."""
    records = record.read(run / "records.jsonl")
    (run / "records.jsonl").unlink()
    record.append(run / "records.jsonl", [r for r in records if r.quantity != "checkpoint"])


def test_a_run_keeps_its_states_and_their_digests(trained: Path) -> None:
    kept = {
        state.step: state
        for path in checkpoint.files(trained / "kept")
        if (state := checkpoint.read(path))
    }
    assert sorted(kept) == [4, 8, 12]
    digests = {
        each.value: each.conditions["state"]
        for each in record.read(trained / "records.jsonl")
        if each.quantity == "checkpoint"
    }
    assert digests == {step: f"sha256:{checkpoint.digest(state)}" for step, state in kept.items()}


def test_a_repetition_has_the_same_digests_though_not_the_same_time(
    trained: Path, tmp_path: Path
) -> None:
    atalho.train("resnet20", output=tmp_path / "again", **OPTIONS)

    def digests(run: Path) -> list[Any]:
        records = record.read(run / "records.jsonl")
        return [r.conditions["state"] for r in records if r.quantity == "checkpoint"]

    assert digests(tmp_path / "again") == digests(trained)
    assert len(digests(trained)) == 3


def test_a_run_that_was_stopped_and_resumed_has_the_same_digests_and_passes(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Run.advance

    def advance(run: Run) -> None:
        original(run)
        if run.step == 6:
            signal.raise_signal(signal.SIGTERM)

    resumed = tmp_path / "resumed"
    with monkeypatch.context() as patched:
        patched.setattr(Run, "advance", advance)
        with pytest.raises(Stopped):
            atalho.train("resnet20", output=resumed, **OPTIONS)
    atalho.train("resnet20", output=resumed, resume=True, **OPTIONS)
    both = [States.of(run, from_seed=True).digests for run in (trained, resumed)]
    assert both[0] == both[1]
    assert len(both[0]) == 3
    assert atalho.audit(resumed, steps=4).holds


def test_an_untouched_run_passes(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(run), "--steps", "4"]) == Exit.DONE
    out = capsys.readouterr().out
    for span in ("0 to 4", "4 to 8", "8 to 12"):
        assert f"steps {span}: every bit is equal" in out
    assert "compared on" in out
    assert "1 thread, float32" in out


def test_a_damaged_file_is_exit_4(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _file(run, 8)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert main(["audit", str(run)]) == Exit.CHECKPOINT
    err = capsys.readouterr().err
    assert "error[CHECKPOINT-DAMAGED]" in err
    assert path.name in err


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("step", [4, 12])
def test_one_changed_weight_under_a_valid_checksum_is_exit_1_and_names_the_span(
    run: Path, step: int, recorded: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    _change_a_weight(run, step)
    if not recorded:
        _without_records(run)
    assert main(["audit", str(run), "--steps", "4"]) == Exit.CHECK_FAILED
    out = capsys.readouterr().out
    difference = "model.conv1.conv.weight differs in 1 of 144 values"
    assert f"steps {step - 4} to {step}: {difference}" in out
    if step == 4:  # what follows from it is other too
        assert "steps 4 to 8: " in out
        assert "steps 4 to 8: every bit" not in out
    assert ("not the one in the run's records" in out) is recorded


def test_a_changed_state_is_replayed_first_however_few_spans_are_chosen(run: Path) -> None:
    _change_a_weight(run, 12)
    for seed in range(4):
        audited = atalho.audit(run, spans=1, steps=4, seed=seed)
        assert [(span.first, span.last) for span in audited.spans] == [(8, 12)]
        assert audited.altered == (12,)
        assert not audited.holds


def test_a_run_without_its_files_is_replayed_from_its_seed_to_a_recorded_digest(run: Path) -> None:
    shutil.rmtree(run / "kept")
    shutil.rmtree(run / "checkpoints")
    audited = atalho.audit(run, steps=8)
    assert [(span.first, span.last) for span in audited.spans] == [(0, 8)]
    assert audited.holds
    lines = [each.to_json() for each in record.read(run / "records.jsonl")]
    (run / "records.jsonl").write_text("\n".join(lines).replace("sha256:", "sha256:0"))
    (span,) = atalho.audit(run, steps=8).spans
    assert span.difference == "the state is not the one in the run's records"


def test_a_run_from_given_weights_is_replayed_from_its_kept_states(
    trained: Path, tmp_path: Path
) -> None:
    options = {**OPTIONS, "steps": 8}
    atalho.train("resnet20", weights=trained, output=tmp_path / "tuned", **options)
    audited = atalho.audit(tmp_path / "tuned", steps=4)
    assert [(span.first, span.last) for span in audited.spans] == [(4, 8)]
    assert audited.holds


def _edited(run: Path, **changes: Any) -> None:
    document = unsealed(yaml.safe_load((run / "args.yaml").read_text()))
    document["environment"] |= changes
    (run / "args.yaml").write_text(yaml.safe_dump(document, sort_keys=False))


def test_on_another_machine_it_says_what_can_be_compared(run: Path) -> None:
    _edited(run, device="another processor")
    with pytest.raises(AtalhoError) as caught:
        atalho.audit(run)
    assert (caught.value.code, caught.value.exit) == ("AUDIT-ELSEWHERE", Exit.RESOURCES)
    assert "device another processor, now" in caught.value.cause
    assert "its files have their checksums" in caught.value.cause


def test_other_data_are_refused(run: Path) -> None:
    document = unsealed(yaml.safe_load((run / "args.yaml").read_text()))
    document["data"]["checksum"] = "0" * 64
    (run / "args.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    with pytest.raises(AtalhoError) as caught:
        atalho.audit(run)
    assert (caught.value.code, caught.value.exit) == ("AUDIT-DATA", Exit.DATA)


def test_without_kept_states_or_a_run_it_says_what_makes_them(run: Path, tmp_path: Path) -> None:
    shutil.rmtree(run / "kept")
    _without_records(run)
    for folder in (run, tmp_path / "absent"):
        with pytest.raises(AtalhoError) as caught:
            atalho.audit(folder)
        assert (caught.value.code, caught.value.exit) == ("AUDIT-NOTHING", Exit.CHECKPOINT)
        assert "--keep-every" in caught.value.next_step


def test_a_span_ends_at_the_nearest_known_state_that_is_far_enough() -> None:
    files = {step: Path(str(step)) for step in (10, 20, 30)}
    states = States(files, {10: "", 40: ""}, from_seed=True)
    assert states.spans(1) == [(0, 10), (10, 20), (20, 30), (30, 40)]
    assert states.spans(15) == [(0, 20), (10, 30), (20, 40), (30, 40)]
    assert States(files, {}, from_seed=False).spans(15) == [(10, 30), (20, 30)]


@pytest.mark.parametrize("name", sorted(recipes.RECIPES))
@pytest.mark.parametrize("depth", [20, 110])
def test_every_recipe_comes_back_from_what_a_run_saves_of_it(name: str, depth: int) -> None:
    made = recipes.get(name, Facts((3, 224, 224), 10**9, True, depth))
    assert saved.recipe(_recipe(made)) == made


def test_fields_of_no_recipe_are_refused() -> None:
    document = _recipe(recipes.get("quick", Facts((3, 32, 32), 10**6, True, 20)))
    with pytest.raises(TypeError, match="of nothing that a recipe has"):
        saved.recipe({**document, "schedule": {"speed": 1}})
