"""Bars on a terminal: one of all steps, one of the step under way, with the time left where it can be known."""

import io
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console

from atalho.cli import bars as drawn
from atalho.cli.progress import StepsProgress, TrainingProgress, _Bars, say
from atalho.record import Record
from atalho.tasks import Begun, Step, carry_out
from atalho.training.listeners import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@contextmanager
def terminal() -> Iterator[Terminal]:
    """Inside, standard error is a terminal; no bars are left on it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", Terminal())
        yield sys.stderr  # type: ignore[misc]
    assert _Bars.display is None
    assert not _Bars.shown


def rows() -> list[str]:
    """The lines of the display as they are now."""
    assert _Bars.display
    screen = Console(file=io.StringIO(), width=110, record=True)
    screen.print(_Bars.display.get_renderable())
    return [line.strip() for line in screen.export_text().splitlines() if line.strip()]


def test_all_steps_and_the_one_under_way_have_a_bar_and_the_time_left() -> None:
    with terminal() as screen, StepsProgress("compare") as begin:
        begin(Begun("resnet20: training", 1, 4))
        whole, step = rows()
        assert "compare" in whole
        assert "0 of 4 steps" in whole
        assert whole.endswith("0:00:00 so far")
        assert "resnet20: training" in step
        begin(Begun("plain20: training", 2, 4, 90.0, 3700.0))
        whole, step = rows()
        assert "1 of 4 steps" in whole
        assert whole.endswith(("1:01:40", "1:01:39"))
        assert step.endswith(("0:01:30", "0:01:29"))
        say("a message goes above them, and removes none")
        assert len(rows()) == 2
        with TrainingProgress("training") as training:
            training(Progress(10, 100, 0.5, 1.25, 0.4, 300.0))
            assert len(rows()) == 3
        assert len(rows()) == 2
        assert "a message goes above them" in screen.getvalue()


def test_a_step_that_takes_longer_than_expected_is_never_full() -> None:
    with terminal(), StepsProgress("bench") as begin:
        begin(Begun("alexnet: memory", 1, 2, 0.01, 0.01))
        time.sleep(0.05)
        rows()
        assert _Bars.display
        (task,) = [each for each in _Bars.display.tasks if each.id == begin.step]
        assert task.completed == pytest.approx(drawn.NEARLY * 0.01)


def test_without_a_terminal_the_lines_are_enough(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with StepsProgress("bench") as begin:
        begin(Begun("alexnet: memory", 1, 2))
    assert capsys.readouterr().err == ""


def test_a_step_takes_as_long_as_the_like_ones_that_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("atalho.tasks.time.monotonic", lambda: now)

    def step(name: str, subject: str, seconds: float) -> Step:
        def measure() -> list[Record]:
            nonlocal now
            now += seconds
            return [Record.of(subject, "params", 1, "computed", protocol=name)]

        return Step(name, subject, ("params",), lambda: {"protocol": name}, measure)

    steps = [
        step("training", "a", 100.0),
        step("training", "b", 100.0),
        step("memory at batch 1", "a", 10.0),
        step("memory at batch 1", "b", 10.0),
        step("memory at batch 16", "a", 10.0),
    ]
    begun: list[Begun] = []
    carry_out(steps, tmp_path / "folder", lambda line: None, begun.append)
    assert [each.name for each in begun][::4] == ["a: training", "a: memory at batch 16"]
    assert [(each.number, each.of) for each in begun] == [(n, 5) for n in range(1, 6)]
    assert [each.seconds for each in begun] == [None, 100, 100, 10, 10]
    assert [each.left for each in begun] == [None, 400, 300, 20, 10]
    begun.clear()
    carry_out(steps, tmp_path / "folder", lambda line: None, begun.append)
    assert not begun
