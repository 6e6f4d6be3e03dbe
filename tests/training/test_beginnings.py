"""What a training on photos begins from: published weights, unless it is told to begin from none."""

from contextlib import nullcontext
from pathlib import Path

import pytest

import atalho
from atalho.api import training
from atalho.api.loading import begins_from, say_scratch
from atalho.errors import AtalhoError, Exit
from atalho.runtime import world
from atalho.runtime.world import World
from photo_folders import fill


def begins(
    network: str,
    weights: str | None,
    data: Path | str,
    recipe: str | None,
    *,
    scratch: bool = False,
) -> tuple[str | None, list[str]]:
    lines: list[str] = []
    reporter = atalho.Reporter(say=lines.append)
    start = begins_from(
        network, weights, str(data), recipe, from_scratch=scratch, reporter=reporter
    )
    return start, lines


def test_photos_begin_from_published_weights(tmp_path: Path) -> None:
    start, lines = begins("resnet50", None, tmp_path, None)
    assert start == "tv_in1k"
    assert lines == ["resnet50 begins from published weights, tv_in1k (--from-scratch: without)"]
    assert begins("resnet50", None, tmp_path, "linear")[0] == "tv_in1k"
    assert begins("resnet50", "mine", tmp_path, None) == ("mine", [])


def test_other_trainings_begin_as_they_did(tmp_path: Path) -> None:
    assert begins("resnet50", None, "digits", None) == (None, [])
    assert begins("resnet50", None, tmp_path, None, scratch=True) == (None, [])
    assert begins("resnet50", None, tmp_path, "he2015_imagenet") == (None, [])


@pytest.mark.parametrize("network", ["resnet20", "nin", "timm:lcnet_035", "net.py:make"])
def test_a_network_without_published_weights_is_not_trained_unasked(
    tmp_path: Path, network: str
) -> None:
    with pytest.raises(AtalhoError, match=r"WEIGHTS-NONE.*--from-scratch") as refused:
        begins(network, None, tmp_path, None)
    assert refused.value.exit == 2


def test_weights_and_none_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(AtalhoError, match="--from-scratch"):
        begins("resnet50", "tv_in1k", tmp_path, None, scratch=True)


def test_from_scratch_says_what_to_expect(tmp_path: Path) -> None:
    lines: list[str] = []
    say_scratch("resnet20", 400, 10, atalho.Reporter(say=lines.append))
    say_scratch("resnet20", 400_000, 10, atalho.Reporter(say=lines.append))
    assert len(lines) == 1
    assert "learns all from 400 photos, 40 a class" in lines[0]
    root = fill(tmp_path / "photos", {"a": 6, "b": 6})
    runs = atalho.train(
        "resnet20",
        str(root),
        from_scratch=True,
        img_size=32,
        steps=1,
        data_dir=tmp_path / "data",
        output=tmp_path / "run",
        threads=1,
        reporter=atalho.Reporter(say=lines.append),
    )
    assert runs.tested
    assert any("learns all from 10 photos" in line for line in lines)


@pytest.mark.parametrize(("rank", "lines"), [(0, 1), (1, 0)])
def test_of_several_processes_the_main_one_says_where_a_training_begins(
    rank: int, lines: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AtalhoError("STOP", "here", "before weights are read", next_step="", exit=Exit.DATA)

    together = nullcontext(World(rank, 2, rank))
    monkeypatch.setattr(world, "joined", lambda device, say: together)
    monkeypatch.setattr(World, "first_here", lambda self, function, work: function())
    monkeypatch.setattr(training, "load", refuse)
    root = fill(tmp_path / "photos", {"ant": 3, "bee": 3})
    said: list[str] = []
    with pytest.raises(AtalhoError, match="STOP"):
        training.train("resnet50", str(root), reporter=atalho.Reporter(say=said.append))
    assert len(said) == lines
