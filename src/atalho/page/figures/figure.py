"""A figure of the page: its words, and how it is drawn at a given size."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from atalho.page.chart import charts
from atalho.page.chart.axes import NARROW, WIDE, Layout
from atalho.page.chart.charts import Spec


class Rendering(NamedTuple):
    """A chart as what draws it, and drawn."""

    spec: Spec
    svg: str

    @classmethod
    def of(cls, spec: Spec) -> "Rendering":
        return cls(spec, charts.svg(spec))


@dataclass(frozen=True)
class Figure:
    """A chart with its words.

    Attributes:
        name: of its files.
        description: what a reader who cannot see it needs to know of its form; the numbers are in the table.
        draw: the chart at a size.
        part: the heading that it stands under.
        follows: whether it follows the page's slider over training.
    """

    name: str
    title: str
    caption: str
    description: str
    draw: Callable[[Layout], Spec]
    part: str = ""
    follows: bool = False

    @cached_property
    def wide(self) -> Rendering:
        return Rendering.of(self.draw(WIDE))

    @cached_property
    def narrow(self) -> Rendering:
        """For screens too small for the wide one."""
        return Rendering.of(self.draw(NARROW))
