from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
import yaml

from atalho import record
from atalho.data.batches import preprocess
from atalho.data.dataset import Dataset
from atalho.errors import AtalhoError, Exit
from atalho.files import write_atomically
from atalho.lock import LOCK
from atalho.runtime.device import Device
from atalho.training import run
from atalho.training.arguments import Arguments


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, digits: Dataset) -> Path:
    """A finished run of four steps by a recipe that subtracts every pixel's mean."""
    from atalho import networks, recipes
    from atalho.networks import subjects

    recipe = recipes.get("he2015_cifar", subjects.facts(networks.get("resnet20")))
    folder = tmp_path_factory.mktemp("runs") / "run"
    run.execute(
        Arguments("resnet20", replace(recipe, steps=4), 3, Device("cpu", 1), "float32"),
        digits,
        folder,
    )
    return folder


def test_the_folder_holds_what_it_promises(finished: Path) -> None:
    names = {path.name for path in finished.iterdir()}
    assert names == {
        *("args.yaml", "metrics.csv", "checkpoints", "model.safetensors"),
        *("config.json", "mean.safetensors", "records.jsonl", LOCK),
    }
    saved = yaml.safe_load((finished / "args.yaml").read_text())
    assert saved["recipe"]["steps"] == 4
    assert saved["recipe"]["lr"] == 0.1
    assert (saved["network"], saved["seed"]) == ("resnet20", 3)
    assert saved["environment"]["versions"]["torch"] == torch.__version__.split("+")[0]


def test_a_run_is_read_back_as_it_was_tested(finished: Path, digits: Dataset) -> None:
    trained = run.load(finished)
    tested = {each.quantity: each for each in record.read(finished / "records.jsonl")}["top1"]
    assert tested.conditions["weights"] == f"sha256:{trained.weights}"
    test = digits.splits["test"]
    with torch.inference_mode():
        answers = trained.model(preprocess(test.images, trained.preprocessing)).argmax(1)  # type: ignore[union-attr]
    assert (answers == test.labels).double().mean().item() == tested.value
    assert tuple(trained.classes) == digits.classes


def test_curves_are_the_metrics(finished: Path) -> None:
    records = record.read(finished / "records.jsonl")
    curve = [each for each in records if each.quantity == "train_loss"]
    lines = (finished / "metrics.csv").read_text().splitlines()
    header, last = lines[0].split(","), lines[-1].split(",")
    assert curve[-1].value == float(dict(zip(header, last, strict=True))["train_loss"])
    assert curve[-1].conditions["step"] == 4


def test_a_folder_that_holds_a_run_is_not_written_over(finished: Path, digits: Dataset) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*")}
    saved = yaml.safe_load((finished / "args.yaml").read_text())
    from atalho import networks, recipes
    from atalho.networks import subjects

    recipe = replace(recipes.get("he2015_cifar", subjects.facts(networks.get("resnet20"))), steps=4)
    same = Arguments("resnet20", recipe, 3, Device("cpu", 1), "float32")
    assert same.resolved(digits) == saved
    with pytest.raises(AtalhoError, match="OUTPUT-HOLDS-RUN") as caught:
        run.execute(same, digits, finished)
    assert caught.value.exit == Exit.USAGE
    other = replace(same, seed=4, recipe=replace(recipe, lr=0.2))
    with pytest.raises(AtalhoError, match=r"recipe.lr 0.1, now 0.2; seed 3, now 4"):
        run.execute(other, digits, finished, resume=True)
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*")} == before
    assert run.execute(same, digits, finished, resume=True) == record.read(
        finished / "records.jsonl"
    )


def test_another_environment_is_refused_unless_allowed(
    digits: Dataset, arguments: Arguments, tmp_path: Path
) -> None:
    folder = tmp_path
    asked = arguments.resolved(digits)
    run.begin(folder, asked, resume=False, allow_inexact=False)
    elsewhere = {**asked, "environment": {**asked["environment"], "threads": 64}}
    with pytest.raises(AtalhoError, match="threads 1, now 64") as caught:
        run.begin(folder, elsewhere, resume=True, allow_inexact=False)
    assert (caught.value.code, caught.value.exit) == ("RESUME-INEXACT", Exit.CHECKPOINT)
    run.begin(folder, elsewhere, resume=True, allow_inexact=True)


def test_somebody_elses_folder_is_left_alone(
    digits: Dataset, arguments: Arguments, tmp_path: Path
) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(AtalhoError, match="OUTPUT"):
        run.execute(arguments, digits, tmp_path)
    with pytest.raises(AtalhoError, match="OUTPUT"):
        run.execute(arguments, digits, tmp_path / "thesis.tex" / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_unfinished_and_a_damaged_run_say_so(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(AtalhoError, match="RUN-UNFINISHED"):
        run.load(tmp_path)
    for path in finished.glob("*.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    run.load(tmp_path)
    weights = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(weights[:-100])
    with pytest.raises(AtalhoError, match="RUN-DAMAGED") as caught:
        run.load(tmp_path)
    assert caught.value.exit == Exit.CHECKPOINT
    tensors = safetensors.torch.load(weights)
    del tensors["fc.linear.bias"]
    write_atomically(tmp_path / "model.safetensors", safetensors.torch.save(tensors))
    with pytest.raises(AtalhoError, match="RUN-DAMAGED"):
        run.load(tmp_path)


def test_a_run_begins_from_weights_with_its_head_or_a_new_one(
    finished: Path, digits: Dataset, arguments: Arguments, tmp_path: Path
) -> None:
    start = run.load(finished)
    one_step = replace(arguments.recipe, steps=1, lr=0.0, weight_decay=0.0)
    kept = replace(arguments, recipe=one_step, start=start)
    run.execute(kept, digits, tmp_path / "kept")
    before, after = (each.model.state_dict() for each in (start, run.load(tmp_path / "kept")))
    weights = [name for name in before if "running" not in name and "tracked" not in name]
    assert all(torch.equal(before[name], after[name]) for name in weights)
    letters = replace(digits, classes=tuple("abcdefghij"))
    with pytest.raises(AtalhoError, match="--new-head") as caught:
        run.execute(kept, letters, tmp_path / "letters")
    assert caught.value.exit == Exit.CHECKPOINT
    assert not (tmp_path / "letters").exists()
    run.execute(replace(kept, new_head=True), letters, tmp_path / "letters")
    renamed = run.load(tmp_path / "letters")
    changed = [
        name for name in weights if not torch.equal(before[name], renamed.model.state_dict()[name])
    ]
    assert changed == ["fc.linear.weight", "fc.linear.bias"]
    assert [*renamed.classes] == [*"abcdefghij"]
