"""A network's table, computed row by row, beside the numbers that its paper prints."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from atalho.explain import breakdown
from atalho.explain.shapes import times
from atalho.grammar.cost import Cost, Line, auxiliary, lines, network_depth, total, totals
from atalho.grammar.layers import (
    AdaptiveAvgPool,
    Add,
    AvgPool,
    Concat,
    Conv,
    Join,
    Layer,
    MaxPool,
    pair,
    walk,
)
from atalho.grammar.network import Network, Printed, Units
from atalho.grammar.peak import Dtype, peak
from atalho.grammar.printed import agrees
from atalho.grammar.receptive import Field, fields
from atalho.grammar.shape import Shape


def as_printed(cost: Cost, units: Units) -> tuple[float, float]:
    """Returns parameters and multiply-accumulates in the paper's units, counted as the paper counts."""
    params = cost.params if units.biases else cost.weights
    return params / units.params, cost.macs / units.macs


def document(network: Network, dtype: Dtype = Dtype.FLOAT32) -> dict[str, Any]:
    """Returns the network as one JSON object: counts for one image at inference, shapes as [C, H, W], bytes in `dtype`.

    `printed` is there where the paper prints a number, converted to a count. Rows of auxiliary heads are marked
    `auxiliary`, and the totals do not include them.
    """
    cost, heads = totals(network), auxiliary(network)
    entries: dict[str, Any] = {
        "network": network.name,
        "source": str(network.source),
        "changes": network.changes,
        "input": list(network.input),
        "num_classes": network.num_classes,
        "depth": network_depth(network),
        "params": cost.params,
        "macs": cost.macs,
        "flops": cost.flops,
        "other_ops": cost.other_ops,
        "activations": cost.activations,
        "dtype": dtype.value,
        **breakdown.byte_counts(cost, dtype),
        "peak_activation_bytes": peak(network).elements * dtype.bytes,
        "rows": [
            _row(line, field, network, dtype)
            for line, field in zip(lines(network), fields(network), strict=True)
        ],
    }
    if printed := _counts(network.printed, network.units):
        entries["printed"] = printed
    if network.taps:
        entries["auxiliary"] = {"params": heads.params, "macs": heads.macs}
    return entries


def _row(line: Line, field: Field | None, network: Network, dtype: Dtype) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": line.row.name,
        "kind": line.row.kind,
        "output": list(line.output),
        "depth": line.depth,
        "params": line.cost.params,
        "macs": line.cost.macs,
        "activations": line.cost.activations,
        **breakdown.row_details(line.cost, field, network, dtype),
    }
    if line.auxiliary:
        row["auxiliary"] = True
    if line.row.printed and (printed := _counts(line.row.printed, network.units)):
        row["printed"] = printed
    return row


def _counts(printed: Printed, units: Units) -> dict[str, int]:
    """The printed numbers as counts, without those that are not printed."""
    counts = {
        "params": None if printed.params is None else round(printed.params * units.params),
        "macs": None if printed.macs is None else round(printed.macs * units.macs),
        "depth": printed.depth,
    }
    return {key: value for key, value in counts.items() if value is not None}


def module_table(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns the table for people of a module from outside the catalogue: a row for each of its children, and the totals.

    Args:
        document: as `foreign.document` returns it.
    """
    rows = [{**row, "output": times(row["output"])} for row in document["rows"]]
    total = {"name": "total", "kind": "", "output": ""}
    return [*rows, {**total, "params": document["params"], "macs": document["macs"]}]


def table(network: Network) -> list[dict[str, Any]]:
    """Returns the table for people: the paper's columns, stages folded as in the paper, totals last.

    A printed number that differs from the computed one is followed by the difference.
    """
    units = network.units
    computed = lines(network)
    beside = any(_beside(line.row.printed) for line in computed)
    rows = [_folded(list(group), network, beside) for _, group in groupby(computed, _stage)]
    cost = totals(network)
    rows.append(
        {
            **dict.fromkeys(rows[0], ""),
            "row": "total",
            "depth": network_depth(network),
            **_numbers(cost, network.printed, units, beside=beside),
        }
    )
    if network.taps:
        rows.append(
            {
                **dict.fromkeys(rows[0], ""),
                "row": "auxiliary heads",
                "type": "training only",
                **_numbers(auxiliary(network), None, units, beside=beside),
            }
        )
    return rows


def _beside(printed: Printed | None) -> bool:
    return printed is not None and (printed.params is not None or printed.macs is not None)


def _stage(line: Line) -> tuple[str, str]:
    """A key: consecutive rows that share it are one line of the paper's table."""
    row = line.row
    return (row.stage, row.kind) if row.stage else (row.name, row.kind)


def _folded(group: list[Line], network: Network, beside: bool) -> dict[str, Any]:
    first, last = group[0], group[-1]
    row = first.row
    folded = len(group) > 1
    columns: dict[str, Any] = {
        "row": row.stage if folded else row.name,
        "type": f"{row.kind} ×{len(group)}" if folded else row.kind,
        "patch/stride": patch(row.layer, first.input),
        "output": times(last.output),
        "depth": sum(line.depth for line in group) or "",
    }
    if network.columns:
        for header, paths in network.columns.items():
            columns[header] = next(filter(None, (_filters(row.layer, path) for path in paths)), "")
    elif any(each.stage for each in network.rows):
        columns["layers"] = convolutions(row.layer)
    cost = total(line.cost for line in group)
    return columns | _numbers(cost, row.printed, network.units, beside=beside)


def _numbers(cost: Cost, printed: Printed | None, units: Units, *, beside: bool) -> dict[str, Any]:
    """Parameters and operations; where the paper prints numbers by row, in its units and beside these."""
    if not beside:
        return {"params": cost.params or None, "macs": cost.macs or None}
    params, macs = as_printed(cost, units)
    claims = (printed.params, printed.macs) if printed else (None, None)
    return {
        f"params {units.params_name}": f"{params:,.2f}" if params else "",
        "printed params": _claim(claims[0], params),
        f"ops {units.macs_name}": f"{macs:,.2f}" if macs else "",
        "printed ops": _claim(claims[1], macs),
    }


def _claim(printed: float | None, computed: float) -> str:
    """`463  ≠ +34.50`: the printed number, and the computed one minus the printed."""
    if printed is None:
        return ""
    text = f"{printed:g}"
    return text if agrees(printed, computed) else f"{text}  ≠ {computed - printed:+.2f}"


def patch(layer: Layer, shape: Shape) -> str:
    """Returns window and stride of a row, `7×7/2`; nothing for a row with parallel branches."""
    if any(isinstance(part, Concat | Add) for part in _joins(layer)):
        return ""
    windows = [leaf for _, leaf in walk(layer) if isinstance(leaf, Conv | MaxPool | AvgPool)]
    if windows:
        window = max(windows, key=lambda leaf: pair(leaf.kernel))
        stride = max(pair(leaf.stride)[0] for leaf in windows)
        height, width = pair(window.kernel)
        return f"{height}×{width}/{stride}"
    if isinstance(layer, AdaptiveAvgPool) and layer.size == 1:
        return f"{shape[1]}×{shape[2]}/1"
    return ""


def _joins(layer: Layer) -> Iterable[Join]:
    if isinstance(layer, Join):
        yield layer
        for _, part in layer:
            yield from _joins(part)


def _filters(layer: Layer, path: str) -> int | None:
    """The number of filters of the convolution at `path` inside a row; None where there is none."""
    try:
        part = layer[path] if isinstance(layer, Join) else None
    except KeyError:
        return None
    return part.filters if isinstance(part, Conv) else None


def convolutions(layer: Layer) -> str:
    """Returns the convolutions of a block but for its shortcut, as in Table 1 of He 2015: `1×1, 64 · 3×3, 64 · 1×1, 256`."""
    written = (
        f"{times(pair(leaf.kernel))}, {leaf.filters}"
        for path, leaf in walk(layer)
        if isinstance(leaf, Conv) and ".shortcut" not in path
    )
    return " · ".join(written)


def notes(network: Network) -> list[str]:
    """Returns what a reader of the table should know, in lines."""
    sentences = [
        f"input {times(network.input)}, {network.num_classes} classes; one image, at inference"
    ]
    if network.changes:
        sentences.insert(0, f"against the paper: {network.changes}")
    units = network.units
    if any(_beside(row.printed) for row in network.rows):
        counted = "weights without biases" if not units.biases else "parameters"
        sentences.append(
            f"params in {units.params_name} = {units.params:,} {counted}; "
            f"ops in {units.macs_name} = {units.macs:,} multiply-accumulates"
        )
        sentences.append("≠: by how much the computed number is larger than the printed one")
    else:
        sentences.append("macs: multiply-accumulates, what the papers call FLOPs")
        cost = totals(network)
        params, macs = as_printed(cost, units)
        for name, unit, printed, value in (
            ("params", units.params_name, network.printed.params, params),
            ("macs", units.macs_name, network.printed.macs, macs),
        ):
            if printed is not None:
                verdict = _verdict(printed, value)
                sentences.append(
                    f"{name}: the paper prints {printed:g} {unit}; {value:.3f} {unit} {verdict}"
                )
    return sentences


def _verdict(printed: float, computed: float) -> str:
    if agrees(printed, computed, truncation=False):
        return "agrees"
    if agrees(printed, computed):
        return "agrees when cut off, not when rounded"
    return f"differs by {computed - printed:+.3g}"
