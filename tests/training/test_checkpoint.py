from pathlib import Path

import pytest
import torch

from atalho.errors import AtalhoError, Exit
from atalho.training import checkpoint
from atalho.training.checkpoint import Checkpoint


def _state(step: int) -> Checkpoint:
    generator = torch.Generator().manual_seed(step)
    tensors = {
        "model.weight": torch.randn(3, 4, generator=generator),
        "model.count": torch.tensor(step),
        "generator.cpu": torch.randint(0, 256, (20,), dtype=torch.uint8, generator=generator),
    }
    return Checkpoint(step, tensors, {"rows": [{"step": step, "train_loss": 0.1 + 0.2}]})


def _load(folder: Path) -> tuple[Checkpoint, list[Path]]:
    found = checkpoint.load(folder)
    assert found is not None
    return found


def test_a_state_comes_back_bit_by_bit(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "checkpoints", _state(7))
    found, damaged = _load(tmp_path / "checkpoints")
    assert (found.step, found.facts, damaged) == (7, _state(7).facts, [])
    assert found.tensors.keys() == _state(7).tensors.keys()
    for name, tensor in _state(7).tensors.items():
        assert torch.equal(found.tensors[name], tensor)
        assert found.tensors[name].dtype == tensor.dtype


def test_the_last_three_are_kept(tmp_path: Path) -> None:
    for step in (5, 90, 1000, 12_000, 200):
        checkpoint.save(tmp_path, _state(step))
    assert len(list(tmp_path.iterdir())) == 3
    assert _load(tmp_path)[0].step == 12_000


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path / "absent") is None


@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_a_damaged_newest_falls_back_to_the_one_before(tmp_path: Path, damage: str) -> None:
    for step in (1, 2):
        path = checkpoint.save(tmp_path, _state(step))
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[-1] ^= 1
    path.write_bytes({"flip": bytes(content), "cut": bytes(content[:-9]), "empty": b""}[damage])
    state, damaged = _load(tmp_path)
    assert state.step == 1
    assert damaged == [path]


def test_all_damaged_stops_and_touches_nothing(tmp_path: Path) -> None:
    for step in (1, 2):
        checkpoint.save(tmp_path, _state(step)).write_bytes(b"rubbish")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(AtalhoError, match="none of 2") as caught:
        checkpoint.load(tmp_path)
    assert caught.value.exit == Exit.CHECKPOINT
    assert sorted(tmp_path.iterdir()) == before
