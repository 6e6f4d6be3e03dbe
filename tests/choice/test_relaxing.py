"""What relaxing a limit would buy, beside trying every value there is."""

import random
from collections import Counter

from atalho.choice.choosing import Limits, choose
from atalho.choice.pairs import differ_significantly
from atalho.choice.relaxing import Relaxation, relaxations
from atalho.ranking import Comparison, Reading, Row
from atalho.record import Record
from example_records import wilson

QUANTITIES = ("top1", "latency", "size", "energy")
IMAGES = 200


def small(generator: random.Random) -> Comparison:
    """A few networks with small numbers, some of them not measured, ties among them."""
    rows = []
    for index in range(generator.randint(1, 7)):
        readings = {}
        for quantity in QUANTITIES:
            if generator.random() < 0.1:
                continue
            right = generator.randint(5, 20) * 10
            value = right / IMAGES if quantity == "top1" else float(generator.randint(1, 6))
            given = {"interval": wilson(right, IMAGES)} if quantity == "top1" else {"batch": 1}
            found = Record.of(f"n{index}", quantity, value, "measured", **given)
            readings[quantity] = Reading((found,))
        rows.append(Row(f"n{index}", readings))
    rows.sort(key=lambda row: -(row.value("top1") or 0))
    return Comparison(tuple(rows), {})


def tried(comparison: Comparison, limits: Limits, quantity: str) -> Relaxation | None:
    """The least change of one limit that buys accuracy, among the values of all networks."""
    now = choose(comparison, limits)
    sign = -1 if quantity == "top1" else 1
    found = []
    for row in comparison.rows:
        value = row.value(quantity)
        if value is None or sign * value <= sign * limits[quantity]:
            continue
        then = choose(comparison, {**limits, quantity: value})
        if then is None:
            continue
        better = then.chosen.value("top1") or 0
        if now is None:
            found.append(Relaxation(quantity, limits[quantity], value, then.chosen, None))
        elif better > (now.chosen.value("top1") or 0) and differ_significantly(
            then.chosen, now.chosen
        ):
            gained = better - (now.chosen.value("top1") or 0)
            found.append(Relaxation(quantity, limits[quantity], value, then.chosen, gained))
    return min(found, key=lambda each: sign * each.needed, default=None)


def test_relaxations_are_what_trying_every_value_finds() -> None:
    generator = random.Random(0)
    seen: Counter[str] = Counter()
    for _ in range(400):
        comparison = small(generator)
        chosen = generator.sample(QUANTITIES, generator.randint(1, 3))
        limits = {
            q: generator.randint(5, 19) / 20 if q == "top1" else float(generator.randint(0, 6))
            for q in chosen
        }
        found = relaxations(comparison, limits)
        assert found == {quantity: tried(comparison, limits, quantity) for quantity in limits}
        for each in found.values():
            seen["none" if each is None else "first" if each.gained is None else "gain"] += 1
            if each:
                # It is enough, and a hair less is not.
                assert choose(comparison, {**limits, each.quantity: each.needed})
                hair = 1e-9 if each.quantity == "top1" else -1e-9
                short = choose(comparison, {**limits, each.quantity: each.needed + hair})
                assert short is None or short.chosen != each.chosen
    assert min(seen[kind] for kind in ("none", "first", "gain")) > 20, seen


def test_without_limits_there_is_nothing_to_relax() -> None:
    assert relaxations(small(random.Random(1)), {}) == {}
