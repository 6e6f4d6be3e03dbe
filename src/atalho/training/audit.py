"""Replays random spans of a run from the states that it kept, and compares every bit of what comes out."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from random import Random

import torch

from atalho.data.dataset import Dataset
from atalho.errors import AtalhoError, Exit
from atalho.runtime.determinism import deterministic
from atalho.training import checkpoint, signals
from atalho.training.arguments import Arguments
from atalho.training.checkpoint import Checkpoint
from atalho.training.folder import KEPT, RECORDS, measured
from atalho.training.initial import InitialModel, class_weights, initial_model, with_weights
from atalho.training.loop import Run
from atalho.weights.trained import Trained

Say = Callable[[str], None]


@dataclass(frozen=True)
class Span:
    """Steps that were replayed.

    Args:
        first: steps that were done at its start; 0 is the initial network, drawn from the seed.
        last: steps that were done at the state that was compared.
        difference: what is other than in the run's own state, in words; empty where every bit is equal.
    """

    first: int
    last: int
    difference: str = ""

    def __str__(self) -> str:
        return f"steps {self.first} to {self.last}: {self.difference or 'every bit is equal'}"


@dataclass(frozen=True)
class States:
    """The states of a run that are known: kept files, and the digests in its records.

    Args:
        files: by the steps that were done; all of them have the checksum in their names.
        digests: of all that a kept state holds but its time, by the steps that were done.
        from_seed: whether the run began with weights that its seed draws, so that step 0 is known.
    """

    files: Mapping[int, Path]
    digests: Mapping[int, str]
    from_seed: bool

    @classmethod
    def of(cls, folder: Path, *, from_seed: bool) -> "States":
        """The known states of the run in a folder.

        Raises:
            AtalhoError: CHECKPOINT-DAMAGED (exit 4), for a file without the checksum in its name; AUDIT-NOTHING (exit 4), where no
                span of the run can be replayed.
        """
        files = {}
        for path in checkpoint.files(folder / KEPT):
            state = checkpoint.read(path)
            if state is None:
                raise AtalhoError(
                    "CHECKPOINT-DAMAGED",
                    path,
                    "it does not have the checksum in its name; nothing was replayed",
                    next_step=f"remove it to audit the others: rm {path}",
                    exit=Exit.CHECKPOINT,
                )
            files[state.step] = path
        digests = {
            int(each.value): str(each.conditions["state"]).removeprefix("sha256:")
            for each in (measured(folder) if (folder / RECORDS).exists() else ())
            if each.quantity == "checkpoint"
        }
        states = cls(files, digests, from_seed)
        if not states.starts or not states.spans(1):
            raise AtalhoError(
                "AUDIT-NOTHING",
                folder,
                "keeps no two states between which steps can be replayed",
                next_step="atalho train NETWORK --keep-every STEPS --output FOLDER",
                exit=Exit.CHECKPOINT,
            )
        return states

    @property
    def starts(self) -> list[int]:
        """The steps from which a replay can begin."""
        return sorted({*self.files, *((0,) if self.from_seed else ())})

    def spans(self, least: int) -> list[tuple[int, int]]:
        """From every start the nearest known state at least `least` steps later, or else the last one."""
        ends = sorted({*self.files, *self.digests})
        found = []
        for start in self.starts:
            later = [end for end in ends if end > start]
            far = [end for end in later if end >= start + least]
            if later:
                found.append((start, far[0] if far else later[-1]))
        return found

    def altered(self) -> list[int]:
        """The steps at which a kept file is other than the run's records say."""
        return [
            step
            for step, path in self.files.items()
            if step in self.digests
            and (state := checkpoint.read(path))
            and checkpoint.digest(state) != self.digests[step]
        ]

    def chosen(self, count: int, least: int, seed: int) -> list[tuple[int, int]]:
        """`count` random spans in order; those that touch an altered state come before the others."""
        spans, altered = self.spans(least), {*self.altered()}
        Random(seed).shuffle(spans)
        spans.sort(key=lambda span: not altered & {*span})
        return sorted(spans[:count])

    def difference(self, state: Checkpoint) -> str:
        """What is other in a state than in the run's own of the same step; empty where every bit is equal."""
        path = self.files.get(state.step)
        kept = path and checkpoint.read(path)
        if kept and (words := _difference(kept, state)):
            return words
        digest = self.digests.get(state.step)
        if digest in (None, checkpoint.digest(state)):
            return ""
        return "the state is not the one in the run's records"


def _difference(kept: Checkpoint, replayed: Checkpoint) -> str:
    """The first tensor or fact that differs, and how many do."""
    names = [*dict.fromkeys([*kept.tensors, *replayed.tensors])]
    one, other = kept.tensors, replayed.tensors
    differing = [name for name in names if not _equal(one.get(name), other.get(name))]
    if differing:
        name = differing[0]
        more = f", and {len(differing) - 1} more of {len(names)} tensors" if differing[1:] else ""
        return f"{name} differs{_values(one.get(name), other.get(name))}{more}"
    facts = [n for n in kept.facts if n != "seconds" and kept.facts[n] != replayed.facts.get(n)]
    return f"{facts[0]} differs" if facts else ""


def _equal(one: torch.Tensor | None, other: torch.Tensor | None) -> bool:
    if one is None or other is None or one.dtype != other.dtype or one.shape != other.shape:
        return False
    return torch.equal(checkpoint.bits(one), checkpoint.bits(other))


def _values(one: torch.Tensor | None, other: torch.Tensor | None) -> str:
    """In how many values, and by how much at most."""
    if one is None or other is None or one.shape != other.shape:
        return ""
    apart = (one.detach().cpu().double() - other.detach().cpu().double()).abs()
    return f" in {int((apart > 0).sum())} of {apart.numel()} values, by {apart.max():.3g} at most"


class _ReachedError(Exception):
    """The last step of a span is done."""


class Replay(Run):
    """A run that goes on to the last step of a span, and keeps nothing."""

    last: int
    reached: Checkpoint

    def keep(self, writer: checkpoint.Writer | None) -> None:
        """Ends the replay at the span's last step, where the run kept its state."""
        if self.step == self.last:
            self.check()
            self.reached = self.state()
            raise _ReachedError


def replayed(
    arguments: Arguments,
    data: Dataset,
    finished: Trained | None,
    states: States,
    spans: Sequence[tuple[int, int]],
    say: Say,
) -> list[Span]:
    """Replays spans, and compares the state at the end of each.

    Args:
        arguments: of the run.
        finished: the run's own network, where the run began from given weights.
        say: is called with each span before it is replayed.

    Raises:
        AtalhoError: AUDIT-ELSEWHERE (exit 6), for a network whose steps have no deterministic algorithm on this device; as
            `Run.train`.
    """
    results = []
    for first, last in spans:
        say(f"replaying steps {first} to {last}")
        state = _replayed(arguments, data, finished, states.files.get(first), last)
        results.append(Span(first, last, states.difference(state)))
    return results


def _replayed(
    arguments: Arguments, data: Dataset, finished: Trained | None, start: Path | None, last: int
) -> Checkpoint:
    """The state after the step `last`, from the one in a file, or from the initial network."""
    initial = _initial(arguments, data, finished)
    quiet = replace(arguments, save_every=inf, keep_every=None, probe=None)
    with tempfile.TemporaryDirectory() as folder:
        run = Replay(quiet, initial, data, Path(folder))
        run.last = last
        with closing(run):
            if start is not None:
                state = checkpoint.read(start)
                assert state is not None
                run.restore(state)
            device, name = arguments.device.torch, arguments.network
            try:
                with (
                    signals.collected(run.listeners.warn) as run.received,
                    deterministic(device, name, required=True, say=lambda line: None),
                ):
                    run.train()
            except _ReachedError:
                return run.reached
            except AtalhoError as error:
                if error.code != "RESUME-INEXACT":
                    raise
                raise elsewhere(name, error.cause) from error
    raise AssertionError(f"the run ended before step {last}")


def _initial(arguments: Arguments, data: Dataset, finished: Trained | None) -> InitialModel:
    """The run's network before its first step; of a run from given weights its kept states hold the values."""
    if finished is None:
        return initial_model(arguments, data, None)
    recipe = arguments.recipe
    labels = data.training(with_validation=recipe.with_validation).labels
    balancing = class_weights(labels, len(data.classes)) if recipe.balanced else None
    return with_weights(arguments, finished, balancing)


def elsewhere(subject: object, cause: str) -> AtalhoError:
    """The error for a run whose bits cannot be compared here."""
    return AtalhoError(
        "AUDIT-ELSEWHERE",
        subject,
        f"{cause}; its files have their checksums, and its steps can be replayed to the bit only where it was trained",
        next_step="the same command on such a machine",
        exit=Exit.RESOURCES,
    )
