import signal
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
import yaml

from atalho import record
from atalho.cli import main
from atalho.data.batches import preprocess
from atalho.data.dataset import Dataset
from atalho.errors import AtalhoError, Exit
from atalho.files import write_atomically
from atalho.lock import LOCK
from atalho.runtime.device import Device
from atalho.seal import unsealed
from atalho.training import run
from atalho.training.arguments import Arguments
from atalho.training.folder import begin, load
from atalho.training.loop import Run
from photo_folders import fill


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
    trained = load(finished)
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
    saved = unsealed(yaml.safe_load((finished / "args.yaml").read_text()))
    from atalho import networks, recipes
    from atalho.networks import subjects

    recipe = replace(recipes.get("he2015_cifar", subjects.facts(networks.get("resnet20"))), steps=4)
    same = Arguments("resnet20", recipe, 3, Device("cpu", 1), "float32")
    document = asdict(same.saved(digits))
    assert document.pop("code") is None  # only a network of the user's own has one
    assert document == saved
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
    asked = arguments.saved(digits)
    begin(folder, asked, resume=False, allow_inexact=False)
    elsewhere = replace(asked, environment={**asked.environment, "threads": 64})
    with pytest.raises(AtalhoError, match="threads 1, now 64") as caught:
        begin(folder, elsewhere, resume=True, allow_inexact=False)
    assert (caught.value.code, caught.value.exit) == ("RESUME-INEXACT", Exit.CHECKPOINT)
    begin(folder, elsewhere, resume=True, allow_inexact=True)


def test_other_framing_of_the_photos_is_another_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run on photos of 24 pixels that was stopped does not go on with photos of 32."""
    fill(tmp_path / "pets", {"cat": 12, "dog": 12})
    monkeypatch.chdir(tmp_path)
    command = ["train", "resnet20", "--data", "pets", "--from-scratch", "--output", "run"]
    command += ["--steps", "3", "-b", "4"]
    original = Run.advance

    def stopping(self: Run) -> None:
        original(self)
        signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "advance", stopping)
        assert main([*command, "--img-size", "24"]) == Exit.TERMINATED
    capsys.readouterr()
    assert main([*command, "--img-size", "32", "--resume"]) == Exit.USAGE
    said = capsys.readouterr().err
    assert (
        "error[RESUME-OTHER] run: holds another run: framing.input [3, 24, 24], now [3, 32, 32]"
        in said
    )
    assert main([*command, "--img-size", "24", "--resume"]) == 0


def test_a_run_that_did_not_keep_its_framing_goes_on_only_if_allowed(
    digits: Dataset, arguments: Arguments, tmp_path: Path
) -> None:
    """As runs did that an earlier version began."""
    now = arguments.saved(digits)
    begin(tmp_path, now, resume=False, allow_inexact=False)
    document = unsealed(yaml.safe_load((tmp_path / "args.yaml").read_text()))
    del document["framing"]
    (tmp_path / "args.yaml").write_text(yaml.safe_dump(document))
    with pytest.raises(AtalhoError, match="how its photos were framed is not kept") as caught:
        begin(tmp_path, now, resume=True, allow_inexact=False)
    assert (caught.value.code, caught.value.exit) == ("RESUME-INEXACT", Exit.CHECKPOINT)
    begin(tmp_path, now, resume=True, allow_inexact=True)


@pytest.mark.parametrize("content", ["", "[", "- 1", "network: resnet20", "data: 3"])
def test_arguments_that_cannot_be_read(
    digits: Dataset, arguments: Arguments, tmp_path: Path, content: str
) -> None:
    (tmp_path / "args.yaml").write_text(content)
    with pytest.raises(AtalhoError, match="RUN-DAMAGED") as caught:
        begin(tmp_path, arguments.saved(digits), resume=True, allow_inexact=True)
    assert caught.value.exit == Exit.CHECKPOINT
    assert (tmp_path / "args.yaml").read_text() == content


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
        load(tmp_path)
    for path in finished.glob("*.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    load(tmp_path)
    weights = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(weights[:-100])
    with pytest.raises(AtalhoError, match="RUN-DAMAGED") as caught:
        load(tmp_path)
    assert caught.value.exit == Exit.CHECKPOINT
    tensors = safetensors.torch.load(weights)
    del tensors["fc.linear.bias"]
    write_atomically(tmp_path / "model.safetensors", safetensors.torch.save(tensors))
    with pytest.raises(AtalhoError, match="RUN-DAMAGED"):
        load(tmp_path)


def test_a_run_begins_from_weights_with_its_head_or_a_new_one(
    finished: Path, digits: Dataset, arguments: Arguments, tmp_path: Path
) -> None:
    start = load(finished)
    one_step = replace(arguments.recipe, steps=1, lr=0.0, weight_decay=0.0)
    kept = replace(arguments, recipe=one_step, start=start)
    run.execute(kept, digits, tmp_path / "kept")
    before, after = (each.model.state_dict() for each in (start, load(tmp_path / "kept")))
    weights = [name for name in before if "running" not in name and "tracked" not in name]
    assert all(torch.equal(before[name], after[name]) for name in weights)
    letters = replace(digits, classes=tuple("abcdefghij"))
    with pytest.raises(AtalhoError, match="--new-head") as caught:
        run.execute(kept, letters, tmp_path / "letters")
    assert caught.value.exit == Exit.CHECKPOINT
    assert not (tmp_path / "letters").exists()
    run.execute(replace(kept, new_head=True), letters, tmp_path / "letters")
    renamed = load(tmp_path / "letters")
    changed = [
        name for name in weights if not torch.equal(before[name], renamed.model.state_dict()[name])
    ]
    assert changed == ["fc.linear.weight", "fc.linear.bias"]
    assert [*renamed.classes] == [*"abcdefghij"]
