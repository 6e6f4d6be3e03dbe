"""Steps are carried out once, and again where what they left is not to be relied on."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from atalho import record
from atalho.errors import AtalhoError, Exit
from atalho.record import Record
from atalho.tasks import FILE, Round, Step, carry_out


def test_what_was_measured_on_a_busy_machine_is_measured_again(tmp_path: Path) -> None:
    times = {"a": iter([{"noisy": True, "noise": "other work"}, {}]), "b": iter([{}])}

    def timed(parts: Sequence[Step]) -> list[Record]:
        return [
            Record.of(
                each.subject, "latency", 1.0, "measured", batch=1, **next(times[each.subject])
            )
            for each in parts
        ]

    parts = tuple(
        Step("latency at batch 1", name, ("latency",), lambda: {"batch": 1}, list) for name in times
    )
    steps, said = [Round("latency at batch 1", parts, timed)], list[str]()
    for _ in range(3):
        found = carry_out(steps, tmp_path / "records", said.append)
    assert said == ["[1/1] 2 networks: latency at batch 1", "[1/1] a: latency at batch 1"]
    assert [(each.subject, "noisy" in each.conditions) for each in found] == [
        *(("a", True), ("b", False), ("a", False)),
    ]
    assert record.read(tmp_path / "records" / FILE) == found


def test_what_a_killed_process_left_is_removed_and_a_folder_that_cannot_be_read_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "records"
    carry_out([], folder, print)
    left = folder / f".{FILE}.1.tmp"
    left.touch()
    carry_out([], folder, print)
    assert not left.exists()

    def fail(folder: Path, pattern: str) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), str(folder))

    monkeypatch.setattr(Path, "glob", fail)
    with pytest.raises(AtalhoError, match=r"cannot be written \(Too many open files") as caught:
        carry_out([], folder, print)
    assert (caught.value.code, caught.value.exit) == ("OUTPUT", Exit.USAGE)
