"""Every condition is declared, and all that is asked of conditions follows from whose they are."""

import json
from pathlib import Path

import pytest

from atalho import conditions, record
from atalho.conditions import CONDITIONS, DIAGNOSED, Owner
from atalho.engines import Backend
from atalho.record import DIAGNOSES, Record
from example_records import analysed, example

RESULTS = sorted((Path(__file__).parents[1] / "results").rglob("records.jsonl"))


@pytest.mark.parametrize("file", RESULTS, ids=lambda path: path.parent.name)
def test_the_conditions_of_all_committed_records_are_declared(file: Path) -> None:
    for each in record.read(file):
        conditions.check(each.conditions)


def test_a_condition_that_is_not_declared_or_of_another_type_is_no_record() -> None:
    for odd in ({"colour": "red"}, {"threads": "two"}, {"threads": True}, {"noisy": 1}):
        with pytest.raises(ValueError, match=rf"condition {next(iter(odd))} is"):
            Record.of("resnet20", "latency", 0.1, "measured", **odd)
    Record.of("resnet20", "latency", 0.1, "measured", threads=2, noisy=True, p90=1)


def test_what_somebody_elses_record_states_beside_is_read(tmp_path: Path) -> None:
    line = json.loads(example()[0].to_json())
    line["conditions"]["colour"] = "red"
    (tmp_path / "records.jsonl").write_text(json.dumps(line) + "\n")
    (found,) = record.read(tmp_path / "records.jsonl")
    assert found.conditions["colour"] == "red"


def test_every_condition_of_a_diagnosis_is_declared() -> None:
    assert {*DIAGNOSED} <= {*DIAGNOSES}
    assert {name for names in DIAGNOSED.values() for name in names} <= {*CONDITIONS}


def test_every_owner_has_conditions_and_every_label_is_of_one() -> None:
    assert {each.owner for each in CONDITIONS.values()} == {*Owner}
    labels = [conditions.label(name) for name in CONDITIONS]
    assert len({*labels}) == len(labels)
    assert (conditions.label("dtype"), conditions.label("versions.torch")) == ("precision", "torch")


def test_a_name_decides_nothing_where_the_content_is_known() -> None:
    one = {"data": "photos", "data_checksum": "sha256:1"}
    renamed = {"data": "pets", "data_checksum": "sha256:1"}
    other = {"data": "photos", "data_checksum": "sha256:2"}
    unknown = {"data": "photos"}
    assert conditions.differing(one, renamed) == []
    assert conditions.differing(one, other) == ["data_checksum"]
    assert conditions.differing(one, unknown) == ["data_checksum"]
    assert conditions.differing(unknown, {"data": "pets"}) == ["data"]
    assert conditions.states(renamed, one)
    assert not conditions.states(other, one)
    assert not conditions.states(unknown, one)
    assert conditions.states(unknown, {"data": "photos"})


def test_what_is_expected_is_stated_but_for_the_result() -> None:
    measured = analysed(["alexnet"])[-1].conditions
    assert conditions.states(measured, {**measured, "at": "another day", "noise": "none"})
    assert not conditions.states(measured, {**measured, "threads": 64})
    assert not conditions.states(measured, {**measured, "memory_format": "contiguous"})
    versions = measured["versions"]
    assert conditions.states(measured, {"versions": {"torch": versions["torch"]}})
    assert not conditions.states(measured, {"versions": {**versions, "onnxruntime": "1.99"}})


def test_an_engine_has_one_label() -> None:
    given = {"engine": "openvino", "dtype": "bf16"}
    assert conditions.engine_label(given) == str(Backend("openvino", "bf16")) == "openvino bf16"
    assert conditions.chosen_engine(given) == ""
    assert conditions.chosen_engine({**given, "chosen_from": "eager float32"}) == "openvino bf16"
    assert conditions.engine_label({"engine": "a\nb", "dtype": "int8"}) == "a\\nb int8"
