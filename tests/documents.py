"""The documentation's pages, and the examples on them: Python code, and commands with the output that a page shows."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(p for p in DOCS.rglob("*.md") if "_build" not in p.parts)]

_FENCE = re.compile(r"^```(.*)\n((?:.*\n)*?)^```$", flags=re.MULTILINE)
_NEEDS = "# needs "


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        language: what the fence names: `python`, `console`, a directive of the site, or nothing.
    """

    language: str
    text: str

    @property
    def needs(self) -> str:
        """What a test cannot have and the block's commands need: its first line says so; empty where there is no such line."""
        first = self.text.partition("\n")[0]
        return first.removeprefix(_NEEDS) if first.startswith(_NEEDS) else ""

    @property
    def commands(self) -> list[tuple[str, str]]:
        """Each command after a `$`, continued lines joined and comments cut, with the output shown below it."""
        joined = self.text.replace("\\\n", "")
        parts = re.split(r"^\$ (.*)\n", joined, flags=re.MULTILINE)
        return [*zip(parts[1::2], parts[2::2], strict=True)]


def blocks(page: Path) -> list[Block]:
    return [Block(*match) for match in _FENCE.findall(page.read_text(encoding="utf-8"))]


def links(page: Path) -> Iterator[str]:
    """The targets of a page's links and pictures that are not on the web, code excluded."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    text = re.sub(r"`[^`]*`", "", text)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            yield target


def words(command: str) -> list[str]:
    """The words of a command, without a comment."""
    return shlex.split(command, comments=True)


def pattern(shown: str) -> re.Pattern[str]:
    """What an output must match that a page shows: `…` stands for any text, on a line of its own for any number of lines."""
    lines = [r"(?:.*\n)*" if line == "…" else _line(line) + r"\n" for line in _lines(shown)]
    return re.compile("".join(lines))


def compared(output: str) -> str:
    """An output as `pattern` reads it: without empty lines, ruled lines and repeated spaces."""
    return "".join(f"{line}\n" for line in _lines(output))


def _lines(text: str) -> list[str]:
    lines = (" ".join(line.split()) for line in text.splitlines())
    return [line for line in lines if line.strip("─ ")]


def _line(line: str) -> str:
    return ".*".join(map(re.escape, line.split("…")))
