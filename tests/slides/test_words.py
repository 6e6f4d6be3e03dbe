"""The messages: both languages say the same things with the same numbers, and write numbers in their own habit."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from atalho import slides
from atalho.slides import words
from atalho.slides.words import Words
from example_records import analysed
from web_page import HOSTILE

SLIDES = Path(words.__file__).parent
NAMES_OF_OTHERS = ("claims.units", "claims.printed", "drawing.legend", "table.live.terms")
"""What one language translates and the other has already."""


def _leaves(tree: Any, within: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(tree, dict):
        for key, branch in tree.items():
            yield from _leaves(branch, f"{within}.{key}" if within else str(key))
    else:
        yield within, str(tree)


def _messages(language: words.Language) -> dict[str, str]:
    return {
        key: text
        for key, text in _leaves(words._read(language))
        if not key.startswith(NAMES_OF_OTHERS)
    }


def test_both_languages_have_the_same_messages_with_the_same_placeholders() -> None:
    own, other = _messages("pt"), _messages("en")
    only = {key for key in own.keys() ^ other.keys() if not key.endswith(".found")}
    assert only == set()
    for key in own.keys() & other.keys():
        # Numbers may be formatted differently, and a sentence may name one twice.
        one, two = (set(re.findall(r"\{(\w+)", text)) for text in (own[key], other[key]))
        assert one == two, key


def test_every_message_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: set[str] = set()
    tree = Words.tree

    def recorded(self: Words, key: str) -> Any:
        read.add(key)
        return tree(self, key)

    monkeypatch.setattr(Words, "tree", recorded)
    slides.write(analysed(), tmp_path)
    used = tuple(f"{key}." for key in read)
    # Said where records leave a claim open, or have no power.
    otherwise = {"claims.verdicts.unmeasured", "comparison.power"}
    assert {key for key in _messages("pt") if not f"{key}.".startswith(used)} <= otherwise


def test_no_sentence_stands_in_a_template() -> None:
    """Between tags there are messages, numbers and names; a word of five letters or more would be a sentence's."""
    for path in SLIDES.rglob("*.j2"):
        text = path.read_text(encoding="utf-8")
        visible = re.sub(r"\{[{%#].*?[#%}]\}|<[^>]*>", " ", text, flags=re.DOTALL)
        assert re.findall(r"[^\W\d_]{5,}", visible) == [], path


@pytest.mark.parametrize(
    ("language", "value", "spec", "written"),
    [
        ("pt", 112_896_000, "", "112.896.000"),
        ("en", 112_896_000, "", "112,896,000"),
        ("pt", 21.428571, ",.2f", "21,43"),
        ("pt", -35_328, "+,d", "−35.328"),
        ("en", 3.4e-11, ".1e", "3.4·10⁻¹¹"),
        ("pt", 3.4e-11, ".1e", "3,4·10⁻¹¹"),
    ],
)
def test_numbers_are_written_in_the_languages_habit(
    language: words.Language, value: float, spec: str, written: str
) -> None:
    assert Words(language, {}).number(value, spec).replace("\u00a0", "") == written


def test_text_from_outside_is_escaped_in_a_message() -> None:
    said = Words("en", {})("residual.total", network=HOSTILE, params=1, gmacs=1.0)
    assert "<script>" not in said
    assert "&lt;script&gt;" in said


def test_a_placeholder_that_nothing_fills_is_an_error() -> None:
    with pytest.raises(KeyError):
        Words("en", {})("residual.total", network="x")
