"""Hostile surroundings: temporary folders that are none, a working folder full of code, folders that are links to `/`."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import atalho
from atalho.errors import Exit
from campaign.commands import DOCUMENTED, Ended
from campaign.counts import Counts
from photo_folders import fill

DETECTS = ("tracebacks", "executed_payloads", "writes_outside", "litter", "wrong_results")

SMALL = ("--input", "1x8x8", "-b", "1", "-t", "1")
"""Of a measurement, whose processes talk through temporary files."""

MODULES = ("torch", "numpy", "json", "random", "sitecustomize", "usercustomize", "atalho", "onnx")
"""Python files in the working folder, each of which makes a mark when it is imported."""

SOURCE = str(Path(atalho.__file__).parents[1])
"""Where the package lies; a relative path would have Python import from the working folder."""

TRAIN = ("train", "resnet20", "--steps", "1", "-b", "4", "-t", "1", "--precision", "float32")


def campaign(cases: int, folder: Path) -> Iterator[Counts]:
    """All of it, in processes of its own; of fewer cases than there are, the first ones."""
    yield temporary_folders(cases, folder / "temporary")
    yield links(cases, folder / "links")


def temporary_folders(cases: int, root: Path) -> Counts:
    """Measures with each of several temporary folders, in a working folder of modules that must not be imported."""
    counts = Counts("hostile: temporary folders and a working folder", DETECTS)
    here, mark = root / "here", root / "mark"
    here.mkdir(parents=True)
    for name in MODULES:
        (here / f"{name}.py").write_text(f"import os\nos.makedirs({str(mark)!r}, exist_ok=True)\n")
    with counts.timed():
        for name, folder in [*_temporary(root)][:cases]:
            before, out = _tree(root), root / "times.jsonl"
            words = ["bench", "resnet20", *SMALL, "-o", str(out)]
            ended = _ended(words, here, {"TMPDIR": folder})
            _check(counts, f"a temporary folder that is {name}", ended, frozenset((Exit.DONE,)))
            if mark.exists():
                counts.fault("executed_payloads", name)
                mark.rmdir()
            if left := _tree(root) - before - {out}:
                column = "litter" if all(str(each).startswith(folder) for each in left) else None
                counts.fault(column or "writes_outside", f"{name}: {min(left)}")
    return counts


def _temporary(root: Path) -> Iterator[tuple[str, str]]:
    """Temporary folders, by what is wrong with them."""
    (root / "file").touch()
    (root / "root").symlink_to("/")
    (root / "dangling").symlink_to(root / "nowhere")
    everyones = root / "everyones"
    everyones.mkdir(mode=0o1777)
    target = root / "target"
    target.mkdir()
    for name in ("atalho", "tmp", f"torchinductor_{os.environ.get('USER', 'root')}", ".lock"):
        (everyones / name).symlink_to(target)
    yield from {
        "missing": str(root / "missing"),
        "a file": str(root / "file"),
        "everybody's, with links planted": str(everyones),
        "a link to /": str(root / "root"),
        "a link to nothing": str(root / "dangling"),
        "not writable": "/proc",
        "a device": os.devnull,
        "nameless": "",
        "relative": "relative",
        "named with a line break": str(root / "a\nb"),
    }.items()


def links(cases: int, root: Path) -> Counts:
    """Commands that read or write a folder that is a link to `/`, or photos one class of which is."""
    counts, slash = Counts("hostile: links to /", DETECTS), root / "slash"
    photos = fill(root / "photos", {"ant": 4, "bee": 4})
    (photos / "cat").symlink_to("/")
    slash.symlink_to("/")
    run, out = str(root / "run"), str(root / "out")
    small = ("--from-scratch", "--img-size", "16", "--output", out)
    refused = frozenset(Exit) - {Exit.DONE}
    with counts.timed():
        _check(counts, "a run", _ended([*TRAIN, "--output", run], root), frozenset((Exit.DONE,)))
        for words in (
            [*TRAIN, "--output", str(slash)],
            ["export", run, "--to", "safetensors", "-o", str(slash)],
            ["report", run, "-o", str(slash)],
            ["predict", run, str(photos / "ant"), "-o", str(slash)],
            ["diagnose", "resnet20", "--output", str(slash)],
            ["draw", "resnet20", "-o", str(slash)],
            ["compare", "resnet20", "--data", "none", "--output", str(slash)],
            [*TRAIN, "--data", str(photos), *small],
            [*TRAIN, "--data", str(slash), *small],
            ["evaluate", run, "--data", str(slash)],
            ["evaluate", str(slash)],
            ["predict", str(slash), str(photos / "ant")],
            ["report", str(slash / "proc"), "-o", f"{out}.html"],
        )[:cases]:
            before = {*Path("/").iterdir()}
            _check(counts, " ".join(words), _ended(words, root), refused)
            if changed := before ^ {*Path("/").iterdir()}:
                counts.fault("writes_outside", f"{' '.join(words)}: {min(changed)}")
            if not slash.is_symlink():
                counts.fault("writes_outside", f"{' '.join(words)}: the link is gone")
                slash.symlink_to("/")
    return counts


def _ended(words: list[str], here: Path, environment: Mapping[str, str] | None = None) -> Ended:
    """How a command ended in a process of its own, as the installed `atalho` runs."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "atalho", *words],
        cwd=here,
        env={**os.environ, "PYTHONPATH": SOURCE, **(environment or {})},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def _check(counts: Counts, example: str, ended: Ended, good: frozenset[Exit]) -> None:
    counts.end(f"exit {ended.code}")
    if ended.fault or ended.code not in DOCUMENTED:
        counts.fault("tracebacks", f"{example}: {ended.fault}: {ended.err[-300:]}")
    elif ended.code not in good:
        counts.fault("wrong_results", f"{example}: exit {ended.code}: {ended.err[-300:]}")


def _tree(root: Path) -> set[Path]:
    """All paths below a folder; links are not followed."""
    return {
        Path(folder, name)
        for folder, folders, files in os.walk(root)
        for name in (*folders, *files)
    }
