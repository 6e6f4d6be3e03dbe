"""From file to label: what reading and decoding, framing and the network take of a single request."""

from atalho.page.chart.axes import Axis
from atalho.page.chart.stacked import Stack, StackedChart
from atalho.page.figures.figure import Figure, Words
from atalho.page.words.numbers import NAMES, unit
from atalho.page.words.phrases import counted
from atalho.ranking import Comparison, condition_text

PART = "From file to label"
PARTS = ("request_decoding", "request_framing", "request_network")
_ROOM = 0.3  # of the axis, for the words at the ends of the bars


def figure(comparison: Comparison) -> Figure | None:
    """Returns the figure of the parts; None where no network was asked about files."""
    rows = [
        row
        for row in comparison.rows
        if all(part in row.readings for part in (*PARTS, "request_p90"))
    ]
    if not rows:
        return None
    totals = [sum(row.readings[part].value for part in PARTS) for row in rows]
    scale = unit("request_latency", totals)
    stacks = [
        Stack(
            row.network,
            {NAMES[part]: row.readings[part].value / scale.factor for part in PARTS},
            f"9 of 10 within {scale.number(row.readings['request_p90'].value)}",
        )
        for row in rows
    ]
    stacks.sort(key=lambda stack: sum(stack.parts.values()))
    conditions = comparison.conditions["request_p90"]
    images = conditions.get("images")
    files = counted(images, "photo file") if isinstance(images, int) else "photo files"
    words = Words(
        title="From file to label",
        x_axis=scale.heading("Time of a single request"),
        caption=(
            f"Medians of the parts of single requests, one after another, about {files} of "
            f"{condition_text(conditions.get('data'))} as they are, in the system’s cache; the fastest network first."
        ),
        notes=("The network’s part has the normalisation of the pixels in it.",),
        alternative=f"Stacked bars of {len(stacks)} networks in three parts.",
    )
    ends = [sum(stack.parts.values()) for stack in stacks]
    x = Axis.from_zero(words.x_axis, ends, room=_ROOM)
    return Figure("file-to-label", words, StackedChart(tuple(stacks), x), PART)
