"""A network's table, recomputed row by row beside what its paper prints."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from atalho.explain import breakdown
from atalho.explain.table import shape
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
    """Parameters and multiply-accumulates in the paper's units, counted as the paper counts."""
    params = cost.params if units.biases else cost.weights
    return params / units.params, cost.macs / units.macs


def document(network: Network, dtype: Dtype = Dtype.FLOAT32) -> dict[str, Any]:
    """The network as one JSON object: counts for one image at inference, shapes as [C, H, W], bytes in `dtype`.

    `printed` stands where the paper prints a number, converted to counts. Auxiliary heads are marked, and their cost is
    no part of the totals.
    """
    cost, heads = totals(network), auxiliary(network)
    found: dict[str, Any] = {
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
        found["printed"] = printed
    if network.taps:
        found["auxiliary"] = {"params": heads.params, "macs": heads.macs}
    return found


def _row(line: Line, field: Field | None, network: Network, dtype: Dtype) -> dict[str, Any]:
    found: dict[str, Any] = {
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
        found["auxiliary"] = True
    if line.row.printed and (printed := _counts(line.row.printed, network.units)):
        found["printed"] = printed
    return found


def _counts(printed: Printed, units: Units) -> dict[str, int]:
    """Printed numbers as counts; only those that are printed."""
    counts = {
        "params": None if printed.params is None else round(printed.params * units.params),
        "macs": None if printed.macs is None else round(printed.macs * units.macs),
        "depth": printed.depth,
    }
    return {key: value for key, value in counts.items() if value is not None}


def module_table(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The table of a module that is not the catalogue's, from `foreign.document`: a row for each of its children, and the totals."""
    rows = [{**row, "output": shape(row["output"])} for row in document["rows"]]
    total = {"name": "total", "kind": "", "output": ""}
    return [*rows, {**total, "params": document["params"], "macs": document["macs"]}]


def table(network: Network) -> list[dict[str, Any]]:
    """The table for people: the paper's columns, stages folded as the paper folds them, totals last.

    A number that differs from the printed one is followed by the difference.
    """
    units = network.units
    found = lines(network)
    beside = any(_beside(line.row.printed) for line in found)
    rows = [_folded(list(group), network, beside) for _, group in groupby(found, _stage)]
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
    """Rows with the same key are one line of the paper's table."""
    row = line.row
    return (row.stage, row.kind) if row.stage else (row.name, row.kind)


def _folded(group: list[Line], network: Network, beside: bool) -> dict[str, Any]:
    first, last = group[0], group[-1]
    row = first.row
    folded = len(group) > 1
    found: dict[str, Any] = {
        "row": row.stage if folded else row.name,
        "type": f"{row.kind} ×{len(group)}" if folded else row.kind,
        "patch/stride": patch(row.layer, first.input),
        "output": "×".join(map(str, last.output)),
        "depth": sum(line.depth for line in group) or "",
    }
    if network.columns:
        for header, paths in network.columns.items():
            found[header] = next(filter(None, (_filters(row.layer, path) for path in paths)), "")
    elif any(line.row.stage for line in lines(network)):
        found["layers"] = convolutions(row.layer)
    cost = total(line.cost for line in group)
    return found | _numbers(cost, row.printed, network.units, beside=beside)


def _numbers(cost: Cost, printed: Printed | None, units: Units, *, beside: bool) -> dict[str, Any]:
    """Parameters and operations; in the paper's units beside its numbers, where it prints any by row."""
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


def _claim(printed: float | None, found: float) -> str:
    """`463  ≠ +34.50`: what is printed, and by how much the table gives more."""
    if printed is None:
        return ""
    text = f"{printed:g}"
    return text if agrees(printed, found) else f"{text}  ≠ {found - printed:+.2f}"


def patch(layer: Layer, shape: Shape) -> str:
    """`7×7/2`: window and stride of a row that is one window after another; a join has none."""
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
    """Filters of the convolution at `path` inside a row."""
    try:
        found = layer[path] if isinstance(layer, Join) else None
    except KeyError:
        return None
    return found.filters if isinstance(found, Conv) else None


def convolutions(layer: Layer) -> str:
    """`1×1, 64 · 3×3, 64 · 1×1, 256`: the convolutions of a block, its shortcut left out, as He 2015's Table 1 has them."""
    found = (
        f"{'×'.join(map(str, pair(leaf.kernel)))}, {leaf.filters}"
        for path, leaf in walk(layer)
        if isinstance(leaf, Conv) and ".shortcut" not in path
    )
    return " · ".join(found)


def notes(network: Network) -> list[str]:
    """What a reader of the table should know, in lines."""
    found = [
        f"input {'×'.join(map(str, network.input))}, {network.num_classes} classes; one image, at inference"
    ]
    if network.changes:
        found.insert(0, f"against the paper: {network.changes}")
    units = network.units
    if any(_beside(row.printed) for row in network.rows):
        counted = "weights without biases" if not units.biases else "parameters"
        found.append(
            f"params in {units.params_name} = {units.params:,} {counted}; "
            f"ops in {units.macs_name} = {units.macs:,} multiply-accumulates"
        )
        found.append("≠: the table gives so much more or less than the paper prints")
    else:
        found.append("macs: multiply-accumulates, what the papers call FLOPs")
        cost = totals(network)
        params, macs = as_printed(cost, units)
        for name, unit, printed, value in (
            ("params", units.params_name, network.printed.params, params),
            ("macs", units.macs_name, network.printed.macs, macs),
        ):
            if printed is not None:
                verdict = _verdict(printed, value)
                found.append(
                    f"{name}: the paper prints {printed:g} {unit}; {value:.3f} {unit} {verdict}"
                )
    return found


def _verdict(printed: float, found: float) -> str:
    if agrees(printed, found, truncation=False):
        return "agrees"
    if agrees(printed, found):
        return "agrees when cut off, not when rounded"
    return f"differs by {found - printed:+.3g}"
