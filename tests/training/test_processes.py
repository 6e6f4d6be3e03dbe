"""Two to four processes that train together: what they share, what ends them, and how."""

import csv
import json
import signal
from pathlib import Path

import pytest

import photo_folders
from atalho import record
from atalho.cli import main
from atalho.errors import Exit
from shard_files import as_tars
from together import Ended, Together

TRAIN = ["train", "resnet20", "--recipe", "quick", "--from-scratch", "--img-size", "16"]
TRAIN += ["--steps", "6", "-b", "8", "--lr", "0.001", "--precision", "float32", "-t", "1"]
TRAIN += ["--save-every", "0", "-j", "1"]

#: The process of rank 1 receives signals during step 3, and once more from torchrun, which passes them on.
AT_A_STEP = """
import os, signal
from atalho.training.loop import Run
original = Run.advance

def advance(self):
    original(self)
    if self.step == 3 and rank == 1:
        for number in (signal.SIGTERM, signal.SIGTERM):
            os.kill(os.getpid(), number)

Run.advance = advance
"""

#: The process of rank 1 receives SIGINT during the evaluation of a split.
AT_AN_EVALUATION = """
import os, signal
from atalho.training.loop import Run
original = Run.evaluate

def evaluate(self, split, *temperature):
    if self.step == {step} and len(split.labels) == {images} and rank == 1:
        os.kill(os.getpid(), signal.SIGINT)
    return original(self, split, *temperature)

Run.evaluate = evaluate
"""

#: The process of rank 0 reads photos slowly; the other one must not list an archive or read a photo of its own accord.
READING = """
import time
from atalho.data import manifest, tar_shard
from atalho.runtime import world

world.NOTICE, world.AGAIN = 0.2, 0.5
inspect = manifest._inspect

def slowly(*arguments):
    assert rank == 0
    time.sleep(0.1)
    return inspect(*arguments)

def refused(*_):
    raise AssertionError("listed again")

manifest._inspect = slowly
if rank:
    tar_shard._members = refused
"""

VALIDATION, TEST = 3, 5


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos in three splits, which two processes do not divide."""
    root = tmp_path_factory.mktemp("photos")
    photo_folders.fill(root / "train", {"cat": 8, "dog": 8})
    photo_folders.fill(root / "val", {"cat": VALIDATION - 1, "dog": 1}, begin=20)
    photo_folders.fill(root / "test", {"cat": 2, "dog": TEST - 2}, begin=30)
    return root


def _codes(ended: list[Ended]) -> list[int]:
    return [each.code for each in ended]


def _succeeded(ended: list[Ended]) -> None:
    assert not any(_codes(ended)), "\n".join(each.errors for each in ended)


def _same(one: Path, other: Path) -> None:
    for name in ("model.safetensors", "metrics.csv"):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_while_one_reads_shards_the_other_says_that_it_waits_and_does_not_repeat_it(
    together: Together, tmp_path: Path
) -> None:
    shards = as_tars(
        photo_folders.fill(tmp_path / "pets", {"cat": 12, "dog": 12}), tmp_path / "tar"
    )
    words = [*TRAIN, "--data", str(shards), "--data-dir", str(tmp_path / "data")]
    ended = together(*words, "--output", str(tmp_path / "run"), before=READING)
    _succeeded(ended)
    waited = [line for line in ended[1].errors.splitlines() if "has waited" in line]
    assert len(waited) >= 2
    assert waited[0] == f"process 1 of 2 has waited 0 s for another one: reading {shards}"


def test_a_run_stopped_in_steps_and_evaluations_ends_with_the_same_bits(
    together: Together, photos: Path, tmp_path: Path
) -> None:
    words = [*TRAIN, "--data", str(photos), "--output"]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    _succeeded(together(*words, str(whole)))
    stops = {
        AT_A_STEP: (3, signal.SIGTERM),
        AT_AN_EVALUATION.format(step=4, images=VALIDATION): (4, signal.SIGINT),
        AT_AN_EVALUATION.format(step=6, images=TEST): (6, signal.SIGINT),
    }
    for before, (step, number) in stops.items():
        main_process, signalled = together(*words, str(parts), "--resume", before=before)
        assert main_process.code == Exit.TERMINATED
        assert signalled.code == 128 + number
        assert f"stopped after step {step}; its state is saved" in main_process.errors
        assert "stopped" not in signalled.errors  # the main process alone speaks
        assert not any("error[" in each.errors for each in (main_process, signalled))
        assert not (parts / "model.safetensors").exists()
    _succeeded(together(*words, str(parts), "--resume"))
    _same(parts, whole)


def test_fewer_images_than_processes_are_each_counted_once(
    together: Together, photos: Path, tmp_path: Path
) -> None:
    words = [*TRAIN, "--data", str(photos), "--steps", "2", "--output"]
    _succeeded(together(*words, str(tmp_path / "four"), processes=4))
    outcomes = record.read(tmp_path / "four" / "records.jsonl")
    (top1,) = (each.conditions for each in outcomes if each.quantity == "top1")
    assert top1["images"] == TEST
    assert top1["outcomes"]["truth"] == [0, 0, 1, 1, 1]
    calibration = json.loads((tmp_path / "four" / "config.json").read_text())["calibration"]
    assert len(calibration["right"]) + len(calibration["wrong"]) == VALIDATION
    assert main([*words, str(tmp_path / "one")]) == 0
    with (tmp_path / "four" / "metrics.csv").open() as four:
        rows = [*csv.DictReader(four)]
    assert all(float(row["val_top1"]) * VALIDATION in range(VALIDATION + 1) for row in rows)


@pytest.mark.parametrize(
    ("option", "value", "fits"), [("-b", "9", "8"), ("--grad-accum-steps", "5", "4")]
)
def test_a_batch_that_the_processes_do_not_divide_is_refused(
    option: str, value: str, fits: str, together: Together, photos: Path, tmp_path: Path
) -> None:
    words = [*TRAIN, "--data", str(photos), "--steps", "1", "--output", str(tmp_path / "run")]
    refused = together(*words, option, value)
    assert _codes(refused) == [Exit.USAGE, Exit.USAGE]
    assert refused[0].errors.count("error[BATCH] --") == 1
    assert not refused[1].errors
    assert not (tmp_path / "run").exists()
    suggested = refused[0].errors.strip().rpartition("Next: ")[2].split()
    assert suggested[1] == fits
    _succeeded(together(*words, *suggested))


def test_weights_that_are_not_there_are_one_line(
    together: Together, photos: Path, tmp_path: Path
) -> None:
    words = [each for each in TRAIN if each != "--from-scratch"]
    words[words.index("quick")] = "finetune"
    missing = ["--weights", str(tmp_path / "none.safetensors")]
    one, other = together(*words, *missing, "--data", str(photos), "--output", str(tmp_path / "x"))
    assert one.code == other.code != 0
    assert one.errors.count("error[") == 1
    assert not other.errors


def test_more_parts_than_images_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "resnet20", "-b", "4", "--grad-accum-steps", "5"]
    assert main([*words, "--output", str(tmp_path / "run")]) == Exit.USAGE
    assert "5 parts are more than the 4 images" in capsys.readouterr().err


FAILING = """
from torch import nn

class Failing(nn.Sequential):
    steps = 0

    def forward(self, x):
        self.steps += self.training
        if self.steps == 3:
            raise RuntimeError("the module's own")
        return super().forward(x)

def network():
    return Failing(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
"""


def test_an_error_of_a_users_module_is_itself(
    together: Together, photos: Path, tmp_path: Path
) -> None:
    module = tmp_path / "failing.py"
    module.write_text(FAILING)
    words = [*TRAIN, "--data", str(photos), "--output", str(tmp_path / "run")]
    words[1] = f"{module}:network"
    for each in together(*words):
        assert each.code == 1
        assert "RuntimeError: the module's own" in each.errors
        assert "PROCESS-LOST" not in each.errors


DYING = """
import os, signal
from atalho.training.loop import Run
original = Run.advance

def advance(self):
    original(self)
    if self.step == 2 and rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)

Run.advance = advance
"""


def test_a_process_that_dies_is_lost_to_the_others(
    together: Together, photos: Path, tmp_path: Path
) -> None:
    words = [*TRAIN, "--data", str(photos), "--output", str(tmp_path / "run")]
    others = together(*words, "-b", "9", before=DYING, processes=3)
    assert _codes(others) == [Exit.RESOURCES, -signal.SIGKILL, Exit.RESOURCES]
    assert "error[PROCESS-LOST] process 0 of 3" in others[0].errors


#: The same waits as those of a million photos' first scan and of a step, with seconds in place of minutes.
WAITING = """
import time
from datetime import timedelta
import pytest, torch
from atalho.errors import AtalhoError
from atalho.runtime import world

world.PATIENCE = timedelta(seconds=3)
waited = 0
with pytest.raises(AtalhoError, match="PROCESS-LOST"):
    with world.joined(torch.device("cpu")) as processes:
        waited = processes.from_main(lambda: time.sleep(4) or 7)
        if rank == 0:
            time.sleep(5)
        processes.sum(torch.ones(1))
assert waited == 7
"""


def test_what_one_process_does_alone_takes_as_long_as_it_takes(together: Together) -> None:
    """A step, for which a process waits no longer than its patience, ends the test's scripts."""
    _succeeded(together(script=WAITING))


#: Exchanges as on GPUs, where there are few, between processes of different speed.
MEETING = """
import time
import torch
from torch import distributed
from atalho.runtime import world
from atalho.training.signals import Meetings

cpu = torch.device("cpu")
with world.joined(cpu) as processes:
    for piece in (0.002, 0.1):  # seconds: a step, and a batch of an evaluation
        meetings = Meetings(processes, cpu)
        meetings.every = 0.2
        begun, stopped = time.monotonic(), None
        while stopped is None:
            time.sleep(piece * (1 + rank))
            received = rank == 1 and time.monotonic() - begun > 0.6
            if meetings.any(received):
                stopped = meetings.done
        late = time.monotonic() - begun - 0.6
        assert late < 2, f"seen after {late} seconds"
        everywhere = [None] * processes.size
        distributed.all_gather_object(everywhere, stopped)
        assert len({*everywhere}) == 1, everywhere
"""


def test_all_processes_see_a_signal_after_the_same_piece_of_work(together: Together) -> None:
    _succeeded(together(script=MEETING))


#: BatchNorm's statistics against those of all processes' images, computed from the inputs of the first layer.
STATISTICS = """
from dataclasses import replace
from pathlib import Path
import torch
from torch import distributed, nn
from atalho import data, networks, recipes
from atalho.networks import subjects
from atalho.runtime import world
from atalho.runtime.device import Device
from atalho.training.arguments import Arguments
from atalho.training.initial import initial_model
from atalho.training.loop import Run

device = Device("cpu", 1)
recipe = recipes.get("quick", subjects.facts(networks.get("resnet20", input=(1, 8, 8))))
recipe = replace(recipe, epochs=None, steps=3, batch_size=16, averaging=0.5, with_validation=True, best=False, patience=None)
digits = data.load("digits", Path("unused"))
few = {name: split.select(torch.arange(40)) for name, split in digits.splits.items()}
digits = replace(digits, splits=few)

def first(model):
    return next(part for part in model.modules() if isinstance(part, nn.BatchNorm2d))

def seen(model):
    inputs = []
    first(model).register_forward_pre_hook(lambda part, given: inputs.append(given[0].detach().double()))
    return inputs

def everywhere(inputs):
    \"\"\"(batches, 2, channels): the mean and the variance of each batch, as means over all processes.\"\"\"
    own = torch.stack([torch.stack([x.mean((0, 2, 3)), x.transpose(0, 1).flatten(1).var(1)]) for x in inputs])
    distributed.all_reduce(own)
    return own / distributed.get_world_size()

def check(model, expected):
    for ours, theirs in zip((first(model).running_mean, first(model).running_var), expected, strict=True):
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-5, atol=1e-6)

with world.joined(device.torch) as processes:
    arguments = Arguments("resnet20", recipe, 0, device, "float32", world=processes)
    run = Run(arguments, initial_model(arguments, digits, None), digits, Path())
    inputs = seen(run.learner.model)
    moving = torch.stack([torch.zeros(16), torch.ones(16)]).double()
    for step in range(3):
        run.advance()
    for batch in everywhere(inputs):
        moving += 0.1 * (batch - moving)
    check(run.learner.model, moving)
    inputs = seen(run.learner.averaged)
    check(run.finish(), everywhere(inputs).mean(0))
    assert len(inputs) == 5  # 80 images in batches of 16
"""


def test_statistics_are_those_of_all_processes_images(together: Together) -> None:
    _succeeded(together(script=STATISTICS))


#: The process of rank 1 is ended soon, as by torchrun once the one of rank 0 has failed.
ENDED = """
import os, signal, threading
if rank == 1:
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
"""

#: The process of rank 1 is not ended, since that of rank 0 has not failed.
NOT_ENDED = "from atalho.runtime import torchrun; torchrun.PATIENCE = 0.1"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["train", "resnet5"], "NETWORK-UNKNOWN"),
        (["train", "resnet20", "--steps", "0"], "USAGE"),
        (["train", "resnet20", "--device", "cuda:7"], "DEVICE"),
    ],
)
def test_what_all_fail_of_is_said_once(together: Together, words: list[str], code: str) -> None:
    first, second = together(*words, before=ENDED)
    assert f"error[{code}]" in first.errors
    assert second.errors == ""
    assert first.code == second.code != 0


def test_what_one_alone_fails_of_is_said(together: Together) -> None:
    _, second = together("train", "resnet5", before=NOT_ENDED)
    assert "error[NETWORK-UNKNOWN]" in second.errors
    assert second.code == Exit.USAGE
