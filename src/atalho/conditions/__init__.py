"""Every condition that a record can have, declared once: its type, its owner and its meaning.

Which records may be ranked together, what is measured already, in what two machines differ and what a page lists follow
from the owner of a condition:

* records are ranked together where all conditions agree except those of the network, its training, its seed and the result;
* a measurement is not repeated where a record states all the conditions that it would have, except those of the result;
* machines differ in the machine's conditions, and are shown side by side where all others agree.

Data, weights and trainings are identified by checksums of their content; a name beside a checksum is never compared.
"""

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from atalho.conditions.declared import CONDITIONS, NUMBER, Condition, Owner
from atalho.errors import printable

__all__ = ["CONDITIONS", "NUMBER", "Condition", "Owner"]

USUAL = {each.name: each.usual for each in CONDITIONS.values() if each.usual}
"""The values of conditions in records that do not state them."""

OF_EVERY_ENGINE = frozenset({"python", "atalho", "torch", "torchvision"})
"""The packages among `versions` that are present with every engine; the others belong to one engine."""

DIAGNOSED: Mapping[str, tuple[str, ...]] = {
    "gradient_norm": ("row", "index"),
    "gradient_ratio": ("first", "last", "raw"),
    "gradient_slope": ("first", "last"),
    "shortcut_share": ("row", "index"),
    "shortcut_cosine": ("row", "index"),
    "branch_share": ("row", "index", "branch"),
    "gradient_correlation": ("distance",),
    "response_std": ("kernels",),
    "path_gradient": ("length", "paths"),
    "path_total": ("length", "paths"),
    "lesion_top1": ("lesion", "rows", "count"),
    "surface_loss": ("beta", "alphas"),
}
"""The conditions without which a record of a diagnosis cannot be drawn, by quantity."""


def digest(document: Any) -> str:
    """The SHA-256 of a JSON document; the order of its keys does not matter."""
    return sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def check(conditions: Mapping[str, Any]) -> None:
    """Checks that conditions are declared, and of the declared types.

    Raises:
        ValueError: names the first that is not.
    """
    for name in conditions:
        if name not in CONDITIONS:
            raise ValueError(f"condition {name} is not declared in conditions/declared.py")
    check_types(conditions)


def check_types(conditions: Mapping[str, Any]) -> None:
    """Checks that the declared ones among conditions are of their types.

    Raises:
        ValueError: names the first that is not.
    """
    for name, value in conditions.items():
        if name in CONDITIONS and not CONDITIONS[name].takes(value):
            raise ValueError(f"condition {name} is {value!r}, and no {CONDITIONS[name].kind}")


def flat(conditions: Mapping[str, Any]) -> dict[str, Any]:
    """Conditions with nested ones under flat names: `versions.torch`."""
    flattened: dict[str, Any] = {}
    for name, value in conditions.items():
        if isinstance(value, Mapping):
            flattened |= {f"{name}.{key}": each for key, each in value.items()}
        else:
            flattened[name] = value
    return flattened


def owned(conditions: Mapping[str, Any], *owners: Owner) -> dict[str, Any]:
    """The conditions of some owners, flat; names that are not declared have no owner."""
    return {name: value for name, value in flat(conditions).items() if owner(name) in owners}


def without(conditions: Mapping[str, Any], *owners: Owner) -> dict[str, Any]:
    """The conditions of all but some owners, flat; names that are not declared stay."""
    return {name: value for name, value in flat(conditions).items() if owner(name) not in owners}


def owner(name: str) -> Owner | None:
    """The owner of a condition, by its flat name; None for one that is not declared."""
    condition = _condition(name)
    return condition.owner if condition else None


def but_of_costs(flat_conditions: Mapping[str, Any]) -> dict[str, Any]:
    """The conditions without those that bear on costs alone."""
    names = [each.name for each in CONDITIONS.values() if each.of_costs]
    return {name: value for name, value in flat_conditions.items() if name not in names}


def own(name: str, stated: Mapping[str, Any]) -> bool:
    """Whether a condition, by its flat name, belongs to the network in a record that states these conditions.

    The engine with the versions of its packages does where the fastest of several was chosen for each network, and the input
    size where the network was trained for it.
    """
    whole, _, package = name.partition(".")
    if package:
        return whole == "versions" and package not in OF_EVERY_ENGINE and "chosen_from" in stated
    return name in CONDITIONS and CONDITIONS[name].own_with in stated


def engine_label(conditions: Mapping[str, Any]) -> str:
    """The name of an engine with its precision, for people: `openvino bf16`."""
    return printable(f"{conditions.get('engine')} {conditions.get('dtype')}")


def chosen_engine(conditions: Mapping[str, Any]) -> str:
    """The label of the engine where it was chosen for each network; empty where all networks run on the same."""
    return engine_label(conditions) if "chosen_from" in conditions else ""


def label(name: str) -> str:
    """The words for a condition's flat name, for people."""
    condition = _condition(name)
    return (condition and condition.label) or name.removeprefix("versions.").replace("_", " ")


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The flat names of the conditions in which two records differ, those of `other` first.

    A name is not compared where both state the checksum of what it names.
    """
    first, second = flat(one), flat(other)
    return [
        name
        for name in dict.fromkeys([*second, *first])
        if first.get(name) != second.get(name)
        and not (_content(name) in first and _content(name) in second)
    ]


def states(conditions: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    """Whether conditions state all the expected ones, except those of the result, and names whose checksum is expected.

    Conditions with a usual value have it on either side that does not state them.
    """
    stated, required = {**USUAL, **flat(conditions)}, {**USUAL, **without(expected, Owner.RESULT)}
    return all(
        name in stated and stated[name] == value
        for name, value in required.items()
        if _content(name) not in required
    )


def identified(conditions: Mapping[str, Any]) -> dict[str, Any]:
    """Conditions, flat, without the names of things whose checksum they state."""
    stated = flat(conditions)
    return {name: value for name, value in stated.items() if _content(name) not in stated}


def common(several: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The conditions, flat, that all of `several` state with equal values; empty where `several` is empty."""
    first, *others = [*map(flat, several)] or [{}]
    return {n: v for n, v in first.items() if all(n in each and each[n] == v for each in others)}


def _condition(name: str) -> Condition | None:
    return CONDITIONS.get(name.partition(".")[0])


def _content(name: str) -> str | None:
    """The condition with the checksum of what this one names; None where there is none."""
    condition = _condition(name)
    return (condition and condition.content) or None
