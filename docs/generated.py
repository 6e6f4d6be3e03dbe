"""A Sphinx extension: parts of the reference are written from the program itself when the site is built.

A comment `<!-- generated: commands -->` on a page is replaced by the Markdown that the function `commands` returns.
"""

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from inspect import cleandoc
from pathlib import Path
from types import UnionType
from typing import get_args

from sphinx.application import Sphinx

import atalho
from atalho import conditions as declared
from atalho.cli.commands import COMMANDS, command
from atalho.explain.table import cell
from atalho.grammar.network import Source
from atalho.networks import get
from atalho.networks.subjects import facts
from atalho.page.words.numbers import NAMES
from atalho.recipes import DEFAULTS, RECIPES
from atalho.record import DIAGNOSES, UNITS

COMMENT = re.compile(r"<!-- generated: (\w+) -->")

RESULTS = Path(__file__).parents[1] / "results" / "README.md"


def commands() -> str:
    """Every command with its arguments and options, as the parser has them."""
    sections = []
    for name in COMMANDS:
        called = command(name)
        context = called.make_context(name, [], resilient_parsing=True)
        described = [parameter.get_help_record(context) for parameter in called.params]
        usage = " ".join(["atalho", name, *called.collect_usage_pieces(context)])
        rows = [
            [f"`{declaration}`", _text(meaning)] for declaration, meaning in filter(None, described)
        ]
        sections.append(
            f"## {name}\n\n`{usage}`\n\n{_text(called.help)}\n\n{_table(['option', 'meaning'], rows)}"
        )
    return "\n\n".join(sections)


def networks() -> str:
    """The catalogue, a line a network; then how variants differ, and which weights are published."""
    catalogue = atalho.list_networks().document
    rows = [
        [
            f"`{each['network']}`",
            f"{each['params']:,}",
            f"{each['macs']:,}",
            cell(each["depth"]),
            "×".join(map(str, each["input"])),
            _paper(get(each["network"]).source),
        ]
        for each in catalogue
    ]
    changes = [
        [f"`{each['network']}`", _text(each["changes"])] for each in catalogue if each["changes"]
    ]
    weights = [
        [f"`{each['network']}`", ", ".join(f"`{name}`" for name in each["weights"])]
        for each in catalogue
        if each["weights"]
    ]
    return "\n\n".join(
        [
            _table(["network", "params", "macs", "depth", "input", "source"], rows),
            "## Variants",
            _table(["variant", "what differs"], changes),
            "## Published weights",
            _table(["network", "`--weights`"], weights),
        ]
    )


def _paper(source: Source) -> str:
    name = f"{source.authors} {source.year}"
    return (
        f"[{name}](https://arxiv.org/abs/{source.arxiv})"
        if source.arxiv
        else f"{name}, {source.place}"
    )


def recipes() -> str:
    """Every recipe: the docstrings of its file and of its function, and all its numbers for one network."""
    sections = []
    seen = set()
    for name, make in RECIPES.items():
        network = "resnet20" if name in DEFAULTS.values() else "resnet50"
        recipe = make(facts(get(network)))
        described = [] if make.__module__ in seen else [sys.modules[make.__module__].__doc__ or ""]
        seen.add(make.__module__)
        for_data = [f"`{data}`" for data, default in DEFAULTS.items() if default == name]
        rows = [[f"`{key}`", f"`{value}`"] for key, value in vars(recipe).items() if key != "name"]
        paragraphs = [
            f"## {name}",
            *(_docstring(text) for text in (*described, make.__doc__ or "")),
            *([f"The default for {', '.join(for_data)}."] if for_data else []),
            _table(["field", f"for `{network}`"], rows),
        ]
        sections.append("\n\n".join(paragraphs))
    return "\n\n".join(sections)


def quantities() -> str:
    """Every quantity of a record with its unit."""
    headers = ["quantity", "unit", "meaning"]
    rows = [
        [f"`{name}`", unit, NAMES.get(name, "")]
        for name, unit in UNITS.items()
        if name not in DIAGNOSES
    ]
    diagnosed = [[f"`{name}`", unit, NAMES[name]] for name, unit in DIAGNOSES.items()]
    return f"{_table(headers, rows)}\n\nOf a diagnosis:\n\n{_table(headers, diagnosed)}"


def conditions() -> str:
    """Every condition of a record, by what it belongs to."""
    sections = [cleandoc(declared.__doc__ or "")]
    for owner in declared.Owner:
        rows = [
            [f"`{each.name}`", _type(each.kind), _text(each.meaning)]
            for each in declared.CONDITIONS.values()
            if each.owner is owner
        ]
        table = _table(["condition", "type", "meaning"], rows)
        belongs = f"{owner.value[0].upper()}{owner.value[1:]}."
        sections.append(f"### {owner.name.capitalize()}\n\n{belongs}\n\n{table}")
    return "\n\n".join(sections)


def results() -> str:
    """The text beside the committed records, with links as they are from a page of the site; it has no pages for folders."""
    text = RESULTS.read_text(encoding="utf-8")
    text = re.sub(r"\[([^\]]+)\]\([\w.-]+/\)", r"\1", text)
    text = re.sub(r"\]\((?!https?:|\.\./)", "](../results/", text)
    return text.replace("](../docs/", "](")


PAGES: dict[str, Callable[[], str]] = {
    each.__name__: each for each in (commands, networks, recipes, quantities, conditions, results)
}


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls this when the site is built."""
    app.connect("source-read", _fill)
    app.connect("build-finished", _write_lecture)
    return {"parallel_read_safe": True}


def _fill(app: Sphinx, page: str, source: list[str]) -> None:
    """Replaces the comments of a page, whose text is the one element of `source`, and links to what has a page here."""
    text = COMMENT.sub(lambda comment: PAGES[comment[1]](), source[0])
    source[0] = text.replace("../results/README.md)", "results.md)")


def _write_lecture(app: Sphinx, error: Exception | None) -> None:
    """Writes the lecture into the site, which links to it."""
    if not error:
        atalho.lecture(app.outdir / "lecture", language="en")


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(
        "| " + " | ".join(each.replace("|", "\\|") for each in line) + " |" for line in lines
    )


def _text(text: str) -> str:
    """A sentence in which only code is markup: what is between backticks, and options."""
    parts = text.split("`")
    escaped = [re.sub(r"([*<\[\]])", r"\\\1", part) for part in parts[::2]]
    parts[::2] = [re.sub(r"(?<!\S)--[a-z-]+", r"`\g<0>`", part) for part in escaped]
    return "`".join(parts)


def _docstring(text: str) -> str:
    """A docstring whose command, on a line of its own, is shown as code."""
    return re.sub(r"^ *(atalho .+)$", r"```console\n$ \1\n```", cleandoc(text), flags=re.MULTILINE)


def _type(kind: type | UnionType) -> str:
    return " or ".join(each.__name__ for each in get_args(kind) or (kind,))
