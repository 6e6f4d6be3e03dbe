"""What a diagnosis says on why depth works, from made-up records; the numbers are nobody's measurement."""

import re
from dataclasses import replace

import pytest

from atalho.page.contents import Contents
from atalho.page.diagnosis import Diagnosis
from atalho.page.words.depth import conditions, sentences, table
from atalho.record import Record
from example_diagnosis import at_start, diagnosed, example_diagnosis


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return example_diagnosis()


def said(records: list[Record]) -> str:
    contents = Contents.of(records, {})
    assert contents.diagnosis is not None
    return " ".join(sentences(contents.diagnosis, contents.styles)).replace("\u00a0", " ")


def without(records: list[Record], *quantities: str) -> list[Record]:
    return [r for r in records if r.quantity not in quantities]


def test_the_sentences_say_the_numbers_of_the_records(records: list[Record]) -> None:
    found = said(records)
    assert (
        "At initialisation the norm of the gradient at the first row of plain56 (conv1) is 1.3 × 10⁴ times that "
        "at its last map (conv2_2); in resnet56, 34.1 times." in found
    )
    assert "In plain56 and resnet56 it grows more than tenfold" in found
    assert "After 10 steps the ratio is 2.00 in plain56 and 2.00 in resnet56." in found
    assert "correlate by 0.01 in plain56 and 0.20 in resnet56 at initialisation" in found
    assert (
        "With depth the correlation falls from 0.08 in plain20 to 0.01 in plain56 and "
        "falls from 0.56 in resnet20 to 0.20 in resnet56." in found
    )
    assert "the shortcut carries 60 % (median of 2 blocks; 50 to 70 % in single blocks)" in found


def test_the_sentences_change_with_the_numbers(records: list[Record]) -> None:
    healthy = said(at_start(records, "plain56", "gradient_ratio", raw=3.0))
    assert "(conv1) is 3.00 times" in healthy
    assert "In resnet56 it grows more than tenfold" in healthy
    assert "In plain56 it keeps its size within a factor of ten" in healthy
    assert "vanishes" not in healthy

    higher = [
        replace(r, value=0.9)
        if (r.subject, r.quantity) == ("plain56", "gradient_correlation")
        and r.conditions["distance"] == 0.1
        else r
        for r in records
    ]
    assert "rises from 0.08 in plain20 to 0.90 in plain56" in said(higher)


def test_nothing_vanishes_unless_the_numbers_say_so(records: list[Record]) -> None:
    assert re.findall(r"(\S+ \S+) vanish", said(records)) == ["does not"]
    small = said(at_start(records, "plain56", "gradient_ratio", raw=0.01))
    assert "In plain56 less than a tenth of it is left at the input: there it vanishes." in small


def test_what_happens_between_the_first_moment_and_the_last_is_said(records: list[Record]) -> None:
    assert "In between" not in said([*records, *diagnosed("plain56", "1")])
    way = [
        replace(r, conditions={**r.conditions, "raw": raw}) if r.quantity == "gradient_ratio" else r
        for network, moment, raw in (
            ("plain56", "1", 0.02),
            ("plain56", "2", 0.003),
            ("resnet56", "1", 0.2),
            ("plain20", "1", 0.001),
        )
        for r in diagnosed(network, moment)
    ]
    assert "resnet56. In between it falls to 0.00300 in plain56 (after 2 steps)." in said(
        [*records, *way]
    )
    higher = at_start([*records, *way], "plain56", "gradient_ratio", raw=0.004)
    assert "In between" not in said(higher)  # it begins so


def test_the_correlation_is_told_where_the_networks_differ_most(records: list[Record]) -> None:
    assert "input 0.1 apart" in said(records)
    shattered = [
        replace(r, value=-0.001)
        if r.quantity == "gradient_correlation"
        and (r.conditions["distance"] == 0.1 or r.subject.startswith("plain"))
        else r
        for r in records
    ]
    found = said(shattered)
    assert (
        "input 0.5 apart (root mean square over its values), the distance at which the networks differ most"
        in found
    )
    assert "correlate by 0.00 in plain56 and 0.10 in resnet56" in found
    assert "the correlation is 0.00 in both plain20 and plain56 and falls from 0.30" in found
    assert "\u22120.00" not in found


def test_what_was_not_measured_is_not_said(records: list[Record]) -> None:
    assert "correlate" not in said(without(records, "gradient_correlation"))
    assert "shortcut" not in said(without(records, "shortcut_share"))
    assert "times" not in said(without(records, "gradient_ratio"))
    later = [r for r in records if r.conditions["moment"] == "10"]
    assert "initialisation" not in said(later)
    assert "After 10 steps the norm of the gradient" in said(later)
    assert "resnet" not in said([r for r in records if r.subject == "plain56"])


def test_seeds_make_a_median_and_their_number_is_said(records: list[Record]) -> None:
    seeds = [*records]
    for seed, raw in ((1, 100.0), (2, 50.0)):
        again = [replace(r, conditions={**r.conditions, "seed": seed}) for r in records]
        seeds += at_start(again, "plain56", "gradient_ratio", raw=raw)
    assert "(conv1) is 100 times" in said(seeds)
    found = Diagnosis.of(seeds)
    one = Diagnosis.of(records)
    assert found and one
    assert "seeds 0, 1 and 2." in conditions(found)
    assert "seed 0 alone, so what another seed would change is not known." in conditions(one)
    drawn = Contents.of(seeds, {}).depth
    assert all("Median of 3 seeds" in figure.words.below for figure in drawn)


def test_the_newest_record_of_a_place_counts(records: list[Record]) -> None:
    again = at_start([*diagnosed("plain56")], "plain56", "gradient_ratio", raw=77.0)
    assert "(conv1) is 77.0 times" in said([*records, *again])


def test_networks_on_other_data_are_not_shown_with_these(records: list[Record]) -> None:
    elsewhere = [*diagnosed("plain56", data="noise")]
    found = Diagnosis.of([*records, *elsewhere])
    assert found is not None
    assert "noise" not in {r.conditions["data"] for r in found.records}
    assert "not shown with these: plain56 on noise." in conditions(found)


def test_the_table_has_what_was_measured(records: list[Record]) -> None:
    contents = Contents.of(records, {})
    assert contents.diagnosis
    cells = {(network, at): row for network, at, row in table(contents.diagnosis, contents.styles)}
    assert cells["plain20", "at initialisation"] == ["23.2", "−0.500", "", "0.080"]
    assert cells["resnet20", "after 10 steps"] == ["2.00", "−0.500", "50\u00a0%", "0.560"]
    assert len(cells) == 8
