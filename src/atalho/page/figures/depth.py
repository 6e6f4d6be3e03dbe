"""A diagnosis → the figures of *Why depth works*: each is there where its quantity was measured."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle
from math import ceil, isfinite
from statistics import mean

from atalho.page.chart import charts
from atalho.page.chart.axes import WIDE, Axis
from atalho.page.chart.charts import Line
from atalho.page.chart.families import Style, of_family
from atalho.page.chart.heat import colours, heat
from atalho.page.curves import Curve, alike, final
from atalho.page.diagnosis import Diagnosis, elementwise, when
from atalho.page.figures.figure import Figure
from atalho.page.words.text import listed
from atalho.ranking import Comparison

BRANCHES = ("#cf7a14", "#3d93d4", "#2b9a69", "#9a74d6", "#d65f80", "#858f24")
"""The colours of an Inception module's branches, in their order; they stand out on white and on dark."""

HE = [3, 3]
"""The kernels whose responses He et al. 2015 show."""

Groups = dict[str, list[Line]]
Points = Mapping[float, float]


def figures(
    diagnosis: Diagnosis,
    comparison: Comparison,
    curves: Sequence[Curve],
    styles: Mapping[str, Style],
) -> list[Figure]:
    """Every figure that the records bear, gradients first."""
    shown = _Shown(diagnosis, styles)
    found = [
        shown.gradients(),
        shown.shares(),
        shown.cosines(),
        shown.branches(),
        shown.correlation(),
        shown.responses(),
        shown.paths(),
        shown.lesion(),
        shown.lesions(),
        shown.surface(),
        _degradation(comparison, curves, styles),
    ]
    return [figure for figure in found if figure]


def rows(diagnosis: Diagnosis, network: str, moment: str) -> dict[str, float]:
    """The gradient's norm by row, in the order of the table, as far as the last row that is still a map."""
    norms = diagnosis.values("gradient_norm", network, moment, "row")
    index = {
        record.conditions["row"]: record.conditions["index"]
        for record in diagnosis.of_quantity("gradient_norm", network, moment)
    }
    ends = diagnosis.of_quantity("gradient_ratio", network, moment)
    last = index.get(ends[-1].conditions["last"]) if ends else None
    ordered = sorted(norms, key=index.__getitem__)
    return {row: norms[row] for row in ordered if last is None or index[row] <= last}


class _Shown:
    """A diagnosis with its networks' styles."""

    def __init__(self, diagnosis: Diagnosis, styles: Mapping[str, Style]) -> None:
        self.diagnosis = diagnosis
        self.styles = styles
        self.networks = [name for name in styles if name in diagnosis.networks]

    def gradients(self) -> Figure | None:
        """D1: the norm by row."""
        groups = self._over_training(
            "gradient_norm",
            "gradient",
            # No logarithm holds a row that no gradient reaches.
            lambda network, moment: {
                row: norm for row, norm in rows(self.diagnosis, network, moment).items() if norm > 0
            },
        )
        return self._by_depth(
            groups,
            "gradient-norm",
            "The gradient by depth",
            "Row, from the input on",
            "Norm of the gradient (nats)",
            "Norm of the loss’s gradient at each row’s output, divided by the root of its elements, mean over images; "
            "from the first row to the last that is still a map.",
        )

    def shares(self) -> Figure | None:
        """D2: the shortcut's share by block."""
        groups = self._over_training(
            "shortcut_share",
            "share of the shortcut",
            lambda network, moment: {
                row: 100 * share
                for row, share in self.diagnosis.values(
                    "shortcut_share", network, moment, "row"
                ).items()
            },
        )
        return self._by_depth(
            groups,
            "shortcut-share",
            "The shortcut’s share of the gradient",
            "Residual block, from the input on",
            "Share through the shortcut (%)",
            "Of the gradient that reaches a block’s input, the norm of what came through the shortcut over the sum of "
            "that and the norm of what came through the weights. A plain network has no shortcut to draw.",
            Axis("Share through the shortcut (%)", 0, 100, log=False),
        )

    def cosines(self) -> Figure | None:
        """D2: whether a block's two parts of the gradient point the same way."""
        groups = self._over_training(
            "shortcut_cosine",
            "cosine",
            lambda network, moment: self.diagnosis.values(
                "shortcut_cosine", network, moment, "row"
            ),
        )
        return self._by_depth(
            groups,
            "shortcut-cosine",
            "Shortcut and weights together",
            "Residual block, from the input on",
            "Cosine",
            "Cosine of the angle between what the gradient brings through the shortcut and what it brings through the "
            "weights, mean over images: above 0 the two add up, below 0 they take from each other.",
            Axis("Cosine", -1, 1, log=False),
        )

    def branches(self) -> Figure | None:
        """D2 where branches are joined by channel: the share of each, a panel a network."""
        groups: Groups = {}
        for network, moment, place in self._moments("branch_share"):
            records = self.diagnosis.of_quantity("branch_share", network, moment)
            modules = tuple(dict.fromkeys(record.conditions["row"] for record in records))
            names = list(dict.fromkeys(record.conditions["branch"] for record in records))
            for branch, colour in zip(names, cycle(BRANCHES), strict=False):
                taken = self.diagnosis.values("branch_share", network, moment, "row", branch=branch)
                points = tuple(
                    (float(index), float(f"{100 * taken[row]:.4g}"))
                    for index, row in enumerate(modules, start=1)
                    if row in taken
                )
                line = Line(branch, colour, points, network, places=tuple(taken), moment=place)
                groups.setdefault(network, []).append(line)
        return self._by_depth(
            groups,
            "branch-share",
            "Each branch’s share of the gradient",
            "Module, from the input on",
            "Share through the branch (%)",
            "Of the gradient that reaches a module’s input, the norm of what came through each branch over the sum of "
            "these norms, mean over images.",
            Axis("Share through the branch (%)", 0, 100, log=False),
        )

    def correlation(self) -> Figure | None:
        """D3: what is left of the input's gradient at a distance."""
        groups: Groups = {}
        for network, moment, place in self._moments("gradient_correlation"):
            by_distance = self.diagnosis.values("gradient_correlation", network, moment, "distance")
            self._add(groups, network, "correlation", dict(sorted(by_distance.items())), place)
        distances = sorted({x for line in _lines(groups) for x, _ in line.points if x > 0})
        if not distances:
            return None
        return self._figure(
            groups,
            "gradient-correlation",
            "What is left of the gradient close by",
            Axis.over("Distance (root mean square)", distances, ticks=_apart(distances)),
            Axis.over("Correlation", [0, *(y for line in _lines(groups) for _, y in line.points)]),
            "Correlation of a logit’s gradient at an image with that at a point some way off in a random direction "
            "(Balduzzi et al. 2017): 1 where the gradient changes little, 0 where it is as good as noise. The distance "
            "is the root mean square over the input’s values, as the network takes them.",
        )

    def responses(self) -> Figure | None:
        """He et al. 2015, Fig. 7: by layer and sorted."""
        groups: Groups = {}
        for network, moment, place in self._moments("response_std"):
            records = self.diagnosis.of_quantity("response_std", network, moment)
            kernels = records[-1].conditions["kernels"]
            found = [
                value
                for kernel, value in zip(kernels, elementwise(records), strict=False)
                if kernel == HE
            ]
            for panel, values in (("In order", found), ("Sorted", sorted(found, reverse=True))):
                points = {float(layer): value for layer, value in enumerate(values, start=1)}
                self._add(groups, network, "standard deviation", points, place, panel)
        return self._by_depth(
            groups,
            "responses",
            "How much each layer responds",
            "3×3 convolution",
            "Standard deviation",
            "Standard deviation of each 3×3 convolution’s response, after the BatchNorm that follows it where one does "
            "and before the ReLU (He et al. 2015, Fig. 7): by layer, and the largest first.",
        )

    def paths(self) -> Figure | None:
        """D4: one path of a length, and all of them."""
        groups: Groups = {}
        one, every = "One path of the length", "All paths of the length"
        for network, moment, place in self._moments("path_gradient"):
            taken = self.diagnosis.values("path_gradient", network, moment, "length")
            exact = self.diagnosis.values("path_total", network, moment, "length")
            number = {
                record.conditions["length"]: record.conditions["paths"]
                for record in self.diagnosis.of_quantity("path_gradient", network, moment)
            }
            all_alone = {length: value * number[length] for length, value in taken.items()}
            for panel, part, values, dashed in (
                (one, "median of the paths sampled", taken, False),
                (every, "times the number of paths", all_alone, False),
                (every, "norm of their sum", exact, True),
            ):
                above = {float(k): value for k, value in sorted(values.items()) if value > 0}
                self._add(groups, network, part, above, place, panel, dashed=dashed)
        return self._by_depth(
            groups,
            "path-lengths",
            "The gradient by the length of its path",
            "Residual branches passed",
            "Norm at the input (nats)",
            "Norm of the gradient at the input through paths of so many residual branches (Veit et al. 2016). Left: the "
            "median of single paths. Right: that times their number (whole lines), and the norm of the sum of them all "
            "(dashed lines), in which they add up or cancel.",
        )

    def lesion(self) -> Figure | None:
        """One block removed, by its place."""
        groups: Groups = {}
        ends: dict[str, str] = {}
        for network in self.networks:
            moment = self.diagnosis.latest("lesion_top1", network)
            if moment is None:
                continue
            left = _accuracies(self.diagnosis, network, moment, "removed", count=1)
            points = {float(place): value for place, value in enumerate(left.values(), start=1)}
            if not points:
                continue
            ends[network] = when(moment)
            self._add(groups, network, "one removed", points, None, places=tuple(left))
            whole = _accuracies(self.diagnosis, network, moment, "none").get("")
            if whole is not None:
                both = {1.0: whole, float(len(points)): whole}
                self._add(groups, network, "none removed", both, None, dashed=True)
        return self._by_depth(
            groups,
            "lesion-one",
            "Without one block",
            "Row removed, from the input on",
            "Test accuracy (%)",
            f"Test accuracy with one row taken out (whole lines) and with none (dashed lines), {_measured(ends)}.",
            Axis("Test accuracy (%)", 0, 100, log=False),
        )

    def lesions(self) -> Figure | None:
        """Several blocks removed, by their number."""
        groups: Groups = {}
        ends: dict[str, str] = {}
        swapped = []
        for network in self.networks:
            moment = self.diagnosis.latest("lesion_top1", network)
            if moment is None:
                continue
            by_count: dict[float, list[float]] = {}
            for record in self.diagnosis.of_quantity("lesion_top1", network, moment):
                if record.conditions["lesion"] in ("none", "removed"):
                    count = float(record.conditions["count"])
                    by_count.setdefault(count, []).append(100 * record.value)
            if len(by_count) < 3:
                continue
            ends[network] = when(moment)
            points = {count: mean(values) for count, values in sorted(by_count.items())}
            self._add(groups, network, "mean of the draws", points, None)
            if exchanged := _accuracies(self.diagnosis, network, moment, "swapped"):
                swapped.append(f"{network} {_range(list(exchanged.values()))}")
        caption = (
            f"Test accuracy with so many rows taken out, the mean of the draws, {_measured(ends)}."
        )
        if swapped:
            caption += f" With two rows swapped: {'; '.join(swapped)}."
        return self._by_depth(
            groups,
            "lesion-several",
            "Without several blocks",
            "Rows removed",
            "Test accuracy (%)",
            caption,
            Axis("Test accuracy (%)", 0, 100, log=False),
        )

    def surface(self) -> Figure | None:
        """Li et al. 2018: the loss around the weights."""
        grids: dict[str, dict[tuple[float, float], float]] = {}
        ends: dict[str, str] = {}
        for network in self.networks:
            moment = self.diagnosis.latest("surface_loss", network)
            if moment is None:
                continue
            newest = self.diagnosis.of_quantity("surface_loss", network, moment)[-1]
            seed = newest.conditions.get("seed")
            taken = self.diagnosis.of_quantity("surface_loss", network, moment, seed=seed)
            grid = {
                (alpha, record.conditions["beta"]): loss
                for record in taken
                for alpha, loss in zip(record.conditions["alphas"], record.samples, strict=False)
                if isfinite(loss)  # far from the weights a loss may be too large for a number
            }
            if grid:
                grids[network] = grid
                ends[network] = when(moment)
        losses = [loss for grid in grids.values() for loss in grid.values()]
        if not losses:
            return None
        caption = (
            "Loss on training images with the weights moved along two random directions, each filter’s as long as the "
            f"filter (Li et al. 2018), {_measured(ends)}; the weights themselves are in the middle."
        )
        darkest = colours(grids)[1]
        if darkest < max(losses):
            caption += f" All losses above {darkest:.3g} nats have the darkest colour."
        return Figure(
            "loss-surface",
            "The loss around the weights",
            caption,
            f"Heat maps of {listed(grids)}: the loss from {min(losses):.3g} to {max(losses):.3g} nats.",
            lambda layout: heat(grids, layout),
        )

    def _moments(self, quantity: str) -> Iterator[tuple[str, str, int]]:
        """Network, moment and the moment's place on the slider, of all that have the quantity."""
        for network in self.networks:
            for place, moment in enumerate(self.diagnosis.moments):
                if self.diagnosis.of_quantity(quantity, network, moment):
                    yield network, moment, place

    def _over_training(
        self, quantity: str, part: str, values: Callable[[str, str], Mapping[str, float]]
    ) -> Groups:
        """A line a network and moment: values by row, in the order of the rows."""
        groups: Groups = {}
        for network, moment, place in self._moments(quantity):
            by_row = values(network, moment)
            points = {float(index): value for index, value in enumerate(by_row.values(), start=1)}
            self._add(groups, network, part, points, place, places=tuple(by_row))
        return groups

    def _add(
        self,
        groups: Groups,
        network: str,
        part: str,
        points: Points,
        moment: int | None,
        panel: str = "",
        *,
        dashed: bool = False,
        places: tuple[str, ...] = (),
    ) -> None:
        """A line in its panel, which is its family's unless given."""
        style = self.styles[network]
        family = style.family if style.family in ("plain", "residual") else "other"
        rounded = tuple((x, float(f"{y:.4g}")) for x, y in points.items())
        line = Line(network, style.light, rounded, part, dashed, places, moment)
        if rounded:
            groups.setdefault(panel or family.capitalize(), []).append(line)

    def _by_depth(
        self,
        groups: Groups,
        name: str,
        title: str,
        across: str,
        up: str,
        caption: str,
        y: Axis | None = None,
    ) -> Figure | None:
        """A figure with whole numbers on its horizontal axis; None where it has no line."""
        places = [x for line in _lines(groups) for x, _ in line.points]
        if not places:
            return None
        up_to = Axis.over(up, [value for line in _lines(groups) for _, value in line.points])
        return self._figure(
            groups, name, title, _whole(across, min(places), max(places)), y or up_to, caption
        )

    def _figure(
        self, groups: Groups, name: str, title: str, x: Axis, y: Axis, caption: str
    ) -> Figure:
        moments = {line.moment for line in _lines(groups)} - {None}
        missing = [
            when(moment)
            for place, moment in enumerate(self.diagnosis.moments)
            if moments and place not in moments
        ]
        if missing:
            caption += f" Not measured {listed(missing)}."
        if len(self.diagnosis.seeds) > 1:
            caption += f" Median of {len(self.diagnosis.seeds)} seeds."
        panels = listed(group.lower() for group in groups)
        return Figure(
            name,
            title,
            caption,
            f"Line charts of {listed(dict.fromkeys(line.network for line in _lines(groups)))}, panels: {panels}.",
            lambda layout: charts.panels(groups, x, y, layout, marks=layout is WIDE),
            follows=bool(moments),
        )


def _lines(groups: Groups) -> list[Line]:
    return [line for lines in groups.values() for line in lines]


def _whole(title: str, low: float, high: float) -> Axis:
    """An axis from one whole number to another, its ticks whole."""
    step = max(1, ceil((high - low) / 6))
    ticks = range(int(low), int(high) + 1, step)
    return Axis(title, low - 0.5, high + 0.5, log=False, given_ticks=tuple(map(float, ticks)))


def _apart(distances: Sequence[float]) -> list[float]:
    """Those of the distances that a logarithmic axis has room to name."""
    kept = [distances[0]]
    for distance in distances[1:]:
        if distance >= 2.4 * kept[-1]:
            kept.append(distance)
    return kept


def _accuracies(
    diagnosis: Diagnosis, network: str, moment: str, lesion: str, **conditions: int
) -> dict[str, float]:
    """Accuracy in per cent by the rows of a kind of lesion; over the seeds their mean."""
    found: dict[str, list[float]] = {}
    for record in diagnosis.of_quantity(
        "lesion_top1", network, moment, lesion=lesion, **conditions
    ):
        rows = ", ".join(map(str, record.conditions["rows"]))
        found.setdefault(rows, []).append(100 * record.value)
    return {rows: mean(values) for rows, values in found.items()}


def _range(values: Sequence[float]) -> str:
    """`93.1–94.7 %`."""
    low, high = f"{min(values):.1f}", f"{max(values):.1f}"
    return f"{low}\u00a0%" if low == high else f"{low}–{high}\u00a0%"


def _measured(ends: Mapping[str, str]) -> str:
    """When something was measured, network by network where that differs."""
    moments = dict.fromkeys(ends.values())
    if len(moments) < 2:
        return "".join(moments)
    return "; ".join(
        f"{listed(n for n, at in ends.items() if at == moment)} {moment}" for moment in moments
    )


def _degradation(
    comparison: Comparison, curves: Sequence[Curve], styles: Mapping[str, Style]
) -> Figure | None:
    """He et al. 2015, Fig. 6: error at the end against depth, of families with at least two depths."""
    trained = alike(curves)
    errors = {
        "training": final(trained, "train_top1"),
        "test": {
            row.network: row.readings["top1"].value
            for row in comparison.rows
            if "top1" in row.readings and row.network in {curve.network for curve in trained}
        },
    }
    lines = []
    for part, dashed in (("test", False), ("training", True)):
        for family in ("plain", "residual"):
            names = of_family(styles, family, list(errors[part]))
            points = {float(styles[name].depth): 100 * (1 - errors[part][name]) for name in names}
            if len(points) > 1:
                # The line is the family's, in the colour of its deepest network.
                lines.append(
                    Line(
                        family,
                        styles[names[-1]].light,
                        tuple(points.items()),
                        part,
                        dashed,
                        tuple(names),
                    )
                )
    if not lines:
        return None
    depths = sorted({depth for line in lines for depth, _ in line.points})
    x = Axis.over("Layers with weights", depths, ticks=depths)
    y = Axis.over("Error (%)", [0, *(error for line in lines for _, error in line.points)])
    return Figure(
        "degradation",
        "Error against depth",
        "Error at the end of training against depth (He et al. 2015, Fig. 6): "
        f"{listed(f'{part} in {how} lines' for part, how in (('test', 'whole'), ('training', 'dashed')) if any(line.part == part for line in lines))}.",
        f"Line chart of {listed(dict.fromkeys(line.network for line in lines))} networks.",
        lambda layout: charts.panels({"": lines}, x, y, layout, marks=True),
    )
