"""What a network costs row by row: receptive field, parameters, multiply-accumulates and bytes; auxiliary heads last."""

from typing import Any

from atalho.explain.shapes import times
from atalho.grammar.cost import Cost, auxiliary, lines, totals
from atalho.grammar.layers import Pair
from atalho.grammar.network import Network
from atalho.grammar.peak import Dtype, peak
from atalho.grammar.receptive import Field, fields

UNITS = {"params": "", "macs": "", "weight bytes": "B", "activation bytes": "B"}
"""The columns of large counts, each with its unit."""


def row_details(cost: Cost, field: Field | None, network: Network, dtype: Dtype) -> dict[str, Any]:
    """Returns the part of a row's JSON object on its receptive field, [height, width] in pixels, and on its bytes.

    Args:
        field: None where an output sees the whole input; it then has the input's size and no stride.
    """
    return {
        "receptive_field": list(field.size if field else network.input[1:]),
        "receptive_stride": list(field.stride) if field else None,
        **byte_counts(cost, dtype),
    }


def byte_counts(cost: Cost, dtype: Dtype) -> dict[str, int]:
    """Returns the bytes of the parameters, and of the activations that are written."""
    return {
        "weight_bytes": cost.params * dtype.bytes,
        "activation_bytes": cost.activations * dtype.bytes,
    }


def table(network: Network, dtype: Dtype) -> list[dict[str, Any]]:
    """Returns the table for people: the rows, the total at inference, then the auxiliary heads and their own total."""
    main: list[dict[str, Any]] = []
    heads: list[dict[str, Any]] = []
    for line, field in zip(lines(network), fields(network), strict=True):
        columns = {
            "row": line.row.name,
            "output": times(line.output),
            "receptive field/stride": _field(field),
            **_numbers(line.cost, dtype),
        }
        rows = heads if line.auxiliary else main
        rows.append(columns)
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
    return times(sides if len(set(sides)) > 1 else sides[:1])


def notes(network: Network, dtype: Dtype) -> list[str]:
    """Returns what a reader of the table should know, in lines."""
    elements, row = peak(network)
    sentences = [
        f"input {times(network.input)}; one image, at inference; bytes in {dtype.value}",
        "receptive field/stride: pixels on a side that one output sees, padding included, and between neighbours",
        f"peak activation memory: {elements * dtype.bytes:,} bytes, in {row}, weights and workspaces not counted; "
        "a tensor lives until its last reader is done, nothing is sentences in place",
    ]
    if network.taps:
        sentences.append("auxiliary heads: training only")
    return sentences
