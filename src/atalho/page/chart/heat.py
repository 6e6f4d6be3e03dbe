"""Losses around the weights of networks → heat maps side by side."""

from collections.abc import Mapping

import altair as alt

from atalho.page.chart.axes import Layout
from atalho.page.chart.charts import Spec, styled

CONTRAST = 30.0
"""The colours end at so many times the least loss: far from the weights it is as large as one likes, and says nothing."""

_GAP = 46
_LARGEST = 260


def heat(grids: Mapping[str, Mapping[tuple[float, float], float]], layout: Layout) -> Spec:
    """A map for each network, loss by (α, β), in one logarithmic scale of colours where all losses are above zero."""
    columns = min(len(grids), layout.columns)
    side = min(_LARGEST, (layout.width - _GAP * (columns - 1)) // columns)
    # Cells of whole pixels leave no seams.
    side -= side % max(len({a for a, _ in grid}) for grid in grids.values())
    low, high = colours(grids)
    scale = alt.Scale(
        type="log" if low > 0 else "linear",
        domain=[low, high],
        clamp=True,
        scheme="viridis",
        reverse=True,
    )
    charts = []
    for index, (network, grid) in enumerate(grids.items()):
        values = [
            {"a": round(a, 4), "b": round(b, 4), "loss": float(f"{loss:.3g}")}
            for (a, b), loss in grid.items()
        ]
        chart = alt.Chart(alt.InlineData(values=values), name=f"map{index}", title=network)
        charts.append(
            chart.mark_rect()
            .encode(
                x=_axis("a", "α", [a for a, _ in grid]),
                y=_axis("b", "β", [b for _, b in grid]),
                color=alt.Color(
                    "loss:Q",
                    scale=scale,
                    legend=alt.Legend(title="Loss (nats)", orient="bottom", gradientLength=side),
                ),
                tooltip=[
                    alt.Tooltip("loss:Q", title="Loss (nats)"),
                    alt.Tooltip("a:Q", title="α"),
                    alt.Tooltip("b:Q", title="β"),
                ],
            )
            .properties(width=side, height=side)
        )
    return styled(alt.concat(*charts, columns=columns, spacing=24))


def colours(grids: Mapping[str, Mapping[tuple[float, float], float]]) -> tuple[float, float]:
    """The losses at the two ends of the scale of colours; larger ones have the darkest."""
    losses = [loss for grid in grids.values() for loss in grid.values()]
    least, greatest = min(losses), max(losses)
    return least, min(greatest, CONTRAST * least) if least > 0 else greatest


def _axis(field: str, title: str, values: list[float]) -> alt.X | alt.Y:
    """The places of a line of the map, with ticks at its ends and in the middle."""
    places = sorted({round(value, 4) for value in values})
    ticks = [places[0], places[len(places) // 2], places[-1]]
    axis = alt.Axis(values=ticks, grid=False, labelAngle=0, format=".2~f", titlePadding=10)
    channel = alt.X if field == "a" else alt.Y
    order = "ascending" if field == "a" else "descending"
    return channel(f"{field}:O", title=title, sort=order, axis=axis)
