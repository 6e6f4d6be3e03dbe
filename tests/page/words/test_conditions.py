"""What is not ranked, and what is cited, in words."""

from atalho.page.words import conditions
from atalho.ranking import comparison
from atalho.record import Record
from example_records import example


def test_what_is_not_ranked_or_cited_is_said_with_its_reason(records: list[Record]) -> None:
    compared = comparison(records)
    found = " ".join([*conditions.not_ranked(compared), *conditions.cited(compared)]).replace(
        "\u00a0", " "
    )
    assert "plain32, latency 3.40 ms: threads 4 against 2." in found
    assert "resnet110, top-1 accuracy 98.5 %: A. <b>Somebody</b> 2020, Table 3." in found
    assert conditions.not_ranked(comparison(example())) == []
