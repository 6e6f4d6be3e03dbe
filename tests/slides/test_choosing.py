"""Which records the page ranks together, and what it takes within a budget, are what Python ranks and takes; on random records."""

import random
from pathlib import Path
from typing import Any

import pytest

from atalho.choice.choosing import misses, pareto_front
from atalho.conditions import identified
from atalho.ranking import comparison
from atalho.record import Record
from atalho.selection import ranking_conditions
from atalho.slides.stations.comparison import rules
from javascript import ENGINE, values

pytestmark = pytest.mark.skipif(ENGINE is None, reason="neither node nor Chromium here")

TIMES = 1000
LIMITED = ("latency", "peak_memory", "top1")


@pytest.fixture
def draw() -> random.Random:
    return random.Random(0)


def _records(draw: random.Random) -> list[Record]:
    """Of a few networks on one machine, some at another batch, on another engine, or on a busy machine; some cited."""
    records = []
    chosen = {"chosen_from": "eager float32, openvino bf16"} if draw.random() < 0.5 else {}
    for name in draw.sample(
        ["resnet18", "vgg16", "alexnet", "googlenet", "resnet50"], draw.randint(1, 5)
    ):
        machine: dict[str, Any] = {
            "device": "a machine",
            "threads": draw.choice((2, 2, 2, 4)),
            "input": [3, 224, 224],
        }
        engine = {"engine": draw.choice(("eager", "openvino")), "dtype": "float32", **chosen}
        versions = {
            "versions": {
                "torch": "2.11.0",
                **({"openvino": "2025.0"} if engine["engine"] == "openvino" else {}),
            }
        }
        for batch in draw.sample((1, 4), draw.randint(1, 2)):
            busy = {"noisy": True} if draw.random() < 0.2 else {}
            for quantity, scale in (("latency", 0.01), ("peak_memory", 1e8)):
                if draw.random() < 0.9:
                    value = scale * draw.randint(1, 9)
                    records.append(
                        Record.of(
                            name,
                            quantity,
                            value,
                            "measured",
                            batch=batch,
                            **machine,
                            **engine,
                            **versions,
                            **busy,
                        )
                    )
        data = draw.choice(
            ({"data": "cifar10"}, {"data": "digits"}, {"data": "photos", "split": "val"})
        )
        kind = draw.choice(("measured", "measured", "cited"))
        seen = (
            {"reference": "somebody"}
            if kind == "cited"
            else {"seed": draw.randint(0, 2), "weights": f"sha256:{name}"}
        )
        records.append(Record.of(name, "top1", draw.randint(1, 9) / 10, kind, **data, **seen))  # type: ignore[arg-type]
    draw.shuffle(records)
    return records


def _as_json(record: Record) -> dict[str, Any]:
    import json

    return dict(json.loads(record.to_json()))


def test_what_must_agree_is_what_python_compares(draw: random.Random, tmp_path: Path) -> None:
    records = [each for _ in range(TIMES // 5) for each in _records(draw)]
    keys = values(
        "choosing",
        [("mustAgree", [_as_json(each)["conditions"], rules()]) for each in records],
        tmp_path,
    )
    own: dict[str, str] = {}
    for record, key in zip(records, keys, strict=True):
        known = str(sorted(identified(ranking_conditions(record)).items()))
        assert own.setdefault(key, known) == known
    assert len(set(own.values())) == len(own) > 5


def test_the_same_rows_are_ranked(draw: random.Random, tmp_path: Path) -> None:
    cases = [_records(draw) for _ in range(TIMES)]
    calls = [("ranked", [[_as_json(each) for each in case], rules()]) for case in cases]
    for case, shown in zip(cases, values("choosing", calls, tmp_path), strict=True):
        rows = {row.network: row for row in comparison(case).rows}
        own = {
            name: {q: row.readings[q].value for q in LIMITED if q in row.readings}
            for name, row in rows.items()
            if row.readings
        }
        for name, row in rows.items():
            cited = {record.quantity: record.value for record in row.cited}
            if name in own and "top1" in cited:
                own[name].setdefault("top1", cited["top1"])
        found = {row["network"]: {q: row[q] for q in LIMITED if q in row} for row in shown["rows"]}
        assert found == own


def test_the_budget_and_the_front(draw: random.Random, tmp_path: Path) -> None:
    cases = []
    while len(cases) < TIMES:
        rows = comparison([each for each in _records(draw) if each.provenance == "measured"]).rows
        if rows:
            asked = {
                "latency": 0.01 * draw.randint(1, 9),
                "peak_memory": 1e8 * draw.randint(1, 9),
                "top1": draw.randint(1, 9) / 10,
            }
            cases.append((rows, dict(draw.sample(sorted(asked.items()), draw.randint(0, 3)))))
    # Records at a larger batch alone are ranked too, and no limit for one image holds for them: the page leaves these out.
    flat = [
        [
            {
                "network": row.network,
                **{
                    q: row.readings[q].value
                    for q in LIMITED
                    if q in row.readings and row.readings[q].condition("batch") in (None, 1)
                },
            }
            for row in rows
        ]
        for rows, _ in cases
    ]
    within = values(
        "choosing",
        [("within", [each, limits]) for each, (_, limits) in zip(flat, cases, strict=True)],
        tmp_path,
    )
    for (rows, limits), shown in zip(cases, within, strict=True):
        own = [row.network for row in rows if "top1" in row.readings and not misses(row, limits)]
        assert {each["network"] for each in shown} == set(own)
    front = values("choosing", [("front", [each, ["top1", "latency"]]) for each in flat], tmp_path)
    for (rows, _), shown in zip(cases, front, strict=True):
        timed = [
            row
            for row in rows
            if "latency" in row.readings and row.readings["latency"].condition("batch") == 1
        ]
        assert {each["network"] for each in shown} == {
            row.network for row in pareto_front(timed, ("top1", "latency"))
        }


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "null",
        "1",
        '{"subject": 1}',
        '{"subject": "a", "quantity": "top1", "value": "1", "conditions": {}}',
        '{"subject": "a", "quantity": "top1", "value": 1e999, "conditions": {}}',
        '{"subject": "a", "quantity": "top1", "value": 1, "conditions": null}',
        "<script>",
    ],
)
def test_a_line_that_is_no_record_is_none(line: str, tmp_path: Path) -> None:
    assert values("choosing", [("parsed", [line])], tmp_path) == [None]
