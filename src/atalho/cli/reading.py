"""Commands that read tables and records alone, and never load torch: list, show, inception, draw, verify, report."""

from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated, Any

import typer

from atalho.cli import table
from atalho.cli.options import (
    FormatOption,
    Input,
    MaxEnergy,
    MaxLatency,
    MaxMemory,
    MaxSize,
    MinAccuracy,
    NetworkName,
    NumClasses,
    input_shape,
)
from atalho.cli.progress import say
from atalho.cli.resolved import limits_of
from atalho.cli.rows import foreign_rows, show_findings
from atalho.cli.table import Format
from atalho.errors import Exit
from atalho.grammar.peak import Dtype


def list_networks(
    pattern: Annotated[str, typer.Argument(help="As in resnet*, or a part of a name.")] = "*",
    format: FormatOption = Format.TABLE,
) -> None:
    """The catalogue: parameters, multiply-accumulates, depth, input, year, source and published weights."""
    from atalho.grammar.cost import network_depth, totals
    from atalho.networks import CATALOGUE, get
    from atalho.weights.published import PUBLISHED

    names = [name for name in CATALOGUE if fnmatch(name, pattern) or pattern in name]
    if not names:
        get(pattern)  # says which names are near
    rows: list[dict[str, Any]] = []
    for name in names:
        network = get(name)
        cost = totals(network)
        rows.append(
            {
                "network": name,
                "params": cost.params,
                "macs": cost.macs,
                "depth": network_depth(network),
                "input": list(network.input),
                "year": network.source.year,
                "source": network.source.authors,
                "weights": list(PUBLISHED.get(name, ())),
                "changes": network.changes,
            }
        )
    if format is Format.JSON:
        table.show_json(rows)
        return
    for row in rows:
        row["input"] = table.shape(row["input"])
        row["weights"] = ", ".join(row["weights"])
        if format is Format.TABLE:
            row["source"] = f"{row['source']} {row.pop('year')}"
            del row["changes"]  # wider than a terminal, and `show` has it
    table.show(rows, format, scaled={"params": "", "macs": ""})


def show(
    network: NetworkName,
    input: Input = None,
    num_classes: NumClasses = None,
    cost: Annotated[
        bool, typer.Option("--cost", help="Receptive field, operations and bytes of every row.")
    ] = False,
    dtype: Annotated[
        Dtype | None, typer.Option(help="Of the bytes, float32 unless given; implies --cost.")
    ] = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """The paper's table, recomputed row by row beside what the paper printed; or the cost of every row."""
    from atalho.explain import breakdown, describe
    from atalho.networks import foreign, subjects

    found = subjects.get(network, input=input, num_classes=num_classes)
    if isinstance(found, foreign.Foreign):
        counted = foreign.document(found)
        if format is Format.JSON:
            table.show_json(counted)
        else:
            table.show(foreign_rows(counted), format, title=found.name)
        return
    kept = dtype or Dtype.FLOAT32
    title = f"{found.name}: {found.source}"
    if format is Format.JSON:
        table.show_json(describe.document(found, kept))
    elif cost or dtype:
        table.show(
            breakdown.table(found, kept),
            format,
            title=title,
            notes=breakdown.notes(found, kept),
            scaled=breakdown.UNITS,
        )
    else:
        table.show(describe.table(found), format, title=title, notes=describe.notes(found))


def inception(
    input: Annotated[Any, typer.Argument(parser=input_shape, metavar="CxHxW", show_default=False)],
    conv1x1: Annotated[int, typer.Argument(metavar="#1x1", min=1, show_default=False)],
    reduce3x3: Annotated[int, typer.Argument(metavar="#3x3reduce", min=1, show_default=False)],
    conv3x3: Annotated[int, typer.Argument(metavar="#3x3", min=1, show_default=False)],
    reduce5x5: Annotated[int, typer.Argument(metavar="#5x5reduce", min=1, show_default=False)],
    conv5x5: Annotated[int, typer.Argument(metavar="#5x5", min=1, show_default=False)],
    pool_proj: Annotated[int, typer.Argument(metavar="pool", min=1, show_default=False)],
    format: FormatOption = Format.TABLE,
) -> None:
    """One Inception module, each branch with and without its 1x1 reduction; the numbers as in GoogLeNet's Table 1.

    Module 4a is `atalho inception 480x14x14 192 96 208 16 48 64`.
    """
    from atalho.explain import inception as module
    from atalho.networks.googlenet import Filters

    filters = Filters(conv1x1, reduce3x3, conv3x3, reduce5x5, conv5x5, pool_proj)
    if format is Format.JSON:
        table.show_json(module.document(input, filters))
        return
    title = f"Inception module with {', '.join(map(str, filters))} filters"
    table.show(
        module.table(input, filters), format, title=title, notes=module.notes(input, filters)
    )


def draw(
    networks: Annotated[list[str], typer.Argument(metavar="NETWORK...")],
    output: Annotated[Path, typer.Option("-o", "--output", help="A file, .svg or .png.")],
    row: Annotated[str | None, typer.Option(help="One row of each network alone.")] = None,
    input: Input = None,
    num_classes: NumClasses = None,
    expand: Annotated[bool, typer.Option("--expand", help="Draw repeated rows too.")] = False,
) -> None:
    """Networks side by side as their papers draw them, from their tables alone."""
    from atalho import networks as catalogue
    from atalho.explain import draw as drawing

    tables = [catalogue.get(name, input=input, num_classes=num_classes) for name in networks]
    drawing.write(drawing.draw(tables, row=row, expand=expand), output)


def verify(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID...", help="As in L24; all unless given.")
    ] = None,
    records: Annotated[
        Path | None, typer.Option(help="A folder with records, for what was trained or measured.")
    ] = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Every claim of the sources with its verdict; exit 1 when one is not the verdict recorded beside the claim."""
    from atalho import claims, record

    files = sorted(records.rglob("*.jsonl")) if records else []
    found = claims.verify(ids or (), [each for file in files for each in record.read(file)])
    rows = [finding.to_dict() for finding in found]
    if format is Format.JSON:
        table.show_json(rows)
    elif format is Format.TABLE:
        show_findings(rows)
    else:
        table.show(rows, format)
    unexpected = [finding.claim.id for finding in found if not finding.as_recorded]
    if unexpected:
        say(f"the verdict has changed for {', '.join(unexpected)}")
        raise typer.Exit(Exit.CHECK_FAILED)


def report(
    records: Annotated[
        list[Path], typer.Argument(metavar="RECORDS...", help="Files of records, one or more.")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The page; charts/ and summary.csv go beside it.")
    ] = Path("report.html"),
    max_latency_ms: MaxLatency = None,
    max_memory_mb: MaxMemory = None,
    max_energy_j: MaxEnergy = None,
    max_size_mb: MaxSize = None,
    min_accuracy: MinAccuracy = None,
) -> None:
    """The page again, from records alone, with charts/ and summary.csv beside it."""
    from atalho import record
    from atalho.page import publish

    limits = limits_of(max_latency_ms, max_memory_mb, max_energy_j, max_size_mb, min_accuracy)
    say(publish([each for file in records for each in record.read(file)], output, limits))
