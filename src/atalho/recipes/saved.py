"""A recipe from the mappings, lists, strings and numbers that a file holds of it."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

from atalho.recipes.recipe import Recipe


def recipe(document: Mapping[str, Any]) -> Recipe:
    """The recipe whose fields are in `document`; those that are not have their defaults.

    Raises:
        TypeError: for a field that a recipe, a schedule or an augmentation does not have, or one without which it is none.
    """
    return Recipe(**_fields(Recipe, document))


def _fields(of: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(of)
    return {name: _value(hints.get(name), value) for name, value in document.items()}


def _value(hint: Any, value: Any) -> Any:
    """A field's value: of several dataclasses that it may be, the one with the mapping's names."""
    if isinstance(value, Mapping):
        for each in get_args(hint) or (hint,):
            if is_dataclass(each) and {field.name for field in fields(each)} == value.keys():
                kind: Any = each
                return kind(**_fields(each, value))
        raise TypeError(f"{', '.join(value)} are the fields of nothing that a recipe has")
    return tuple(value) if isinstance(value, list) else value
