"""The lecture's sentences in one language: messages with numbers filled in, as that language writes them."""

import string
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from markupsafe import Markup, escape

from atalho.page.chart.converting import Locale

Language = Literal["pt", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

LOCALES: Mapping[Language, Locale] = {"pt": "pt-BR", "en": "en-US"}
"""The languages' tags, as pages and charts state them."""

_MESSAGES = Path(__file__).parent / "messages"
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SWAPPED = str.maketrans(",.", ".,")


class Words:
    """The messages of a language; calling it with a message's key returns the message as safe HTML.

    Args:
        facts: numbers that any message may name, beside those that it is called with.
    """

    def __init__(self, language: Language, facts: Mapping[str, Any]) -> None:
        self.language = language
        self.locale = LOCALES[language]
        self._facts = facts
        self._messages = _read(language)

    def __call__(self, key: str, **values: Any) -> Markup:
        """Returns a message with its placeholders filled: numbers in the language's habit, text from outside escaped.

        Raises:
            KeyError: for a message or a placeholder that does not exist.
        """
        return Markup(_Filled(self).vformat(self.raw(key), (), {**self._facts, **values}))

    def raw(self, key: str) -> str:
        """Returns a message with its placeholders."""
        message = self.tree(key)
        if not isinstance(message, str):
            raise KeyError(f"{key} is a group of messages")
        return message

    def tree(self, key: str) -> Any:
        """Returns a message, or a group of them, as the file holds it."""
        branch: Any = self._messages
        for part in key.split("."):
            branch = branch[part]
        return branch

    def has(self, key: str) -> bool:
        """Whether there is such a message."""
        try:
            self.tree(key)
        except KeyError:
            return False
        return True

    def number(self, value: float, spec: str = "") -> str:
        """Returns a number: whole ones with separators, others with four digits unless `spec` formats them otherwise."""
        written = format(value, spec or (",d" if isinstance(value, int) else ",.4g"))
        mantissa, _, exponent = written.partition("e")
        power = f"\u00a0·\u00a010{str(int(exponent)).translate(_RAISED)}" if exponent else ""
        return self.localised(mantissa) + power

    def localised(self, text: str) -> str:
        """Returns a number that is written in the English habit in the language's own."""
        swapped = text.translate(_SWAPPED) if self.language == "pt" else text
        return swapped.replace("-", "\u2212")


class _Filled(string.Formatter):
    def __init__(self, words: Words) -> None:
        self._words = words

    def format_field(self, value: Any, format_spec: str) -> Any:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self._words.number(value, format_spec)
        return str(escape(value))


@cache
def _read(language: Language) -> Mapping[str, Any]:
    """All files of a language as one tree: a group of messages for each file, by its name."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return {
        path.stem: yaml.load(path.read_text(encoding="utf-8"), loader)
        for path in sorted((_MESSAGES / language).glob("*.yaml"))
    }
