"""Networks → one picture: a column for each, rows from top to bottom, columns aligned by the size of their maps."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import groupby
from typing import NamedTuple

from atalho.errors import AtalhoError, Exit
from atalho.explain.draw.marks import (
    CORNER,
    LEAD,
    Group,
    Note,
    Panel,
    Picture,
    Placed,
    Wire,
    text_width,
)
from atalho.explain.draw.picture import Part, picture, summary
from atalho.explain.shapes import times
from atalho.explain.table import quantity
from atalho.grammar.cost import Cost, Line, lines, totals
from atalho.grammar.network import Network
from atalho.grammar.shape import Shape

HEADER = 52.0  # name, cost and input shape above a column
FOOTER = 14.0  # output shape below it
MAPS = 62.0  # the sizes of maps, left of all columns
COLUMN_GAP = 24.0
BAND_GAP = 10.0
FOLD = 6.0  # from a folded row to the edge of its panel
HEAD_GAP = 30.0  # from the main path to its auxiliary heads
ROW_SIZE = 9.5  # of the font of row names
ROW_LINE = 11.0


class Run(NamedTuple):
    """Consecutive equal rows, drawn once.

    Attributes:
        rows: the names of the rows.
        title: the hover text.
        maps: height and width of its output, by which columns are aligned: (1, 1) once flat, () for a row drawn alone.
        head: whether it is an auxiliary head, which is drawn beside the main path.
    """

    rows: tuple[str, ...]
    title: str
    picture: Picture
    maps: Shape
    head: bool


@dataclass(frozen=True)
class Column:
    """One network, or one row of it, as a column of the drawing.

    Attributes:
        cost: of the network or of the row alone.
    """

    network: Network
    cost: Cost
    input: Shape
    output: Shape
    runs: tuple[Run, ...]

    @property
    def _names(self) -> float:
        return 8 + max(text_width(name, ROW_SIZE) for run in self.runs for name in run.rows)

    @property
    def _header(self) -> float:
        name, caption = text_width(self.network.name, 15), text_width(cost_text(self.cost), 10)
        return max(name, caption) / 2

    @property
    def gutter(self) -> float:
        """The distance from the axis to the names of the rows."""
        return max(run.picture.left for run in self.runs if not run.head)

    @property
    def left(self) -> float:
        return max(self.gutter + self._names, self._header)

    @property
    def lane(self) -> float:
        """The distance from the axis to that of the auxiliary heads."""
        main = max(run.picture.right for run in self.runs if not run.head)
        return main + HEAD_GAP + max((run.picture.left for run in self.runs if run.head), default=0)

    @property
    def right(self) -> float:
        return max(
            self._header,
            *(run.picture.right + (self.lane if run.head else 0) for run in self.runs),
        )


def whole(network: Network, *, expand: bool) -> Column:
    """Returns the column of all rows of a network; consecutive equal ones are one run, unless `expand`."""
    table = lines(network)
    groups = (
        [[line] for line in table]
        if expand
        else [list(equal) for _, equal in groupby(table, lambda line: (line.row.layer, line.input))]
    )
    runs = tuple(_run(equal) for equal in groups)
    return Column(network, totals(network), network.input, table[-1].output, runs)


def excerpt(network: Network, name: str) -> Column:
    """Returns the column of one row of a network.

    Raises:
        AtalhoError: ROW-UNKNOWN (exit 2), with the nearest names.
    """
    table = {line.row.name: line for line in lines(network)}
    if name not in table:
        near = ", ".join(get_close_matches(name, table, n=4, cutoff=0.4)) or "none is near"
        raise AtalhoError(
            "ROW-UNKNOWN",
            network.name,
            f"it has no row {name}; nearest: {near}",
            next_step=f"atalho show {network.name}",
            exit=Exit.USAGE,
        )
    line = table[name]
    return Column(network, line.cost, line.input, line.output, (_run([line], alone=True),))


def _run(equal: Sequence[Line], *, alone: bool = False) -> Run:
    line = equal[0]
    rows = tuple(line.row.name for line in equal)
    drawn = picture(Part(line.row.name, line.row.layer, line.input))
    if len(equal) > 1:
        drawn = _folded(drawn, len(equal))
    # After a head the main path goes on from the same maps.
    maps = () if alone else (line.input if line.auxiliary else line.output)[1:] or (1, 1)
    kind = f"each a {line.row.kind}" if len(rows) > 1 else line.row.kind
    title = summary(", ".join(rows), kind, line.row.layer, line.input)
    return Run(rows, title, drawn, maps, line.auxiliary and not alone)


def _folded(drawn: Picture, count: int) -> Picture:
    """A picture on a panel, with the number of rows that it stands for."""
    panel = Panel("fold", drawn.width + 2 * FOLD, drawn.height + 2 * FOLD - LEAD / 2, corner=5)
    label = Note("count", f"×{count}")
    edge = drawn.right + FOLD
    end = drawn.height + 2 * FOLD
    parts: tuple[Placed, ...] = (
        (-drawn.left - FOLD, LEAD / 2, panel),
        (0, 0, Wire(((0, 0), (0, FOLD)))),
        (0, FOLD, drawn),
        (0, end - FOLD, Wire(((0, 0), (0, FOLD)))),
        (edge + 5, (LEAD / 2 + end) / 2 + 5, label),
    )
    right = edge + 5 + text_width(label.text, 14)
    return Picture(drawn.left + FOLD, right, end, parts)


@dataclass
class _Track:
    """A column while it is drawn, from top to bottom.

    Attributes:
        axis: the x of its axis.
        y: the lower end of its wire so far.
        free: the y below which the lane of auxiliary heads is free.
        placed: the marks that have been drawn.
    """

    column: Column
    axis: float
    y: float = HEADER
    free: float = HEADER
    placed: list[Placed] = field(default_factory=list)

    def __post_init__(self) -> None:
        bands = groupby(self.column.runs, lambda run: run.maps)
        self.bands = deque((maps, tuple(runs)) for maps, runs in bands)

    def advance(self, y: float) -> None:
        """Extends the wire down to `y`."""
        if y > self.y:
            self.placed.append((self.axis, self.y, Wire(((0, 0), (0, y - self.y)))))
            self.y = y

    def draw_band(self, y: float) -> None:
        """Draws the next band from `y` down."""
        self.advance(y)
        _, runs = self.bands.popleft()
        for run in runs:
            if run.head:
                self._branch(run)
            else:
                self._continue(run)

    def _continue(self, run: Run) -> None:
        x, middle = -self.column.gutter - 8, (LEAD + run.picture.height) / 2
        names = [run.rows[0], f"– {run.rows[-1]}"][: len(run.rows)]
        first = middle + 3 - (len(names) - 1) * ROW_LINE / 2
        notes = [(x, first + ROW_LINE * i, Note("row", name)) for i, name in enumerate(names)]
        self._group(run, self.axis, self.y, (0, 0, run.picture), *notes)
        self.y += run.picture.height

    def _branch(self, run: Run) -> None:
        self.advance(max(self.y + LEAD / 2, self.free))
        lane = self.column.lane
        wire = Wire(((-lane, 0), (0, 0), (0, CORNER)))
        name = Note("row", run.rows[0])
        self._group(
            run,
            self.axis + lane,
            self.y,
            (0, 0, wire),
            (0, CORNER, run.picture),
            (-CORNER, -3, name),
        )
        self.free = self.y + CORNER + run.picture.height + LEAD
        self.advance(self.y + LEAD / 2)

    def _group(self, run: Run, x: float, y: float, *parts: Placed) -> None:
        self.placed.append((x, y, Group(parts, run.title, "rows", run.rows)))

    def finish(self) -> None:
        """Draws the arrow and the shape of the output."""
        output = times(self.column.output)
        self.placed.append((self.axis, self.y, Wire(((0, 0), (0, LEAD)), arrow=True)))
        self.placed.append((self.axis, self.y + LEAD + 10, Note("shape", output)))
        self.y = max(self.y + LEAD + FOOTER, self.free)


def figure(columns: Sequence[Column]) -> Picture:
    """Returns the columns side by side; rows whose maps are of one size begin at one height (He 2015, Fig. 3)."""
    tracks = []
    x = MAPS if columns[0].runs[0].maps else 0.0
    for column in columns:
        tracks.append(_Track(column, x + column.left))
        x += column.left + column.right + COLUMN_GAP
    width = x - COLUMN_GAP
    rules: list[Placed] = []
    y = HEADER + BAND_GAP
    while waiting := [track for track in tracks if track.bands]:
        maps = max(track.bands[0][0] for track in waiting)
        if maps:
            rules.append((0, y, Wire(((0, 0), (width, 0)), kind="rule")))
            rules.append((0, y + 12, Note("map", times(maps))))
        band = [track for track in waiting if track.bands[0][0] == maps]
        for track in band:
            track.draw_band(y)
        y = max(track.y for track in band) + BAND_GAP
    for track in tracks:
        track.finish()
    placed = [part for track in tracks for part in (*_header(track), *track.placed)]
    height = max(track.y for track in tracks)
    return Picture(0, width, height, (*rules, *placed))


def _header(track: _Track) -> list[Placed]:
    column = track.column
    network = column.network
    title = f"{network.source}"
    if network.changes:
        title += f"\n{network.name}: {network.changes}"
    return [
        (track.axis, 14, Note("name", network.name, title)),
        (track.axis, 28, Note("caption", cost_text(column.cost))),
        (track.axis, HEADER - 8, Note("shape", times(column.input))),
    ]


def cost_text(cost: Cost) -> str:
    """Returns `25.6 M parameters, 3.86 G MACs`."""
    return f"{quantity(cost.params)} parameters, {quantity(cost.macs)} MACs"
