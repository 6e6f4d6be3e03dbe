"""Axes hold their values, and their ticks are round."""

import pytest

from atalho.page.chart.axes import Axis


@pytest.mark.parametrize(
    ("values", "log"),
    [([1, 4], False), ([1, 100], True), ([0, 100], False), ([0.2, 90_000], True), ([7], False)],
)
def test_an_axis_is_logarithmic_where_values_spread(values: list[float], log: bool) -> None:
    axis = Axis.over("", values)
    assert axis.log is log
    assert axis.low < min(values) and max(values) < axis.high
    assert 2 <= len(axis.ticks) <= 12
    for tick in axis.ticks:
        assert 0 <= axis.share(tick) <= 1
        assert axis.at(axis.share(tick)) == pytest.approx(tick)


@pytest.mark.parametrize("values", [[3.0, 8.0], [0.0], [-1.0, 2.0], [-3.0]])
def test_an_axis_from_zero_holds_zero_and_all_values(values: list[float]) -> None:
    axis = Axis.from_zero("", values)
    assert axis.low <= min(0, *values) and max(0, *values) <= axis.high
    assert axis.low < axis.high and axis.ticks
