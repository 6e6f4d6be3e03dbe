"""The gradient by the number of residual branches that it passes (Veit et al. 2016)."""

from collections.abc import Mapping

from atalho.page.chart.families import Style
from atalho.page.chart.lines import Line
from atalho.page.diagnosis import Diagnosis
from atalho.page.figures.diagnosed import line_figure, moments, points
from atalho.page.figures.figure import Figure, Words

_WORDS = Words(
    title="The gradient by the length of its path",
    x_axis="Residual branches passed",
    y_axis="Norm at the input (nats)",
    caption=(
        "Norm of the gradient that reaches the input along paths through that many residual branches (Veit et al. 2016). "
        "Left: the median of single paths. Right: that median times the number of paths (whole lines), and the norm of "
        "the sum of all paths, which add up or cancel (dashed lines)."
    ),
)


_ONE, _ALL = "One path of the length", "All paths of the length"


def figure(diagnosis: Diagnosis, styles: Mapping[str, Style]) -> Figure | None:
    """Returns the figure of single paths beside all paths, by their length."""
    lines = []
    for network, moment, position in moments(diagnosis, styles, "path_gradient"):
        single = diagnosis.values("path_gradient", network, moment, "length")
        number = {
            record.conditions["length"]: record.conditions["paths"]
            for record in diagnosis.of_quantity("path_gradient", network, moment)
        }
        multiplied = {length: value * number[length] for length, value in single.items()}
        total = diagnosis.values("path_total", network, moment, "length")
        for panel, part, by_length in (
            (_ONE, "median of the paths sampled", single),
            (_ALL, "times the number of paths", multiplied),
            (_ALL, "norm of their sum", total),
        ):
            line = Line(
                network=network,
                colour=styles[network].light,
                points=points(pair for pair in sorted(by_length.items()) if pair[1] > 0),
                part=part,
                panel=panel,
                dashed=by_length is total,
                moment=position,
            )
            lines.append(line)
    return line_figure("path-lengths", _WORDS, diagnosis, lines)
