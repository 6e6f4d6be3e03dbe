"""Charts as specifications and as files."""

from importlib import import_module
from pkgutil import iter_modules

import altair as alt
import pytest
from altair.utils.schemapi import validate_jsonschema

from atalho.page import chart
from atalho.page.chart import axes, multiples
from atalho.page.chart.axes import NARROW, WIDE, Axis
from atalho.page.chart.bars import Bar, BarChart
from atalho.page.chart.heat import HeatMaps
from atalho.page.chart.lines import Line, LineChart
from atalho.page.chart.matrix import Cell, Matrix
from atalho.page.chart.rendering import Chart, Rendering
from atalho.page.chart.scatter import Panel, Point, ScatterChart
from atalho.page.chart.stacked import Stack, StackedChart

X = Axis.over("Layers", [1, 9])
Y = Axis.from_zero("Error (%)", [10.0])


def line(network: str, moment: int | None = None) -> Line:
    return Line(network, "#102030", ((1, 2.0), (9, 3.0)), "all", "left", moment=moment)


CHARTS: dict[str, Chart] = {
    "bars": BarChart(
        (
            Bar("a", "#102030", 5, 4, 6, "5 %", details={"Images": "9"}),
            Bar("b", "#302010", 5, 5, 5, "5", hollow=True),
        ),
        Y,
    ),
    "heat": HeatMaps({"a": {(x, y): 1.0 + x + y for x in (0, 1, 2) for y in (0, 1, 2)}}),
    "lines": LineChart((line("a", moment=0), line("b", moment=1)), X, Y, marked=(WIDE,)),
    "multiples": LineChart(
        tuple(line(f"n{each}") for each in range(multiples.MOST_IN_A_PANEL + 1)), X, Y
    ),
    "matrix": Matrix(("cat", "dog"), [Cell(0, 0, 9, 0.9), Cell(0, 1, 1, 0.1)]),
    "points": ScatterChart(
        (Panel((Point("a", "#102030", 2, 3, (2, 4)), Point("b", "#302010", 4, 3, (3, 3)))),), X, Y
    ),
    "bubbles": ScatterChart(
        tuple(
            Panel((Point("a", "#102030", 2, 3, (2, 4), area=9),), ((1, 2), (9, 3)), title)
            for title in ("left", "right")
        ),
        X,
        Y,
        "Parameters (M)",
    ),
    "stacked": StackedChart((Stack("a", {"decode": 1.0, "network": 2.0}, "3 ms"),), X),
}


@pytest.mark.parametrize("layout", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("name", CHARTS)
def test_every_kind_of_chart_is_a_vega_lite_specification(name: str, layout: axes.Layout) -> None:
    rendering = Rendering(CHARTS[name], layout)
    validate_jsonschema(rendering.spec, alt.load_schema())
    assert "<svg" in rendering.svg


def test_no_kind_of_chart_is_missing_above() -> None:
    modules = [
        import_module(each.name) for each in iter_modules(chart.__path__, f"{chart.__name__}.")
    ]
    kinds = {each for module in modules for each in vars(module).values() if hasattr(each, "draw")}
    assert kinds - {Chart} == {type(each) for each in CHARTS.values()}


@pytest.mark.parametrize(("name", "named"), [("lines", "clip0"), ("heat", "gradient_0")])
def test_the_same_chart_is_the_same_file(name: str, named: str) -> None:
    first, again = (Rendering(CHARTS[name], NARROW).svg for _ in range(2))
    assert f"url(#{named})" in first
    assert first == again


def test_a_chart_takes_the_drawing_that_another_process_made() -> None:
    rendering = Rendering(CHARTS["bars"], NARROW)
    rendering.svg = "<svg/>"
    assert rendering.svg == "<svg/>"
