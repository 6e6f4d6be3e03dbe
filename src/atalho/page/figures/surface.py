"""The loss around the trained weights (Li et al. 2018)."""

from collections.abc import Mapping
from math import isfinite

from atalho.page.chart.families import Style
from atalho.page.chart.heat import Grid, HeatMaps
from atalho.page.diagnosis import Diagnosis, when
from atalho.page.figures.diagnosed import latest, measured
from atalho.page.figures.figure import Figure, Words
from atalho.page.words.phrases import listed


def figure(diagnosis: Diagnosis, styles: Mapping[str, Style]) -> Figure | None:
    """Returns the figure of the losses, a map for each network; None where no loss is finite."""
    grids: dict[str, Grid] = {}
    ends: dict[str, str] = {}
    for network, moment in latest(diagnosis, styles, "surface_loss"):
        if grid := _grid(diagnosis, network, moment):
            grids[network] = grid
            ends[network] = when(moment)
    if not grids:
        return None
    maps = HeatMaps(grids)
    least, greatest = min(maps.losses), max(maps.losses)
    _, darkest = maps.ends
    words = Words(
        title="The loss around the weights",
        caption=(
            "Loss on training images with the weights moved along two random directions, in which each filter has the "
            f"norm of the network’s own filter (Li et al. 2018), {measured(ends)}; the trained weights are in the middle."
        ),
        notes=(
            f"All losses above {darkest:.3g} nats have the darkest colour."
            if darkest < greatest
            else "",
        ),
        alternative=f"Heat maps of {listed(grids)}: the loss from {least:.3g} to {greatest:.3g} nats.",
    )
    return Figure("loss-surface", words, maps)


def _grid(diagnosis: Diagnosis, network: str, moment: str) -> Grid:
    """The losses of the newest seed that are finite: far from the weights a loss may be too large for a number."""
    newest = diagnosis.of_quantity("surface_loss", network, moment)[-1]
    seed = newest.conditions.get("seed")
    return {
        (alpha, record.conditions["beta"]): loss
        for record in diagnosis.of_quantity("surface_loss", network, moment, seed=seed)
        for alpha, loss in zip(record.conditions["alphas"], record.samples, strict=False)
        if isfinite(loss)
    }
