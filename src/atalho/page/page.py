"""A report's contents → the page's HTML, which loads nothing, and whose policy forbids it to."""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from atalho.choice.choosing import pareto_front
from atalho.page import figures, machines
from atalho.page.chart import charts
from atalho.page.contents import Contents
from atalho.page.diagnosis import Diagnosis, when
from atalho.page.figures import coloured
from atalho.page.figures.depth import rows
from atalho.page.figures.figure import Figure
from atalho.page.table import columns
from atalho.page.words import answer, failures, sentences, text, verdicts
from atalho.ranking import HIGHER_IS_BETTER

_HERE = Path(__file__).parent
WHY_DEPTH_WORKS = "Why depth works"


def html(
    contents: Contents,
    drawings: Mapping[str, str],
    by_row: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """The whole page. Text from records is escaped; drawings, network → SVG, are shown as images, where no script runs."""
    compared, choice = contents.comparison, contents.choice
    css = _source("page.css") + "".join(_colours(contents))
    shown = (*contents.figures, *contents.depth)
    sorting, linking = _source("table.js"), _source("highlight.js")
    drawing = charts.javascript() if shown else ""
    findings = verdicts.grouped(contents.records)
    answers = compared.rows or not contents.diagnosis
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(
        policy=_policy(css, [sorting, linking, drawing]),
        css=Markup(css),
        sorting=Markup(sorting),
        linking=Markup(linking),
        drawing=Markup(drawing),
        title=text.title(compared) if answers else WHY_DEPTH_WORKS,
        answer=answer.answer(compared, choice, contents.limits) if answers else [],
        notes=text.training(compared),
        higher_is_better=HIGHER_IS_BETTER,
        columns=columns(compared),
        rows=compared.rows,
        ranked_by_accuracy="top1" in compared.conditions,
        styles=contents.styles,
        indices={name: index for index, name in enumerate(contents.styles)},
        chosen=choice.chosen if choice else None,
        front=pareto_front(compared.rows, ("top1", "latency")),
        remarks={
            "Not ranked with the rest": text.not_ranked(compared),
            "Cited, not measured here": text.cited(compared),
        },
        failures=failures.listed(contents.records),
        machines=machines.side_by_side(compared, contents.records),
        figures=contents.figures,
        absent=figures.absent(contents.figures),
        degraded=any(figure.name == "degradation" for figure in contents.depth),
        degradation=text.degradation(contents.curves, contents.styles),
        renderings={figure.name: list(_renderings(figure)) for figure in shown},
        depth=_depth(contents.diagnosis, contents, by_row) if contents.diagnosis else None,
        drawings={
            row.network: _image(drawings[row.network])
            for row in compared.rows
            if row.network in drawings
        },
        findings=findings,
        verdicts=verdicts.sentence(findings),
        provenance=[
            text.machine(compared),
            text.when(contents.records),
            text.not_measured(compared) if compared.rows else "",
        ],
        conditions=text.conditions(compared),
        trainings=text.trainings(compared),
    )


def _depth(diagnosis: Diagnosis, contents: Contents, by_row: Mapping[str, str]) -> dict[str, Any]:
    """What the part on depth shows."""
    norms = {
        network: [rows(diagnosis, network, moment) for moment in diagnosis.moments]
        for network in contents.styles
        if network in by_row and network in diagnosis.networks
    }
    sizes = [n for moments in norms.values() for each in moments for n in each.values() if n > 0]
    low, high = min(sizes, default=1.0), max(sizes, default=1.0)
    drawings = []
    for network, moments in norms.items():
        if any(moments):
            styles = [coloured.style(each, low, high) for each in moments]
            source = coloured.image(by_row[network], styles[0])
            words = sentences.gradient(diagnosis, network)
            drawings.append(
                {"network": network, "source": source, "styles": styles, "words": words}
            )
    return {
        "title": WHY_DEPTH_WORKS,
        "figures": contents.depth,
        "sentences": sentences.sentences(diagnosis, contents.styles),
        "conditions": sentences.conditions(diagnosis),
        "moments": [when(moment) for moment in diagnosis.moments],
        "table": sentences.table(diagnosis, contents.styles),
        "near": sentences.near(diagnosis),
        "drawings": drawings,
        "low": sentences.times(low),
        "high": sentences.times(high),
    }


def _source(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _policy(style: str, scripts: list[str]) -> str:
    """A Content-Security-Policy that lets in this style, these scripts and embedded images, and nothing from anywhere."""

    def hashed(inline: str) -> str:
        digest = hashlib.sha256(inline.encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"

    return (
        f"default-src 'none'; style-src {hashed(style)}; script-src {' '.join(map(hashed, scripts))}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _colours(contents: Contents) -> Iterator[str]:
    """The networks' colours, in the table and in the charts on a dark page; and the gradients'."""
    for index, style in enumerate(contents.styles.values()):
        yield f".n{index} {{ background: {style.light}; }}\n"
        for attribute in ("fill", "stroke"):
            yield f'.picking .chart [{attribute}="{style.light}"] {{ opacity: .12; }}\n'
    # After them all: a network that is brought out stands over those that are not.
    for index, style in enumerate(contents.styles.values()):
        for attribute in ("fill", "stroke"):
            yield f'.pick{index} .chart [{attribute}="{style.light}"] {{ opacity: 1; }}\n'
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
        svg = re.sub(r'(id="|url\(#)(clip\d+)', own, chart.svg)
        yield {"layout": layout, "svg": Markup(svg), "spec": chart.spec}


def _image(svg: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
