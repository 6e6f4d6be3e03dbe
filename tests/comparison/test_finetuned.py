"""The best cross-validated network, fine-tuned in the same folds while a budget of time lasts."""

import json
import shutil
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import pytest

import atalho
from atalho import recipes, record
from atalho.cli.options import duration
from atalho.errors import AtalhoError
from atalho.recipes.finetune import finetune
from atalho.record import Record
from atalho.seal import unsealed
from atalho.training.loop import Run
from atalho.weights import config
from photo_folders import tinted, untrained

TRAININGS = 6  # of five folds, and of all photos


@pytest.fixture(scope="module", autouse=True)
def _few_epochs(brief: None) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(
            recipes.RECIPES, "finetune", lambda facts: replace(finetune(facts), epochs=4)
        )
        yield


class Case:
    """A folder of photos and a network to compare on it, whose messages are kept."""

    def __init__(self, root: Path) -> None:
        self.root, self.lines = root, list[str]()
        self.records = root / "comparison" / "records.jsonl"

    def compare(self, **options: object) -> atalho.Compared:
        self.lines.clear()
        settings: dict[str, object] = {
            "data_dir": self.root / "data",
            "output": self.root / "comparison",
            "batch_size": 1,
            "threads": 1,
            "device": "cpu",
            **options,
        }
        weights = {"resnet20": str(self.root / "weights")}
        reporter = atalho.Reporter(say=self.lines.append)
        photos = str(self.root / "photos")
        return atalho.compare("resnet20", photos, weights=weights, reporter=reporter, **settings)  # type: ignore[arg-type]

    def says(self, words: str) -> bool:
        return any(words in line for line in self.lines)

    def fake_linear(self, *, right: bool) -> None:
        """Makes the linear classifier right on all photos or on none, and forgets what fine-tuning came to."""
        lines = []
        for line in self.records.read_text().splitlines():
            each = unsealed(json.loads(line))
            if each["conditions"].get("recipe") == "finetune":
                continue
            if each["quantity"] == "top1":
                bits = b64decode(each["conditions"]["right"])
                each["conditions"]["right"] = b64encode(
                    b"\xff\0"[not right :][:1] * len(bits)
                ).decode()
            lines.append(json.dumps(each) + "\n")
        self.records.write_text("".join(lines))


@pytest.fixture(scope="module")
def linear(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A comparison without fine-tuning."""
    root = tmp_path_factory.mktemp("case")
    tinted(root / "photos")
    untrained(root / "weights", "resnet20", 0)
    case = Case(root)
    case.compare()
    return case


@pytest.fixture(scope="module")
def killed(linear: Case) -> Case:
    """The same comparison with a budget, beside a linear classifier that is always wrong, and killed in the third fold."""
    linear.fake_linear(right=False)
    done, finish = list[Path](), Run.finish

    def finish_two(run: Run) -> object:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(run.folder)
        return finish(run)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Run, "finish", finish_two)
        with pytest.raises(KeyboardInterrupt):
            linear.compare(time_budget=3600)
    return linear


@pytest.fixture(scope="module")
def kept(killed: Case) -> tuple[Case, atalho.Compared, list[Path]]:
    """The same comparison, gone on with; and the folders of the trainings that were left."""
    trained, train = list[Path](), Run.train

    def noted(run: Run) -> None:
        trained.append(run.folder)
        train(run)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Run, "train", noted)
        return killed, killed.compare(time_budget=3600), trained


def of(records: list[Record], quantity: str) -> Record:
    return [each for each in records if each.quantity == quantity][-1]


def test_a_budget_that_does_not_suffice_says_which_would(linear: Case) -> None:
    before = linear.records.read_bytes()
    compared = linear.compare(time_budget=0.01)
    assert linear.says("is not fine-tuned: all folds would take about")
    assert linear.says("--time-budget 2m would do")
    assert linear.records.read_bytes() == before
    assert not (linear.root / "comparison" / "folds").exists()
    assert of(compared.records, "top1").conditions["recipe"] == "linear"


def test_a_plan_says_what_a_budget_would_drop_from_a_few_steps_of_a_fold(linear: Case) -> None:
    settings = {"data_dir": linear.root / "data", "output": linear.root / "comparison"}
    weights = {"resnet20": str(linear.root / "weights")}
    plan = atalho.plan(
        "resnet20",
        str(linear.root / "photos"),
        weights=weights,
        device="cpu",
        threads=1,
        time_budget=0.01,
        **settings,
    )
    assert plan.done == 1  # its cross-validation
    _, tuned = plan.tasks
    assert tuned.task == "resnet20: fine-tuning in folds, and on all photos"
    assert tuned.dropped
    assert tuned.seconds
    assert not (linear.root / "comparison" / "folds").exists()


def test_finished_folds_are_not_trained_again(
    kept: tuple[Case, atalho.Compared, list[Path]],
) -> None:
    case, _, trained = kept
    folders = {each.parent for each in (case.root / "comparison" / "folds").glob("*/args.yaml")}
    assert len(folders) == TRAININGS
    assert len(trained) == TRAININGS - 2  # of the third, the last step and what comes after it


def test_the_better_system_is_kept_and_promised(
    kept: tuple[Case, atalho.Compared, list[Path]],
) -> None:
    case, compared, _ = kept
    assert case.says("photos only the first recognises, 0 only the second")
    decision, top1 = of(compared.records, "finetuned_top1"), of(compared.records, "top1")
    assert decision.value == top1.value
    assert decision.conditions["beside"]["kept"] is True
    assert decision.conditions["beside"]["only_this"] == round(30 * top1.value)
    assert top1.conditions["recipe"] == "finetune"
    assert top1.conditions["images"] == 30
    assert top1.conditions["split"] == "out-of-fold"
    low, high = decision.conditions["interval"]
    one_low, one_high = top1.conditions["interval"]
    assert low < one_low <= one_high <= high  # of one of two systems
    (row,) = compared.comparison.rows
    assert row.readings["top1"].records == (top1,)
    assert "latency" in row.readings
    page = compared.page.read_text()
    assert "Fine-tuned in the same folds, resnet20 has" in page
    assert "the fine-tuned network is kept" in page
    assert (
        "was not made" in page
    )  # the choice anew inside each fold, which the page of linear classifiers has
    assert "no maps show where" in page
    assert "Accuracy against the number of photos" in page
    assert compared.chosen
    evaluated = atalho.evaluate(compared.chosen, str(case.root / "photos"), threads=1)
    assert evaluated.protocol == "out of fold"
    assert evaluated.accuracy.top1 == top1.value
    settings = config.read(compared.chosen)
    assert settings.calibration
    assert settings.calibration.split == "out-of-fold"


def test_every_fold_learns_from_its_own_photos(
    kept: tuple[Case, atalho.Compared, list[Path]],
) -> None:
    case, compared, _ = kept
    runs = [
        record.read(each) for each in (case.root / "comparison" / "folds").glob("*/records.jsonl")
    ]
    checksums = {of(records, "train_time").conditions["data_checksum"] for records in runs}
    assert len(checksums) == TRAININGS
    assert of(compared.records, "top1").conditions["data_checksum"] not in checksums
    for records in runs:
        assert not any(each.quantity == "top1" for each in records)


def test_without_a_budget_the_linear_system_is_compared(
    kept: tuple[Case, atalho.Compared, list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    case, _, _ = kept
    compared = case.compare()
    (row,) = compared.comparison.rows
    assert row.readings["top1"].condition("recipe") == "linear"
    assert "Fine-tuned in the same folds" not in compared.page.read_text()


def test_what_the_photos_do_not_show_to_be_better_is_not_kept(
    kept: tuple[Case, atalho.Compared, list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    case, _, _ = kept

    def refuse(*_: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(Run, "train", refuse)
    case.fake_linear(right=True)
    shutil.rmtree(case.root / "comparison" / "fitted")
    compared = case.compare(time_budget=3600)
    assert case.says("not kept, since these photos do not show that it is better")
    assert of(compared.records, "finetuned_top1").conditions["beside"]["kept"] is False
    (row,) = compared.comparison.rows
    assert row.readings["top1"].condition("recipe") == "linear"
    assert "the linear classifier is kept" in compared.page.read_text()


@pytest.mark.parametrize(
    "options", [{"recipe": "finetune"}, {"steps": 2}, {"optimise": "balanced"}]
)
def test_a_budget_is_for_networks_that_are_cross_validated_by_accuracy(
    linear: Case, options: dict[str, object]
) -> None:
    with pytest.raises(AtalhoError, match="--time-budget") as refused:
        linear.compare(time_budget=60, **options)
    assert refused.value.exit == 2


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("20m", 1200), ("1.5h", 5400)])
def test_durations(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["20", "m", "20 minutes", "-5m", "1d", ""])
def test_no_durations(text: str) -> None:
    with pytest.raises(click.BadParameter, match="20m"):
        duration(text)
