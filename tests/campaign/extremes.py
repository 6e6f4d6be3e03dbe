"""Numbers at their ends: NaN in a training, the largest seeds, no device, one class, one image, one pixel, 10,000 classes."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch

from atalho.data.dataset import Dataset
from atalho.errors import AtalhoError, Exit
from atalho.training import checkpoint, run
from atalho.training.folder import CHECKPOINTS
from atalho.training.learner import Learner
from campaign import attempts
from campaign.attempts import Bounds, attempt
from campaign.commands import tried
from campaign.counts import Counts
from campaign.rotting import few_digits, short_run
from photo_folders import fill, picture, save

DETECTS = ("wrong_results", "differing_bits", *attempts.DETECTS)

STEPS = 6
AT = (0, 3, STEPS - 1)
"""Steps before which NaN appears: the first, one in the middle and the last."""

SEEDS = (2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**30, -1, -(2**63))

Spoil = Callable[[Learner], None]


def campaign(cases: int, folder: Path) -> list[Counts]:
    """All of them; `cases` is the number of classes where there are very many."""
    return [not_finite(folder), *commands(folder, classes=min(cases, 10_000))]


def not_finite(folder: Path) -> Counts:
    """NaN at five places of a training, before each of three steps: exit 7, nothing of it saved, and the run goes on without it."""
    counts, digits = Counts("numbers: NaN in a training", DETECTS), few_digits()
    run.execute(short_run(STEPS), digits, folder / "whole")
    whole = (folder / "whole" / "model.safetensors").read_bytes()
    with counts.timed():
        for name, spoil in PLACES.items():
            for step in AT:
                _spoilt(
                    counts, f"{name} before step {step + 1}", spoil, step, digits, folder, whole
                )
    return counts


def _spoilt(
    counts: Counts, name: str, spoil: Spoil, step: int, digits: Dataset, root: Path, whole: bytes
) -> None:
    folder = root / name.replace(" ", "-")
    bounds = Bounds((root,))
    train = partial(run.execute, short_run(STEPS), digits, folder, resume=True)
    with _at(step, spoil):
        ended = attempt(counts, name, train, bounds)
    counts.end("refused" if ended.refused else "failed" if ended.error else "trained")
    if not isinstance(ended.error, AtalhoError) or ended.error.exit != Exit.NUMBERS:
        counts.fault("wrong_results", f"{name}: {ended.error or 'trained to the end'}")
        return
    saved = checkpoint.load(folder / CHECKPOINTS)
    if saved and not all(tensor.isfinite().all() for tensor in saved[0].tensors.values()):
        counts.fault("wrong_results", f"{name}: a checkpoint holds it")
    resumed = attempt(counts, f"{name}, resumed", train, bounds)
    if resumed.error or (folder / "model.safetensors").read_bytes() != whole:
        counts.fault("differing_bits", f"{name}, resumed: {resumed.error}")


@contextmanager
def _at(step: int, spoil: Spoil) -> Iterator[None]:
    """Spoils a learner's numbers once, before a step."""
    original = Learner.advance

    def advance(self: Learner, rate: float) -> torch.Tensor:
        if self.step == step:
            spoil(self)
        return original(self, rate)

    Learner.advance = advance  # type: ignore[method-assign]
    try:
        yield
    finally:
        Learner.advance = original  # type: ignore[method-assign]


def _weight(learner: Learner) -> None:
    with torch.no_grad():
        next(learner.model.parameters()).view(-1)[0] = torch.nan


def _statistics(learner: Learner) -> None:
    next(each for name, each in learner.model.named_buffers() if "running_var" in name)[0] = (
        torch.nan
    )


def _momentum(learner: Learner) -> None:
    for state in learner.optimiser.state.values():
        state["momentum_buffer"].view(-1)[0] = torch.nan
        return
    _weight(learner)  # before the first step there is none


def _images(learner: Learner) -> None:
    batches = learner.batches

    def spoilt(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        learner.batches = batches
        images, labels = batches(step)
        return images * torch.nan, labels

    spoilt.close = batches.close  # type: ignore[attr-defined]
    learner.batches = spoilt  # type: ignore[assignment]


def _gradient(learner: Learner) -> None:
    parameter = next(learner.model.parameters())
    hook = parameter.register_hook(lambda gradient: gradient * torch.nan)
    learner.model.register_forward_pre_hook(lambda *_: None)
    update = learner._update

    def once(sums: torch.Tensor) -> None:
        hook.remove()
        learner._update = update  # type: ignore[method-assign]
        update(sums)

    learner._update = once  # type: ignore[method-assign]


PLACES: dict[str, Spoil] = {
    "images": _images,
    "a weight": _weight,
    "a gradient": _gradient,
    "momentum": _momentum,
    "BatchNorm's statistics": _statistics,
}


def commands(root: Path, classes: int) -> list[Counts]:
    """Seeds, devices and folders at their ends, through the command line."""
    seeds, rest = Counts("numbers: seeds", DETECTS), Counts("numbers: devices and folders", DETECTS)
    train = ["train", "resnet20", "--steps", "1", "-b", "4", "-t", "1", "--precision", "float32"]
    with seeds.timed():
        for seed in SEEDS:
            words = [*train, "--seed", str(seed), "--output", str(root / f"seed-{seed}")]
            good = {Exit.DONE} if 0 <= seed < 2**63 else {Exit.DONE, Exit.USAGE}
            _command(seeds, words, good, root)
    with rest.timed():
        for device in ("meta", "mps", "xla", "cuda:99", "cpu:7", "", "cpu\n", "../cpu"):
            words = [*train, "--device", device, "--output", str(root / f"device-{len(device)}")]
            _command(rest, words, {Exit.RESOURCES, Exit.USAGE, Exit.DONE}, root)
        for name, photos in _folders(root / "photos", classes):
            words = [*train, "--data", str(photos), "--output", str(root / f"run-{name}")]
            words += ["--from-scratch", "--img-size", "16", "--data-dir", str(root / "data")]
            _command(rest, words, {Exit.DONE, Exit.DATA, Exit.USAGE}, root)
        for size in ("0", "1", "-1", "1000000000", "nan"):
            words = [*train, "--data", str(root / "photos" / "one-pixel"), "--img-size", size]
            words += ["--from-scratch", "--output", str(root / f"size-{size}")]
            words += ["--data-dir", str(root / "data")]
            _command(rest, words, {Exit.DONE, Exit.DATA, Exit.USAGE, Exit.RESOURCES}, root)
    return [seeds, rest]


def _folders(root: Path, classes: int) -> Iterator[tuple[str, Path]]:
    """Folders of photos with the least of everything, and with very many classes."""
    yield "no-image", fill(root / "no-image", {"a": 0, "b": 0})
    yield "one-class", fill(root / "one-class", {"a": 12})
    yield "one-image", fill(root / "one-image", {"a": 1})
    yield "one-each", fill(root / "one-each", {"a": 1, "b": 1})
    for name, size in (("one-pixel", (1, 1)), ("one-row", (3000, 1))):
        for number in range(12):
            save(root / name / "ab"[number % 2] / f"{number}.png", picture(number, size))
        yield name, root / name
    many = root / "many"
    content = (root / "one-image" / "a" / "00.png").read_bytes()
    for number in range(classes):
        (many / f"{number:05}").mkdir(parents=True)
        for copy in range(3):  # a PNG may have anything behind its end
            path = many / f"{number:05}" / f"{copy}.png"
            path.write_bytes(content + f"{number} {copy}".encode())
    yield "many-classes", many


def _command(counts: Counts, words: list[str], good: set[Exit], root: Path) -> None:
    example = " ".join(words)
    scratch = Path(os.environ.get("ATALHO_CACHE", root))
    result = tried(counts, example, words, Bounds((root, scratch)))
    if result and not result.fault and result.code not in good:
        counts.fault("wrong_results", f"{example}: exit {result.code}: {result.err[-300:]}")
