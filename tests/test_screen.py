import pytest

from atalho.screen import Format, quantity, show


@pytest.mark.parametrize(
    ("count", "unit", "text"),
    [
        (0, "", "0"),
        (999, "", "999"),
        (512, "B", "512 B"),
        (1000, "", "1.00 k"),
        (269_722, "", "270 k"),
        (999_499, "", "999 k"),
        (999_500, "", "1.00 M"),
        (25_557_032, "", "25.6 M"),
        (9_633_792, "B", "9.63 MB"),
        (3_857_973_248, "", "3.86 G"),
        (41_200_000_000_000, "", "41.2 T"),
    ],
)
def test_large_counts_have_three_digits_and_a_prefix(count: int, unit: str, text: str) -> None:
    assert quantity(count, unit) == text


@pytest.mark.parametrize(
    ("format", "line"),
    [
        (Format.TABLE, "a      1.23 MB   1,234,567"),
        (Format.CSV, "a,1234567,1234567"),
        (Format.MARKDOWN, "| a | 1,234,567 | 1,234,567 |"),
    ],
)
def test_only_a_table_rounds(capsys: pytest.CaptureFixture[str], format: Format, line: str) -> None:
    rows = [
        {"name": "a", "size": 1_234_567, "count": 1_234_567},
        {"name": "b", "size": None, "count": 1},
    ]
    show(rows, format, scaled={"size": "B"})
    assert line in [each.strip() for each in capsys.readouterr().out.splitlines()]
