"""Which arithmetic a run takes with `--precision auto`: by numbers alone, from the cache, and as it was begun."""

import json
from collections.abc import Callable
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest
import torch

import atalho
from atalho import networks
from atalho.benchmark import busy
from atalho.data.batches import Preprocessing
from atalho.data.dataset import Dataset
from atalho.engines.engine import MemoryFormat
from atalho.grammar.module import build
from atalho.runtime.device import Device
from atalho.training import arguments as saving
from atalho.training import deciding, run, timing, timing_cache
from atalho.training.arguments import Arguments
from atalho.training.arithmetic import Arithmetic, Timed, fastest, sentence, usual_order
from atalho.training.initial import InitialModel, initial_model
from atalho.training.listeners import Listeners, Row

USUAL = Arithmetic("bf16", "channels_last", 2)
OTHER = Arithmetic("float32", "contiguous", 2)
COMPILED = replace(USUAL, compiled=True)
STEPS = 1000


def _timed(arithmetic: Arithmetic, milliseconds: float, spread: float = 0.0) -> Timed:
    turns = (1 - spread, 1 - spread, 1, 1 + spread, 1 + spread)
    return Timed(arithmetic, tuple(milliseconds * turn / 1000 for turn in turns))


@pytest.mark.parametrize(
    ("usual", "other", "taken"),
    [
        (_timed(USUAL, 100), _timed(OTHER, 90), OTHER),
        (_timed(USUAL, 100), _timed(OTHER, 110), USUAL),
        (_timed(USUAL, 100), _timed(OTHER, 96), USUAL),  # a near tie
        (_timed(USUAL, 100, spread=0.1), _timed(OTHER, 90), USUAL),  # less than its spread
        (_timed(USUAL, 100, spread=0.1), _timed(OTHER, 80), OTHER),
        # 10 s of compiling pay in a thousand steps of 20 ms less, not in one of 2 ms less.
        (_timed(USUAL, 100), replace(_timed(COMPILED, 80), compiling=10.0), COMPILED),
        (_timed(USUAL, 100), replace(_timed(COMPILED, 90), compiling=10.0), USUAL),
        (_timed(USUAL, 100), Timed(COMPILED, (inf,)), USUAL),
    ],
)
def test_the_fastest_is_taken_where_it_is_clearly_faster(
    usual: Timed, other: Timed, taken: Arithmetic
) -> None:
    assert fastest([usual, other], STEPS).arithmetic == taken


def test_compiling_pays_by_the_length_of_the_run() -> None:
    timed = [_timed(USUAL, 100), replace(_timed(COMPILED, 80), compiling=60.0)]
    assert fastest(timed, 1000).arithmetic == USUAL
    assert fastest(timed, 100_000).arithmetic == COMPILED


def test_a_near_tie_is_said() -> None:
    tie = sentence([_timed(USUAL, 100), _timed(OTHER, 96)], STEPS, 128)
    assert tie == (
        "bf16 channels_last on 2 threads, 1280 images/s by its steps (a near tie, in which the usual order decides); "
        "the others float32 contiguous on 2 threads 1333"
    )
    assert "tie" not in sentence([_timed(USUAL, 100), _timed(OTHER, 50)], STEPS, 128)


def test_what_is_tried() -> None:
    eight = usual_order(USUAL, bf16=True, free_threads=True)
    assert (eight[0], len({*eight})) == (USUAL, 8)
    assert {each.threads for each in eight} == {1, 2}
    assert {each.threads for each in usual_order(USUAL, bf16=True, free_threads=False)} == {2}
    float32 = usual_order(replace(USUAL, precision="float32"), bf16=False, free_threads=True)
    assert {each.precision for each in float32} == {"float32"}


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short runs are measured in short turns, on a machine that passes for quiet: other tests are at work on it."""
    monkeypatch.setattr(deciding, "LEAST_STEPS", 1)
    monkeypatch.setattr(busy, "MOST_OTHER_SHARE", inf)
    monkeypatch.setattr(timing, "TURN", 0.0)
    monkeypatch.setattr(timing, "TURNS", 1)
    monkeypatch.setattr(timing, "LOOK", 0.01)


Keep = Callable[[Arguments, Arithmetic], None]


@pytest.fixture
def keep(digits: Dataset) -> Keep:
    """Writes timings into the cache, by which an arithmetic is twice as fast as all others."""

    def kept(arguments: Arguments, best: Arithmetic) -> None:
        contenders = usual_order(
            Arithmetic.of(arguments), bf16=_bf16(arguments), free_threads=False
        )
        timed = [_timed(each, 50 if each == best else 100) for each in contenders]
        key = timing_cache.key(arguments, digits, contenders)
        timing_cache.write(timing_cache.path(arguments.network, key), key, timed, print)

    return kept


def _bf16(arguments: Arguments) -> bool:
    return deciding.multiplies_bf16(arguments.device.torch)


def _decided(arguments: Arguments, data: Dataset, folder: Path) -> Arithmetic:
    decided, _ = deciding.decided(arguments, data, [folder], free_threads=False, say=print)
    return Arithmetic.of(decided)


def test_the_cache_knows_a_network_by_its_content(
    arguments: Arguments, digits: Dataset, tmp_path: Path
) -> None:
    def file(arguments: Arguments) -> Path:
        usual = [Arithmetic.of(arguments)]
        return timing_cache.path("net", timing_cache.key(arguments, digits, usual))

    own = tmp_path / "own.py"
    source = "from torch import nn\ndef net():\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10)) # {}\n"
    own.write_text(source.format(1))
    foreign = replace(arguments, network=f"{own}:net")
    before = file(foreign)
    assert file(foreign) == before
    own.write_text(source.format(2))
    same = [
        arguments,
        replace(arguments, seed=1),
        replace(arguments, recipe=replace(arguments.recipe, lr=1.0)),
    ]
    other = [
        foreign,
        replace(arguments, network="plain20"),
        replace(arguments, recipe=replace(arguments.recipe, batch_size=16)),
        replace(arguments, parts=2),
        replace(arguments, device=Device("cpu", 2)),
    ]
    assert len({*map(file, same)}) == 1
    assert len({before, *map(file, [arguments, *other])}) == 2 + len(other)


@pytest.mark.usefixtures("patient")
def test_what_is_kept_decides(
    arguments: Arguments, digits: Dataset, keep: Keep, tmp_path: Path
) -> None:
    best = Arithmetic("float32", "contiguous", 1)
    keep(arguments, best)
    assert _decided(arguments, digits, tmp_path) == best
    assert _decided(replace(arguments, compiled=True), digits, tmp_path).compiled  # as requested


def test_a_short_run_takes_the_usual_arithmetic(
    arguments: Arguments, digits: Dataset, keep: Keep, tmp_path: Path
) -> None:
    keep(arguments, Arithmetic("float32", "contiguous", 1))
    assert _decided(arguments, digits, tmp_path) == Arithmetic.of(arguments)


@pytest.mark.usefixtures("patient")
def test_a_damaged_file_is_measured_anew(
    arguments: Arguments, digits: Dataset, cache: Path, tmp_path: Path
) -> None:
    lines: list[str] = []

    def decide() -> Arguments:
        decided, _ = deciding.decided(
            arguments, digits, [tmp_path], free_threads=False, say=lines.append
        )
        return decided

    first = decide()
    (file,) = (cache / "arithmetic").iterdir()
    timed = json.loads(file.read_text())["timed"]
    assert len(timed) == (4 if _bf16(arguments) else 2)
    assert (decide(), len(lines)) == (first, 1)  # from the cache
    file.write_text(file.read_text().replace("contiguous", "channels_last"))
    decide()
    assert lines[1:] == [f"{file} is damaged: the steps are timed anew", lines[0]]


@pytest.mark.usefixtures("patient")
def test_a_busy_machine_decides_nothing(
    arguments: Arguments,
    digits: Dataset,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(busy, "MOST_OTHER_SHARE", -1.0)
    decided, why = deciding.decided(
        arguments, digits, [tmp_path], free_threads=False, say=lambda line: None
    )
    assert decided == arguments
    assert "other processes kept" in why
    assert not (cache / "arithmetic").exists()


@pytest.mark.usefixtures("patient")
def test_turns_that_others_disturb_are_given_up(
    arguments: Arguments, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "_busy_already", lambda: "")  # others begin later
    monkeypatch.setattr(busy, "MOST_OTHER_SHARE", -1.0)
    monkeypatch.setattr(timing, "PATIENCE", 0.0)
    steps = timing.Steps.of(arguments, digits)
    assert "kept" in timing.measured(steps, [Arithmetic.of(arguments)], 50, 1).noise


@pytest.mark.usefixtures("patient")
def test_measuring_touches_nothing_of_the_run(arguments: Arguments, digits: Dataset) -> None:
    initial = initial_model(arguments, digits, None)
    before = {name: value.clone() for name, value in initial.module.state_dict().items()}
    training = initial.module.training
    layouts = [each.stride() for each in initial.module.parameters()]
    steps = timing.Steps(arguments, initial, (torch.rand(32, 1, 8, 8), torch.zeros(32).long()))
    drawn, threads = torch.random.get_rng_state(), torch.get_num_threads()
    contenders = usual_order(
        Arithmetic("float32", "channels_last", 1), bf16=True, free_threads=True
    )
    timing.measured(steps, contenders, 50, 1)
    assert torch.equal(torch.random.get_rng_state(), drawn)
    assert torch.get_num_threads() == threads
    after = initial.module.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert [each.stride() for each in initial.module.parameters()] == layouts
    assert all(each.grad is None for each in initial.module.parameters())
    assert initial.module.training == training


@pytest.mark.usefixtures("patient")
def test_a_measured_run_has_the_bits_of_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atalho.training.arithmetic.LEAST_GAIN", inf)  # so that it is the usual one
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    for precision in ("auto", "float32"):
        atalho.train(
            "resnet20", steps=3, threads=1, precision=precision, output=tmp_path / precision
        )
    for name in ("model.safetensors", "metrics.csv", "args.yaml"):
        one, other = ((tmp_path / each / name).read_bytes() for each in ("auto", "float32"))
        assert one == other, name


class _Crash(Exception):  # noqa: N818 (it stands for a power cut)
    """Ends a run in the middle."""


@pytest.mark.usefixtures("patient")
def test_a_resumed_run_goes_on_in_its_arithmetic_whatever_the_cache_says(
    arguments: Arguments, digits: Dataset, keep: Keep, tmp_path: Path
) -> None:
    usual = replace(arguments, recipe=replace(arguments.recipe, steps=8), save_every=0.0)
    begun_in = Arithmetic("float32", "contiguous", 1)

    def crash(row: Row) -> None:
        if row["step"] >= 4:
            raise _Crash

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    keep(usual, begun_in)
    first, _ = deciding.decided(usual, digits, [broken], free_threads=False, say=print)
    run.execute(first, digits, whole)
    with pytest.raises(_Crash):
        run.execute(first, digits, broken, listeners=Listeners(row=crash))

    keep(usual, Arithmetic.of(usual))
    assert _decided(usual, digits, tmp_path / "new") == Arithmetic.of(usual)
    again, why = deciding.decided(usual, digits, [broken], free_threads=False, say=print)
    assert (Arithmetic.of(again), why) == (begun_in, "as the run was begun")
    run.execute(again, digits, broken, resume=True)
    one, other = ((each / "model.safetensors").read_bytes() for each in (whole, broken))
    assert one == other
    saved = saving.read(broken)
    assert saved
    assert saved.environment["memory_format"] == "contiguous"


def test_a_run_of_an_older_version_goes_on_as_it_was(arguments: Arguments, digits: Dataset) -> None:
    saved = replace(arguments, precision="bf16").saved(digits)
    assert "memory_format" not in saved.environment
    own = Arithmetic.of_run(saved, arguments, free_threads=True)
    assert own == Arithmetic("bf16", "channels_last", 1)
    more = replace(saved, environment={**saved.environment, "threads": 8})
    assert Arithmetic.of_run(more, arguments, free_threads=True).threads == 1  # no more than here
    assert Arithmetic.of_run(saved, replace(arguments, compiled=True), free_threads=True).compiled


@pytest.mark.parametrize("memory_format", ["channels_last", "contiguous"])
def test_images_lie_in_memory_as_the_weights_do(
    arguments: Arguments, memory_format: MemoryFormat
) -> None:
    network = networks.get("resnet20")
    images = torch.rand(4, 32, 32, 3).permute(0, 3, 1, 2)  # as every stream returns them
    initial = InitialModel(network, build(network, seed=1), Preprocessing.per_channel([0], [1]))
    now = replace(arguments, memory_format=memory_format)
    learner = timing.Steps(now, initial, (images, torch.zeros(4).long()))._learner(
        Arithmetic.of(now)
    )
    layouts: list[torch.Tensor] = []
    learner.model.register_forward_pre_hook(lambda _, taken: layouts.append(taken[0]))
    learner.advance(0.1)
    contiguous = memory_format == "contiguous"
    assert [each.is_contiguous() for each in layouts] == [contiguous]
    weights = [each for each in learner.model.parameters() if each.ndim == 4]
    assert {each.is_contiguous() for each in weights if each.shape[-1] > 1} == {contiguous}
