"""A report's contents → the page's HTML, which loads nothing from elsewhere, and whose policy forbids it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from atalho.choice.choosing import pareto_front
from atalho.errors import visible
from atalho.page import drawings, figures, machines
from atalho.page.chart import bundle
from atalho.page.chart.converting import ID
from atalho.page.chart.rendering import VEGA_LITE
from atalho.page.contents import Contents
from atalho.page.diagnosis import Diagnosis, when
from atalho.page.document import policy, source
from atalho.page.figures import coloured
from atalho.page.figures.figure import Figure
from atalho.page.table import columns
from atalho.page.words import (
    answer,
    certainty,
    conditions,
    degradation,
    depth,
    engines,
    failures,
    photos,
    training,
    verdicts,
)
from atalho.record import HIGHER_IS_BETTER

_FOLDER = Path(__file__).parent
WHY_DEPTH_WORKS = "Why depth works"


def html(contents: Contents) -> str:
    """Returns the whole page. Text from records is escaped; drawings are shown as images, in which no script runs."""
    compared, choice = contents.comparison, contents.choice
    css = source("page.css") + "".join(_colours(contents))
    sorting, linking = source("table.js"), source("highlight.js")
    drawing = bundle.javascript(source("charts.js"), VEGA_LITE) if contents.drawn else ""
    findings = verdicts.grouped(contents.records)
    compares = compared.rows or not contents.diagnosis
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(
        policy=policy([css], [sorting, linking, drawing]),
        css=Markup(css),
        sorting=Markup(sorting),
        linking=Markup(linking),
        drawing=Markup(drawing),
        title=answer.title(compared) if compares else WHY_DEPTH_WORKS,
        answer=answer.sentences(compared, choice, contents.limits) if compares else [],
        certainty=certainty.details(choice) if choice else [],
        notes=[
            *training.notes(compared),
            *photos.notes(
                contents.compared_records,
                choice.chosen.network if choice else None,
                contents.limits,
            ),
        ],
        higher_is_better=HIGHER_IS_BETTER,
        columns=columns(compared),
        rows=compared.rows,
        ranked_by_accuracy="top1" in compared.conditions,
        styles=contents.styles,
        indices={name: index for index, name in enumerate(contents.styles)},
        chosen=choice.chosen if choice else None,
        front=pareto_front(compared.rows, ("top1", "latency")),
        timed_on=conditions.timed_on(compared),
        remarks={
            "Not ranked with the rest": conditions.not_ranked(compared),
            "Engines that were left out": engines.left_out(contents.records),
            "Cited, not measured here": conditions.cited(compared),
        },
        failures=failures.listed(compared.failures),
        machines=machines.side_by_side(compared, contents.records),
        gallery=contents.gallery,
        figures=contents.figures,
        absent=figures.absent(contents.figures),
        degraded=any(figure.name == "degradation" for figure in contents.depth),
        degradation=degradation.sentences(contents.curves, contents.styles),
        renderings={figure.name: list(_renderings(figure)) for figure in contents.drawn},
        depth=_depth(contents.diagnosis, contents) if contents.diagnosis else None,
        drawings=_drawings(contents),
        findings=findings,
        verdicts=verdicts.sentence(findings),
        provenance=[
            conditions.machine(compared),
            conditions.not_interleaved(compared),
            conditions.when(contents.records),
            conditions.not_measured(compared) if compared.rows else "",
        ],
        conditions=conditions.conditions(compared),
        trainings=training.table(compared),
    )


def _shown(value: Any) -> Any:
    """A value as the template writes it, with texts `visible`; what is markup stays markup."""
    if isinstance(value, Markup):
        return Markup(visible(value))
    return visible(value) if isinstance(value, str) else value


def _depth(diagnosis: Diagnosis, contents: Contents) -> dict[str, Any]:
    """The variables of the page's part on depth."""
    by_row = drawings.by_row(diagnosis.records)
    return {
        "title": WHY_DEPTH_WORKS,
        "figures": contents.depth,
        "sentences": depth.sentences(diagnosis, contents.styles),
        "conditions": depth.conditions(diagnosis),
        "moments": [when(moment) for moment in diagnosis.moments],
        "table": depth.table(diagnosis, contents.styles),
        "distance": depth.distance(diagnosis),
        "coloured": coloured.drawings(diagnosis, contents.styles, by_row),
    }


def _drawings(contents: Contents) -> dict[str, str]:
    """The compared networks' drawings as addresses of images, in the order of the comparison."""
    drawn = drawings.compared(contents.records)
    networks = [row.network for row in contents.comparison.rows if row.network in drawn]
    return {network: drawings.address(drawn[network]) for network in networks}


def _colours(contents: Contents) -> Iterator[str]:
    """The networks' colours, in the table and in the charts on a dark page; and the gradients'."""
    for index, style in enumerate(contents.styles.values()):
        yield f".n{index} {{ background: {style.light}; }}\n"
        for attribute in ("fill", "stroke"):
            yield f'.picking .chart [{attribute}="{style.light}"] {{ opacity: .12; }}\n'
    # After all of these, since a picked network must be drawn fully although the others are faint.
    for index, style in enumerate(contents.styles.values()):
        for attribute in ("fill", "stroke"):
            yield f'.pick{index} .chart [{attribute}="{style.light}"] {{ opacity: 1; }}\n'
        yield f".pick{index} .chart text.named{index} {{ opacity: 1; font-weight: 700; }}\n"
    yield f".ramp {{ background: linear-gradient(to right, {', '.join(coloured.RAMP)}); }}\n"
    yield "@media screen and (prefers-color-scheme: dark) {\n"
    for index, style in enumerate(contents.styles.values()):
        yield f"  .n{index} {{ background: {style.dark}; }}\n"
        for attribute in ("fill", "stroke"):
            yield f'  .chart [{attribute}="{style.light}"] {{ {attribute}: {style.dark}; }}\n'
    yield "}\n"


def _renderings(figure: Figure) -> Iterator[dict[str, Any]]:
    """The figure for wide and for narrow screens: drawn, and as what a script draws it from."""
    for layout, chart in (("wide", figure.wide), ("narrow", figure.narrow)):
        own = rf"\1{figure.name}-{layout}-\2"  # ids of several SVGs share one page
        svg = ID.sub(own, chart.svg)
        yield {"layout": layout, "svg": Markup(svg), "spec": chart.spec}
