"""How much each layer responds (He et al. 2015, Fig. 7)."""

from collections.abc import Mapping

from atalho.page.chart.families import Style
from atalho.page.chart.lines import Line
from atalho.page.diagnosis import Diagnosis, elementwise
from atalho.page.figures.diagnosed import line_figure, moments, points
from atalho.page.figures.figure import Figure, Words

KERNEL = [3, 3]
"""The kernel of the convolutions whose responses He et al. 2015 show."""

_WORDS = Words(
    title="How much each layer responds",
    x_axis="3×3 convolution",
    y_axis="Standard deviation",
    caption=(
        "Standard deviation of each 3×3 convolution’s response, after the BatchNorm that follows it where one does and "
        "before the ReLU (He et al. 2015, Fig. 7): by layer, and the largest first."
    ),
)


def figure(diagnosis: Diagnosis, styles: Mapping[str, Style]) -> Figure | None:
    """Returns the figure of the responses, in the order of the layers and sorted."""
    lines = []
    for network, moment, position in moments(diagnosis, styles, "response_std"):
        records = diagnosis.of_quantity("response_std", network, moment)
        kernels = records[-1].conditions["kernels"]
        deviations = [
            deviation
            for kernel, deviation in zip(kernels, elementwise(records), strict=False)
            if kernel == KERNEL
        ]
        panels = {"In order": deviations, "Sorted": sorted(deviations, reverse=True)}
        for panel, values in panels.items():
            line = Line(
                network=network,
                colour=styles[network].light,
                points=points(enumerate(values, start=1)),
                part="standard deviation",
                panel=panel,
                moment=position,
            )
            lines.append(line)
    return line_figure("responses", _WORDS, diagnosis, lines)
