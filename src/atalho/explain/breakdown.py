"""What a network costs row by row: receptive field, parameters, multiply-accumulates and bytes; auxiliary heads apart."""

from typing import Any

from atalho.grammar.cost import Cost, auxiliary, lines, totals
from atalho.grammar.layers import Pair
from atalho.grammar.network import Network
from atalho.grammar.peak import Dtype, peak
from atalho.grammar.receptive import Field, fields

UNITS = {"params": "", "macs": "", "weight bytes": "B", "activation bytes": "B"}
"""The columns of large counts, each with its unit."""


def row_details(cost: Cost, field: Field | None, network: Network, dtype: Dtype) -> dict[str, Any]:
    """What a row's JSON object says of its field and its bytes; a field is [height, width] in pixels.

    A row that sees the whole input has the input's size and no stride.
    """
    return {
        "receptive_field": list(field.size if field else network.input[1:]),
        "receptive_stride": list(field.stride) if field else None,
        **byte_counts(cost, dtype),
    }


def byte_counts(cost: Cost, dtype: Dtype) -> dict[str, int]:
    """Bytes of the parameters, and of the activations that are written."""
    return {
        "weight_bytes": cost.params * dtype.bytes,
        "activation_bytes": cost.activations * dtype.bytes,
    }


def table(network: Network, dtype: Dtype) -> list[dict[str, Any]]:
    """The table for people: one line a row, the total of inference, then the auxiliary heads and their own total."""
    main: list[dict[str, Any]] = []
    heads: list[dict[str, Any]] = []
    for line, field in zip(lines(network), fields(network), strict=True):
        found = {
            "row": line.row.name,
            "output": "×".join(map(str, line.output)),
            "receptive field/stride": _field(field),
            **_numbers(line.cost, dtype),
        }
        rows = heads if line.auxiliary else main
        rows.append(found)
    main.append(_total("total", totals(network), dtype))
    if heads:
        heads.append(_total("auxiliary heads", auxiliary(network), dtype))
    return main + heads


def _total(name: str, cost: Cost, dtype: Dtype) -> dict[str, Any]:
    return {"row": name, "output": "", "receptive field/stride": "", **_numbers(cost, dtype)}


def _numbers(cost: Cost, dtype: Dtype) -> dict[str, int | None]:
    weights, activations = byte_counts(cost, dtype).values()
    return {
        "params": cost.params or None,
        "macs": cost.macs or None,
        "weight bytes": weights or None,
        "activation bytes": activations or None,
    }


def _field(field: Field | None) -> str:
    """`483/32`, `7×1/1` where height and width differ."""
    return f"{_sides(field.size)}/{_sides(field.stride)}" if field else "whole input"


def _sides(sides: Pair) -> str:
    return "×".join(map(str, sides if len(set(sides)) > 1 else sides[:1]))


def notes(network: Network, dtype: Dtype) -> list[str]:
    """What a reader of the table should know, in lines."""
    elements, row = peak(network)
    found = [
        f"input {'×'.join(map(str, network.input))}; one image, at inference; bytes in {dtype.value}",
        "receptive field/stride: pixels on a side that one output sees, padding included, and between neighbours",
        f"peak activation memory: {elements * dtype.bytes:,} bytes, in {row}, weights and workspaces not counted; "
        "a tensor lives until its last reader is done, nothing is written in place",
    ]
    if network.taps:
        found.append("auxiliary heads: training only")
    return found
