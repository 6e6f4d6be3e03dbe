"""An engine in bf16 or int8 is admitted where labelled images show that it loses no more than is allowed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from atalho import engines
from atalho.api.reporting import QUIET
from atalho.api.trained import _sample
from atalho.benchmark.entry import untrained
from atalho.cli import main
from atalho.data import load
from atalho.data.dataset import Dataset
from atalho.data.image import Framing
from atalho.engines import Backend, engine_config, samples
from atalho.engines.choosing import EngineRequest, sentence
from atalho.engines.engine import Dtype, Placement
from atalho.engines.trial import Trial
from atalho.engines.trial_child import _compared
from atalho.errors import AtalhoError, Exit
from atalho.networks import subjects
from atalho.runtime.device import Device
from atalho.statistics import most_lost
from atalho.weights.trained import Trained
from photo_folders import fill

HERE = Placement(Device("cpu", 1))


def trial(
    images: int,
    lost: int = 0,
    gained: int = 0,
    dtype: Dtype = "bf16",
    max_loss: float = 0.01,
    labelled: bool = True,
) -> Trial:
    """A trial in which so many images are classified wrongly that the reference gets right, and the other way round."""
    labels = np.arange(images) % 4
    expected = np.eye(4, dtype=np.float32)[labels]
    logits = expected.copy()
    logits[:lost] = np.roll(logits[:lost], 1, 1)
    places = slice(lost, lost + gained)
    expected[places] = np.roll(expected[places], 1, 1)
    return _compared(
        Backend("eager", dtype), 0, expected, logits, labels if labelled else None, max_loss
    )


@pytest.mark.parametrize("dtype", ["bf16", "int8"])
def test_299_images_without_an_error_admit_an_engine(dtype: Dtype) -> None:
    assert trial(299, dtype=dtype).unproven == ""
    found = trial(298, dtype=dtype)
    assert (
        "it may lose 1.0 points of top-1: 0 of 298 labelled images; 1 more without another would show less than 1"
        in found.unproven
    )
    assert found.most_lost == most_lost(0, 298)


def test_what_passed_at_15_of_16_does_not() -> None:
    """VGG-16 in bf16 was taken, since every logit was near enough."""
    found = trial(16, lost=1)
    assert found.most_lost and found.most_lost > 0.25
    assert (
        found.unproven
        == "it may lose 26.4 points of top-1: 1 of 16 labelled images, where 1 are allowed"
    )


def test_gains_do_not_hide_losses() -> None:
    found = trial(400, lost=8, gained=8)
    assert found.lost == 0
    assert found.most_lost == most_lost(8, 400) and found.unproven


def test_a_larger_loss_may_be_allowed() -> None:
    assert trial(100, max_loss=0.03).unproven == ""
    assert trial(100, max_loss=0.02).unproven
    assert trial(1000, lost=3, max_loss=0.0).unproven


def test_without_labels_float32_alone_is_admitted() -> None:
    assert (
        trial(500, labelled=False).unproven == "there are no labelled images to show what it loses"
    )
    near = trial(500, dtype="float32", labelled=False)
    assert near.cause == near.unproven == ""
    far = trial(500, lost=1, dtype="float32")
    assert "a logit differs by 1" in far.cause and far.unproven == ""


def test_a_logit_that_is_not_finite_is_never_admitted() -> None:
    logits = np.full((4, 4), np.nan, np.float32)
    found = _compared(
        Backend("eager", "bf16"), 0, np.eye(4, dtype=np.float32), logits, np.arange(4), 1.0
    )
    assert found.cause == "a logit is not finite"


def test_bf16_by_its_name_is_used_and_said() -> None:
    found = trial(16, lost=1)
    auto = EngineRequest("auto", None, HERE, 1)
    assert not auto.admits(found)
    for named in (EngineRequest("eager", "bf16", HERE, 1), EngineRequest("auto", "bf16", HERE, 1)):
        assert named.admits(found)
        assert not named.admits(replace(found, cause="it crashed"))
    assert not EngineRequest("openvino", "int8", HERE, 1).admits(replace(found, dtype="int8"))
    assert "eager bf16; used as it was requested, though it may lose 26.4 points" in sentence(
        [found], 1
    )
    reference = Trial("eager", "float32", 0.0, seconds=0.02)
    left_out = sentence([reference, found], 1)
    assert "eager bf16 left out: it may lose 26.4 points" in left_out


def test_images_to_compare_are_the_validation_splits_and_none_is_calibrated_on(
    digits: Dataset,
) -> None:
    found = samples.of_dataset(digits)
    assert found.labels is not None and found.calibration is not None
    val = digits.splits["val"]
    assert torch.equal(found.images, val.sample()) and torch.equal(found.labels, val.labels)
    assert len(found.calibration) == samples.CALIBRATED
    train = {each.numpy().tobytes() for each in digits.splits["train"].sample()}
    assert {each.numpy().tobytes() for each in found.calibration} <= train
    assert samples.of_dataset(digits, trained_on_val=True).labels is None


def network(classes: str) -> Trained:
    """A network with random weights of these classes."""
    subject = subjects.get("resnet20", input=(3, 24, 24), num_classes=len(classes))
    framing = Framing((3, 24, 24))
    return replace(untrained(subject), classes={each: each for each in classes}, framing=framing)


def test_a_folder_is_divided_as_a_run_divides_it(tmp_path: Path) -> None:
    """Every second photo was calibrated on, test photos among them."""
    root = fill(tmp_path / "photos", {"a": 20, "b": 20})
    found = _sample(network("ba"), str(root), tmp_path / "data", "error", QUIET)
    framing = network("ba").framing
    splits = load(str(root), tmp_path / "data", framings=[framing]).splits
    pixels = {name: split.sample() for name, split in splits.items()}
    assert found.labels is not None and found.calibration is not None
    assert {each.numpy().tobytes() for each in found.images} == {
        each.numpy().tobytes() for each in pixels["val"]
    }
    test = {each.numpy().tobytes() for each in pixels["test"]}
    assert not test & {each.numpy().tobytes() for each in (*found.images, *found.calibration)}
    assert (
        found.labels.tolist() == (1 - splits["val"].labels).tolist()
    )  # the network has b before a


def test_split_folders_are_taken_and_bad_images_may_be_skipped(tmp_path: Path) -> None:
    for split, begin in (("train", 0), ("val", 100), ("test", 200)):
        fill(tmp_path / "photos" / split, {"a": 6, "b": 6}, begin=begin)
    (tmp_path / "photos" / "val" / "a" / "broken.jpg").write_bytes(b"no picture")
    root, data = str(tmp_path / "photos"), tmp_path / "data"
    with pytest.raises(AtalhoError, match="BAD-IMAGES"):
        _sample(network("ab"), root, data, "error", QUIET)
    found = _sample(network("ab"), root, data, "skip", QUIET)
    assert found.calibration is not None
    assert (len(found.images), len(found.calibration)) == (12, 12)


def test_a_folder_of_few_photos_is_compared_by_halves(tmp_path: Path) -> None:
    root = fill(tmp_path / "photos", {"a": 2, "b": 2})
    found = _sample(network("ab"), str(root), tmp_path / "data", "error", QUIET)
    assert found.calibration is not None
    assert (len(found.images), len(found.calibration)) == (2, 2)


def test_export_uses_bf16_that_is_named_and_says_what_is_not_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "multiplies_bf16", lambda device: True)  # also where it does not
    run, named = tmp_path / "run", tmp_path / "named"
    train = [
        "train",
        "resnet20",
        "--steps",
        "2",
        "-t",
        "1",
        "--device",
        "cpu",
        "--precision",
        "float32",
    ]
    assert main([*train, "--output", str(run)]) == 0
    export = [
        "export",
        str(run),
        "--to",
        "engine",
        "-t",
        "1",
        "--device",
        "cpu",
        "--engine",
        "eager",
    ]
    capsys.readouterr()
    assert main([*export, "--precision", "bf16", "-o", str(named)]) == 0
    assert "eager bf16" in (said := capsys.readouterr().err)
    assert "used as it was requested, though it may lose" in said
    config = engine_config.read(named)
    assert config and config.backend == ("eager", "bf16")
    assert (
        main(["export", str(run), "--to", "engine", "--max-engine-loss", "101", "-o", str(run)])
        == Exit.USAGE
    )
