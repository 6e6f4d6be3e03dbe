"""Commands that read only tables and records, and never load torch: list, show, inception, draw, verify, report; lecture loads it for feature maps."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import click

import atalho
from atalho.cli import table
from atalho.cli.declaring import Argument, Option
from atalho.cli.options import (
    FormatOption,
    Input,
    Margin,
    MaxEnergy,
    MaxLatency,
    MaxMemory,
    MaxSize,
    MinAccuracy,
    NetworkName,
    NetworkNames,
    NumClasses,
    input_shape,
)
from atalho.cli.progress import say
from atalho.cli.table import Format
from atalho.errors import Exit
from atalho.explain.table import Table

if TYPE_CHECKING:
    from atalho.claims import Finding


def list_networks(
    pattern: Annotated[str, Argument(help="A pattern as resnet*, or part of a name.")] = "*",
    format: FormatOption = "table",
) -> None:
    """The catalogue: parameters, multiply-accumulates, depth, input, year, source and published weights."""
    networks = atalho.list_networks(pattern)
    if format == "table":
        networks = replace(networks, rows=[*map(_narrow, networks.rows)])
    table.show(networks, format)


def _narrow(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the catalogue with the year beside the source and without the changes, so that it fits a terminal."""
    cells = {key: row[key] for key in row if key not in ("year", "changes")}
    return {**cells, "source": f"{row['source']} {row['year']}"}


def show(
    network: NetworkName,
    input: Input = None,
    num_classes: NumClasses = None,
    cost: Annotated[
        bool, Option("--cost", help="Receptive field, operations and bytes of every row.")
    ] = False,
    dtype: Annotated[
        Literal["float32", "float16", "bf16", "int8"] | None,
        Option(
            help="Number type that bytes are counted for, float32 unless given; implies --cost."
        ),
    ] = None,
    format: FormatOption = "table",
) -> None:
    """The paper's table, recomputed row by row beside the numbers that it prints; or the cost of every row."""
    table.show(
        atalho.show(network, input=input, num_classes=num_classes, cost=cost, dtype=dtype), format
    )


def inception(
    input: Annotated[Any, Argument(parser=input_shape, metavar="CxHxW")],
    conv1x1: Annotated[int, Argument(metavar="#1x1", min=1)],
    reduce3x3: Annotated[int, Argument(metavar="#3x3reduce", min=1)],
    conv3x3: Annotated[int, Argument(metavar="#3x3", min=1)],
    reduce5x5: Annotated[int, Argument(metavar="#5x5reduce", min=1)],
    conv5x5: Annotated[int, Argument(metavar="#5x5", min=1)],
    pool_proj: Annotated[int, Argument(metavar="pool", min=1)],
    format: FormatOption = "table",
) -> None:
    """One Inception module, each branch with and without its 1x1 reduction; the numbers as in GoogLeNet's Table 1.

    Module 4a is `atalho inception 480x14x14 192 96 208 16 48 64`.
    """
    table.show(
        atalho.inception(input, conv1x1, reduce3x3, conv3x3, reduce5x5, conv5x5, pool_proj), format
    )


def draw(
    networks: NetworkNames,
    output: Annotated[Path, Option("-o", "--output", help="A file, .svg or .png.")],
    row: Annotated[str | None, Option(help="One row of each network alone.")] = None,
    input: Input = None,
    num_classes: NumClasses = None,
    expand: Annotated[bool, Option("--expand", help="Draw repeated rows too.")] = False,
) -> None:
    """Networks side by side as their papers draw them, from their tables alone."""
    drawing = atalho.draw(networks, row=row, input=input, num_classes=num_classes, expand=expand)
    drawing.save(output)


def verify(
    ids: Annotated[
        list[str] | None,
        Argument(metavar="ID...", help="Claims, as in L24; all unless given."),
    ] = None,
    records: Annotated[
        Path | None, Option(help="A folder with records of what was trained or measured.")
    ] = None,
    format: FormatOption = "table",
) -> None:
    """Every claim of the sources with its verdict; exit code 1 when a verdict is not the one recorded beside the claim."""
    findings = atalho.verify(ids or (), records or ())
    table.show(_findings_table(findings, format), format)
    unexpected = [each.claim.id for each in findings if not each.as_recorded]
    if unexpected:
        say(f"the verdict has changed for {', '.join(unexpected)}")
        raise click.exceptions.Exit(Exit.CHECK_FAILED)


def _findings_table(findings: "Sequence[Finding]", format: Format) -> Table:
    """A table of claims with their verdicts; as notes, why claims differ, by whose records the measured ones are decided, what
    the unmeasured ones would take, and how many there are of each verdict."""
    rows = [each.to_dict() for each in findings]
    if format != "table":
        return Table(rows, rows)
    columns = ("id", "verdict", "printed", "found", "unit", "claim")
    differing = [f"{each['id']}: {each['note']}" for each in rows if each["verdict"] == "differs"]
    measured = [f"{each['id']}: by {each['basis']}" for each in rows if each["basis"]]
    waiting = [f"{each['id']}: {each['note']}" for each in rows if each["verdict"] == "unmeasured"]
    counts = Counter(each["verdict"] for each in rows)
    summary = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    narrow = [{name: each[name] for name in columns} for each in rows]
    return Table(narrow, rows, notes=[*differing, *measured, *waiting, summary])


def report(
    records: Annotated[
        list[Path], Argument(metavar="RECORDS...", help="Files of records, one or more.")
    ],
    output: Annotated[
        Path, Option("-o", "--output", help="The page; charts/ and summary.csv go beside it.")
    ] = Path("report.html"),
    max_latency_ms: MaxLatency = None,
    max_memory_mb: MaxMemory = None,
    max_energy_j: MaxEnergy = None,
    max_size_mb: MaxSize = None,
    min_accuracy: MinAccuracy = None,
    margin: Margin = 1.0,
) -> None:
    """Write the page of a comparison or a diagnosis from records alone, with charts/ and summary.csv beside it."""
    page = atalho.report(
        records,
        output,
        max_latency_ms=max_latency_ms,
        max_memory_mb=max_memory_mb,
        max_energy_j=max_energy_j,
        max_size_mb=max_size_mb,
        min_accuracy=min_accuracy,
        margin=margin,
    )
    say(page.resolve().as_uri())


def lecture(
    output: Annotated[
        Path, Option("-o", "--output", help="The folder; index.html is its first page.")
    ] = Path("lecture"),
    language: Annotated[Literal["pt", "en"], Option("--lang", help="Of the first page.")] = "pt",
    records: Annotated[
        list[Path] | None,
        Option(help="A file of records to show; atalho's own unless given. Several times."),
    ] = None,
) -> None:
    """The lecture on GoogLeNet, ResNet and comparative analysis, live: a folder of pages in Portuguese and English."""
    page = atalho.lecture(output, language=language, records=records or ())
    say(page.resolve().as_uri())
