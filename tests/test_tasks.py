"""Steps are carried out once, and again where what they left is not to be relied on."""

from collections.abc import Sequence
from pathlib import Path

from atalho import record
from atalho.record import Record
from atalho.tasks import FILE, Round, Step, carry_out


def test_what_was_measured_on_a_busy_machine_is_measured_again(tmp_path: Path) -> None:
    times = {"a": iter([{"noisy": True, "noise": "other work"}, {}]), "b": iter([{}])}

    def timed(parts: Sequence[Step]) -> list[Record]:
        return [
            Record.of(
                each.subject, "latency", 1.0, "measured", batch=1, **next(times[each.subject])
            )
            for each in parts
        ]

    parts = tuple(
        Step("latency at batch 1", name, ("latency",), lambda: {"batch": 1}, list) for name in times
    )
    steps, said = [Round("latency at batch 1", parts, timed)], list[str]()
    for _ in range(3):
        found = carry_out(steps, tmp_path / "records", said.append)
    assert said == ["[1/1] 2 networks: latency at batch 1", "[1/1] a: latency at batch 1"]
    assert [(each.subject, "noisy" in each.conditions) for each in found] == [
        *(("a", True), ("b", False), ("a", False)),
    ]
    assert record.read(tmp_path / "records" / FILE) == found
