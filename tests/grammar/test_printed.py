import pytest

from atalho.grammar.printed import agrees


@pytest.mark.parametrize(
    ("printed", "found", "holds"),
    [
        (159, 159.5, True),  # cut off
        (160, 159.5, True),  # rounded
        (158, 159.5, False),
        (380, 379.0, False),
        (3.8, 3.858, True),
        (3.9, 3.858, True),
        (3.7, 3.858, False),
        (2.7, 2.648, False),
        (2.7, 2.712, True),
        (0.27, 0.269722, True),
        (60, 60.965, True),
        (61, 60.965, True),
    ],
)
def test_a_printed_number_agrees_when_rounding_or_cutting_gives_it(
    printed: float, found: float, holds: bool
) -> None:
    assert agrees(printed, found) == holds
