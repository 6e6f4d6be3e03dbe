"""Numbers as the page writes them."""

import pytest

from atalho.page.words.numbers import NAMES, ratio, three, unit
from atalho.record import CURVES, UNITS


def test_every_quantity_has_a_name_and_a_unit() -> None:
    for quantity in UNITS:
        if quantity not in CURVES:
            assert NAMES[quantity]
            assert unit(quantity, [0.5]).text(0.5)


@pytest.mark.parametrize(
    ("quantity", "values", "value", "written"),
    [
        ("latency", [0.0021, 0.01], 0.00231, "2.31 ms"),
        ("latency", [2.0], 12.345, "12.3 s"),
        ("params", [272_474], 272_474, "272 thousand"),
        ("params", [25_557_032], 25_557_032, "25.6 million"),
        ("macs", [3_858_000_000], 3_858_000_000, "3.86 billion"),
        ("peak_memory", [34_400_000], 34_400_000, "34.4 MB"),
        ("top1", [0.9], 0.97777, "97.8 %"),
        ("throughput", [1234], 1234.5, "1,234 images/s"),
        ("train_time", [50, 600, 700], 600, "10.0 min"),
        ("energy", [0.004], 0.004, "4.00 mJ/image"),
    ],
)
def test_numbers_are_written_in_the_unit_that_suits_them(
    quantity: str, values: list[float], value: float, written: str
) -> None:
    assert unit(quantity, values).text(value).replace("\u00a0", " ") == written


def test_three_digits() -> None:
    assert [three(v) for v in (0, 0.000123456, 0.5, 9.876, 98.76, 987.6, 98765.4)] == [
        "0",
        "0.000123",
        "0.500",
        "9.88",
        "98.8",
        "988",
        "98,765",
    ]


def test_ratios_of_any_size_are_written() -> None:
    found = [ratio(value).replace("\u00a0", " ") for value in (0, 34.14, 9_999, 5.5e7, 2.1e-9)]
    assert found == ["0", "34.1", "9,999", "5.5 × 10⁷", "2.1 × 10⁻⁹"]
