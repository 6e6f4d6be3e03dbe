import errno
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from atalho import record
from atalho.api.records import read_records
from atalho.errors import AtalhoError, Exit
from atalho.record import Record

ONE = Record.of("resnet20", "top1", 0.9125, "measured", data="cifar10", seed=0)
TWO = Record.of("nome < ação", "latency", 0.002, "measured", [0.003, 0.002, 0.001], batch=1)


def test_records_come_back_as_they_were_written(tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    record.append(file, [ONE])
    record.append(file, [TWO, ONE])
    assert record.read(file) == [ONE, TWO, ONE]
    assert len(file.read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("quantity", "value", "unit", "provenance"),
    [
        ("top1", 0.5, "percent", "measured"),
        ("beauty", 1.0, "count", "measured"),
        ("top1", 0.5, "fraction", "guessed"),
        ("top1", float("nan"), "fraction", "measured"),
    ],
)
def test_a_number_without_its_unit_or_origin_is_no_record(
    quantity: str, value: float, unit: str, provenance: str
) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Record("x", quantity, value, unit, provenance)  # type: ignore[arg-type]


def test_a_line_cut_short_by_a_crash_is_left_out_and_then_replaced(tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    record.append(file, [ONE, TWO])
    file.write_bytes(file.read_bytes()[:-20])
    assert record.read(file) == [ONE]
    record.append(file, [TWO])
    assert record.read(file) == [ONE, TWO]


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    file.write_text(ONE.to_json() + "\n" + '{"subject": "x"}\n' + TWO.to_json() + "\n")
    with pytest.raises(AtalhoError, match="line 2") as caught:
        record.read(file)
    assert caught.value.exit == Exit.DATA


@pytest.mark.parametrize(
    "name", ["a\u2028b", "a\x85b", "a\x1cb\x0bc", "ação", "\U0001f408", "\ud800"]
)
def test_a_name_with_any_character_comes_back(name: str, tmp_path: Path) -> None:
    """Python's splitlines takes U+2028 and others for ends of lines, and a lone surrogate is no UTF-8."""
    file = tmp_path / "records.jsonl"
    named = Record.of("resnet20", "top1", 0.9, "measured", data=name)
    record.append(file, [named, TWO])
    assert record.read(file) == [named, TWO]
    assert file.read_bytes().isascii()
    assert len(file.read_bytes().split(b"\n")) == 3


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(AtalhoError, match="cannot be read"):
        record.read(tmp_path / "absent.jsonl")


def test_a_last_line_that_is_whole_but_for_its_end_is_kept(tmp_path: Path) -> None:
    """As a process leaves it that is killed between a record and the line break."""
    file = tmp_path / "records.jsonl"
    record.append(file, [ONE])
    file.write_bytes(file.read_bytes()[:-1])
    assert record.read(file) == [ONE]
    record.append(file, [TWO])
    assert record.read(file) == [ONE, TWO]


def test_of_records_that_are_appended_together_a_full_disk_takes_all_or_none(
    tmp_path: Path,
) -> None:
    """With a part of them, what is missing would count as measured."""
    file = tmp_path / "records.jsonl"
    record.append(file, [ONE])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size * 3, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            record.append(file, [TWO] * 9)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert record.read(file) == [ONE]


def test_of_records_that_are_appended_together_a_killed_process_leaves_all_or_none(
    tmp_path: Path,
) -> None:
    """The kernel ends it in the middle of a write, where its file would be larger than the limit."""
    file = tmp_path / "records.jsonl"
    record.append(file, [ONE])
    limit = len(record.lines([ONE] * 4))
    code = f"""
import resource, signal
from pathlib import Path
from atalho import record
from atalho.api.records import read_records
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
file = Path({str(file)!r})
record.append(file, record.read(file) * 9)
"""
    killed = subprocess.run([sys.executable, "-c", code], check=False)
    assert killed.returncode == -signal.SIGXFSZ
    assert record.read(file) == [ONE]
    record.append(file, [TWO, TWO])
    assert record.read(file) == [ONE, TWO, TWO]


def test_two_processes_add_to_one_file(tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    (tmp_path / f".{file.name}.1.tmp").write_text("left by a killed process")
    code = f"""
from atalho.api.records import add_records
from atalho.record import Record
for seed in range(20):
    add_records({str(file)!r}, [Record.of("resnet20", "top1", 0.5, "measured", seed=seed)])
"""
    processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [each.wait() for each in processes] == [0, 0]
    seeds = [each.conditions["seed"] for each in record.read(file)]
    assert sorted(seeds) == sorted([*range(20)] * 2)
    assert [*tmp_path.iterdir()] == [file]


def test_a_folder_of_records_that_cannot_be_read_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one below `/proc`, which is gone when it is entered."""

    def gone(folder: Path, pattern: str) -> None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "/proc/1000")

    monkeypatch.setattr(Path, "rglob", gone)
    with pytest.raises(AtalhoError, match="RECORDS] /proc/1000: cannot be read") as caught:
        read_records(tmp_path)
    assert caught.value.exit == Exit.DATA


@pytest.mark.parametrize(
    "change",
    [
        {"subject": 3},
        {"conditions": []},
        {"conditions": {"steps": {}}},
        {"samples": ["x"]},
        {"value": 10**400},
    ],
)
def test_a_line_with_another_kind_of_value_is_no_record(
    change: dict[str, object], tmp_path: Path
) -> None:
    file = tmp_path / "records.jsonl"
    file.write_text(json.dumps({**json.loads(ONE.to_json()), **change}) + "\n")
    with pytest.raises(AtalhoError, match="line 1 is no record"):
        record.read(file)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000])
def test_a_line_too_deep_is_no_record(text: str, tmp_path: Path) -> None:
    (tmp_path / "records.jsonl").write_text(text + "\n")
    with pytest.raises(AtalhoError, match="line 1 is no record"):
        record.read(tmp_path / "records.jsonl")


def test_a_line_that_was_changed_is_no_record(tmp_path: Path) -> None:
    """Though it is one by its form: a digit of its value is another."""
    file = tmp_path / "records.jsonl"
    record.append(file, [ONE])
    changed = file.read_text().replace(f'"value": {ONE.value}', f'"value": {ONE.value / 2}')
    assert changed != file.read_text()
    file.write_text(changed)
    with pytest.raises(AtalhoError, match="changed after it was written"):
        record.read(file)
