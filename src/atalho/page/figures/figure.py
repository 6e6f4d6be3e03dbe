"""A figure of the page: its words, its chart, and where it stands."""

from dataclasses import dataclass
from functools import cached_property

from atalho.page.chart.axes import NARROW, WIDE
from atalho.page.chart.rendering import Chart, Rendering


@dataclass(frozen=True)
class Words:
    """The words of a figure.

    Attributes:
        title: a few words without a full stop.
        x_axis, y_axis: what the axes show, with their units; empty where the chart needs no words there.
        caption: what is drawn, as sentences.
        notes: further sentences: how to read the lines and marks, the results, and what is missing; empty ones are
            left out.
        alternative: what a reader who cannot see the chart needs to know of its form; the numbers are in the table.
    """

    title: str
    caption: str
    x_axis: str = ""
    y_axis: str = ""
    notes: tuple[str, ...] = ()
    alternative: str = ""

    @property
    def below(self) -> str:
        """All that stands below the chart after the title: the caption and the notes."""
        return " ".join(filter(None, (self.caption, *self.notes)))


@dataclass(frozen=True)
class Figure:
    """A chart with its words.

    Attributes:
        name: of its files and of its place in the page.
        part: the heading that it stands under.
        follows: whether it follows the page's slider over training.
    """

    name: str
    words: Words
    chart: Chart
    part: str = ""
    follows: bool = False

    @cached_property
    def wide(self) -> Rendering:
        """For screens wide enough, and for the files."""
        return Rendering(self.chart, WIDE)

    @cached_property
    def narrow(self) -> Rendering:
        """For small screens."""
        return Rendering(self.chart, NARROW)
