"""The temperature of held-out images: what it is fitted to, where it is kept, and what it changes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import softmax

import atalho
from atalho.errors import AtalhoError, Exit
from atalho.evaluation import calibrating
from atalho.seal import unsealed
from atalho.weights import config
from atalho.weights.calibration import Calibration


def logits_of(images: int, classes: int, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits whose probabilities at a temperature are as often right as they say."""
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(images, classes)) * 3
    probabilities = softmax(logits, axis=1)
    truth = [generator.choice(classes, p=each) for each in probabilities]
    return torch.tensor(logits * temperature), torch.tensor(truth)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_it_finds_the_temperature_at_which_probabilities_are_right(temperature: float) -> None:
    logits, truth = logits_of(20_000, 5, temperature)
    batches = [*zip(logits.split(999), truth.split(999), strict=True)]
    found = calibrating.calibrated(batches, len(truth), "val")
    assert found is not None
    assert found.temperature == pytest.approx(temperature, rel=0.03)
    assert len(found.right) + len(found.wrong) == len(truth)
    confidences = softmax(logits.numpy() / found.temperature, axis=1).max(1)
    assert sorted([*found.right, *found.wrong]) == pytest.approx(sorted(confidences), abs=1e-6)
    assert len(found.right) / len(truth) == pytest.approx(confidences.mean(), abs=0.01)
    labels = logits.argmax(1) == truth
    assert len(found.right) == int(labels.sum())


def test_a_few_images_that_are_all_right_do_not_make_it_as_sure_as_can_be() -> None:
    logits = torch.eye(5).double().repeat(8, 1) * 4
    found = calibrating.calibrated([(logits, logits.argmax(1))], 40, "val")
    assert found is not None
    assert not found.wrong
    assert 0.3 < found.temperature < 1.5
    assert max(found.right) < 0.995


def test_logits_that_are_no_numbers_or_far_off_change_nothing() -> None:
    logits, truth = logits_of(2000, 5, 2.0)
    found = calibrating.calibrated([(logits, truth)], 2000, "val")
    assert found is not None
    never = torch.cat([logits, torch.full((2000, 1), -1e6, dtype=torch.float64)], 1)
    beside = calibrating.calibrated([(never, truth)], 2000, "val")
    assert beside is not None
    assert beside.temperature == pytest.approx(found.temperature, rel=0.02)
    for value in (float("nan"), float("-inf")):
        broken = logits.clone()
        broken[7, 2] = value
        assert calibrating.calibrated([(broken, truth)], 2000, "val") is None


def test_a_run_keeps_its_calibration_and_predicts_by_it(tmp_path: Path) -> None:
    atalho.train("resnet20", steps=30, output=tmp_path / "run", threads=1)
    settings = config.read(tmp_path / "run")
    assert settings.calibration is not None
    held_out = settings.calibration
    assert held_out.split == "val"
    evaluated = atalho.evaluate(tmp_path / "run", split="val", threads=1)
    assert len(held_out.right) + len(held_out.wrong) == evaluated.accuracy.images
    assert evaluated.accuracy.outcomes is not None
    confidences = evaluated.accuracy.outcomes.confidence
    assert sorted([*held_out.right, *held_out.wrong]) == pytest.approx(
        sorted(confidences.tolist()), abs=2e-6
    )
    # Without it, the same logits are of other probabilities.
    document = unsealed(json.loads((tmp_path / "run" / "config.json").read_text()))
    del document["calibration"]
    (tmp_path / "run" / "config.json").write_text(json.dumps(document))
    plain = atalho.evaluate(tmp_path / "run", split="val", threads=1)
    assert plain.accuracy.outcomes is not None
    assert plain.accuracy.loss == evaluated.accuracy.loss
    assert torch.equal(plain.accuracy.outcomes.predicted, evaluated.accuracy.outcomes.predicted)
    assert not torch.allclose(plain.accuracy.outcomes.confidence, confidences, atol=1e-3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": 0},
        {"temperature": -1.0},
        {"temperature": "nan"},
        {"right": [1.5]},
        {"wrong": "no list"},
        {"split": None, "right": None},
    ],
)
def test_a_calibration_that_cannot_be_is_an_error_in_one_line(
    wrong: dict[str, object], tmp_path: Path
) -> None:
    good = Calibration(1.5, "val", (0.5, 0.9), (0.4,))
    assert Calibration.parsed(json.loads(json.dumps(good.document()))) == good
    atalho.train("resnet20", steps=1, output=tmp_path / "run", threads=1)
    path = tmp_path / "run" / "config.json"
    document = json.loads(path.read_text())
    document["calibration"] = {**good.document(), **wrong}
    path.write_text(json.dumps(document))
    with pytest.raises(AtalhoError, match=r"RUN-DAMAGED|CHECKPOINT-CONFIG") as caught:
        atalho.load(tmp_path / "run")
    assert caught.value.exit == Exit.CHECKPOINT
    assert "\n" not in str(caught.value)
