"""Charts as files."""

from atalho.page.chart.axes import NARROW
from atalho.page.chart.rendering import svg
from atalho.page.contents import Contents
from example_records import example


def test_the_same_chart_is_the_same_file() -> None:
    (curve,) = [f for f in Contents.of(example(["plain20"]), {}).figures if "loss" in f.name]
    first, again = (svg(curve.chart.draw(NARROW)) for _ in range(2))
    assert "clip" in first
    assert first == again
