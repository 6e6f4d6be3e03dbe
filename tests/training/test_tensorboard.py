"""Curves as TensorBoard itself reads them."""

import sys
from pathlib import Path

import pytest

from atalho.errors import AtalhoError, Exit
from atalho.training import tensorboard


def _rows(folder: Path, steps: range, offset: float = 0.0) -> None:
    with tensorboard.curves(folder) as write:
        for step in steps:
            write({"step": step, "lr": 0.5, "train_loss": step / 4 + offset})


def _read(folder: Path, name: str) -> list[tuple[int, float]]:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder)).Reload()
    return [(each.step, each.value) for each in events.Scalars(name)]


def test_every_column_is_a_curve(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    _rows(tmp_path, range(1, 5))
    assert _read(tmp_path, "train_loss") == [(step, step / 4) for step in range(1, 5)]
    assert _read(tmp_path, "lr") == [(step, 0.5) for step in range(1, 5)]


def test_what_is_done_again_is_replaced(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    _rows(tmp_path, range(1, 5))
    _rows(tmp_path, range(3, 7), offset=1.0)
    expected = [(1, 0.25), (2, 0.5), *((step, step / 4 + 1) for step in range(3, 7))]
    assert _read(tmp_path, "train_loss") == expected


def test_no_row_leaves_no_file(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    _rows(tmp_path / "curves", range(0))
    assert not (tmp_path / "curves").exists()


def test_without_the_extra_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(AtalhoError, match="EXTRA-MISSING") as caught:
        _rows(tmp_path, range(1))
    assert caught.value.exit == Exit.RESOURCES
    assert "atalho[tensorboard]" in str(caught.value)
