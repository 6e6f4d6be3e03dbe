"""Hostile names: as the argument of every command, and of classes and files, through training to the page."""

import os
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

from atalho.cli.commands import COMMANDS
from campaign import attempts
from campaign.attempts import Bounds
from campaign.commands import tried
from campaign.counts import Counts
from photo_folders import picture, save

DETECTS = (*attempts.DETECTS, "obeyed")

NAMES = (
    *("<img src=x onerror=alert(1)>", "\"'><svg onload=alert(1)>", "{{ 7 * 7 }}${7*7}", "&lt;&#0;"),
    *("\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x1b[2J", "\x9b31m", "\x08\x7f", "a\rb", "a\nb"),
    *("\u202egnp.exe", "\u2066a\u2069", "\u200b", "a\u2028b", "caf\udce9"),
    *("-rf", "--no-such=x", "=1+1", "$(touch pwned)`touch pwned`;", "%s%n{0}", "..", "a/../../b"),
    *("a\0b", "x" * 4096),
)
"""Markup, templates, orders to a terminal, marks of direction and of nothing, no UTF-8, options, formulas, paths, NUL, 4,096 bytes."""

RAW = ("\x1b", "\x07", "\x08", "\x7f", "\x9b", "\r", "\u202e", "\u2066", "\u2028")
"""What no output may hold as it is: a terminal would obey it, or show another text than there is."""

TRAIN = ("--steps", "1", "-b", "4", "-t", "1", "--precision", "float32", "--output")


def names(cases: int, folder: Path) -> Counts:
    """Every name through every command; of fewer cases than names some, evenly spaced."""
    counts, root = Counts("hostile: names", DETECTS), folder / "names"
    with counts.timed():
        (root / "here").mkdir(parents=True)
        with chdir(root / "here"):
            run, photo = root / "run", save(root / "photo.png", picture(0))
            _case(counts, ["train", "resnet20", *TRAIN, str(run)], root)
            for number, name in enumerate(NAMES[:: max(1, len(NAMES) // cases)]):
                for words in _arguments(name, run, photo, root / f"out-{number}"):
                    _case(counts, words, root)
                if _of_a_file(name):
                    _through(counts, name, root / f"photos-{number}")
            if written := [*Path().rglob("pwned")]:
                counts.fault("executed_payloads", str(written[0]))
    return counts


def _arguments(name: str, run: Path, photo: Path, out: Path) -> Iterator[list[str]]:
    """Commands with the name as a network, a file, a folder or an id; each of the command line's at least once."""
    commands = {
        "list": [[name]],
        "show": [[name]],
        "draw": [[name, "-o", f"{out}.svg"]],
        "verify": [[name]],
        "inception": [[name, "1", "1", "1", "1", "1", "1"]],
        "doctor": [["--format", name]],
        "train": [[name, *TRAIN, str(out)], ["resnet20", "--data", name, *TRAIN, str(out)]],
        "evaluate": [[str(run), "--data", name], [name]],
        "predict": [[str(run), name], [name, str(photo)], [str(run), str(photo), "-o", name]],
        "bench": [[name], ["resnet20", "--engine", name]],
        "diagnose": [[name, "--output", str(out)]],
        "compare": [[name, "--data", "none", "--output", str(out)]],
        "recheck": [[name]],
        "audit": [[name]],
        "lecture": [["--records", name, "-o", str(out)]],
        "report": [[name, "-o", f"{out}.html"]],
        "export": [[name, "--to", "safetensors", "-o", str(out)], [str(run), "--to", name]],
    }
    assert commands.keys() == COMMANDS.keys(), commands.keys() ^ COMMANDS.keys()
    yield from ([verb, *rest] for verb, several in commands.items() for rest in several)


def _of_a_file(name: str) -> bool:
    return "\0" not in name and "/" not in name and name != ".." and len(os.fsencode(name)) < 250


def _through(counts: Counts, name: str, root: Path) -> None:
    """Trains on a class and files of that name, and shows what comes of it in every way."""
    for label, folder in enumerate((name, "other")):
        for number in range(6):
            save(root / "photos" / folder / f"{name}{number}.png", picture(10 * label + number))
    photos, run, page = str(root / "photos"), str(root / "run"), root / "report.html"
    data = ["--data", photos, "--data-dir", str(root / "data")]
    small = ["--from-scratch", "--img-size", "16"]
    _case(counts, ["train", "resnet20", *data, *small, *TRAIN, run], root)
    _case(counts, ["predict", run, photos], root)
    _case(counts, ["predict", run, photos, "-o", str(root / f"{name}.csv")], root)
    _case(counts, ["evaluate", run, *data, "-o", str(root / "records.jsonl")], root)
    _case(counts, ["export", run, "--to", "safetensors", "-o", str(root / name)], root)
    _case(counts, ["report", str(root / "records.jsonl"), "-o", str(page)], root)
    if "<" in name and page.exists() and name in page.read_text(encoding="utf-8"):
        counts.fault("executed_payloads", f"{name!r} is markup on the page")


def _case(counts: Counts, words: list[str], root: Path) -> None:
    example = " ".join(word if len(word) < 200 else f"{word[:20]}…" for word in words)
    writable = (root, Path(os.environ.get("ATALHO_CACHE", root)), Path("/tmp"))
    result = tried(counts, repr(example), words, Bounds(writable))
    if result and (raw := [each for each in RAW if each in result.out + result.err]):
        counts.fault("obeyed", f"{example!r}: {raw[0]!r}")
