"""Records that decided a claim, in words: whose they are, from which machine, schedule and seeds."""

from collections.abc import Iterable, Sequence

from atalho.claims.shipped import STUDY
from atalho.record import Record


def basis(records: Sequence[Record]) -> str:
    """By whose records a claim is decided, as in `atalho's records (cifar10-degradation): NVIDIA H200, bf16, …`; empty without any."""
    if not records:
        return ""
    stated = [each.conditions for each in records]
    studies = _values(each.get(STUDY) for each in stated)
    own = [f"atalho's records ({', '.join(studies)})"] if studies else []
    users = ["your records"] if any(STUDY not in each for each in stated) else []
    schedules = _values(
        f"{each['recipe']} over {each['steps']:,} steps"
        for each in stated
        if {"recipe", "steps"} <= each.keys()
    )
    seeds = _values(each.get("seed") for each in stated)
    batches = _values(each.get("batch") for each in stated)
    parts = [
        *_values(each.get("device") for each in stated),
        *_values(each.get("engine") for each in stated if not schedules),
        *_values(each.get("dtype") for each in stated),
        *schedules,
        f"seed{'s' * (len(seeds) > 1)} {', '.join(seeds)}" if seeds else "",
        f"batches of {', '.join(batches)}" if batches and not schedules else "",
        *_values(str(each.get("at", ""))[:10] for each in stated)[-1:],
    ]
    return f"{' and '.join(own + users)}: {', '.join(filter(None, parts))}"


def _values(values: Iterable[object]) -> list[str]:
    """The different values in order, the numbers among them by size; absent and empty ones are left out."""
    different = {value for value in values if value not in (None, "")}
    return [str(value) for value in sorted(different, key=lambda v: (isinstance(v, str), v))]
