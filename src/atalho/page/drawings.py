"""Records → drawings of their networks of the catalogue, each for the input and classes that the records state."""

import base64
from collections.abc import Iterable

from atalho.errors import AtalhoError
from atalho.explain.draw import draw
from atalho.grammar.network import Network
from atalho.networks import CATALOGUE, get
from atalho.record import Record


def compared(records: Iterable[Record]) -> dict[str, str]:
    """Returns network → SVG for the networks that are compared, with repeated rows drawn once."""
    return {name: draw([table]) for name, table in _tables(records, "params").items()}


def by_row(records: Iterable[Record]) -> dict[str, str]:
    """Returns network → SVG for the networks whose gradient was measured, with every row drawn."""
    tables = _tables(records, "gradient_norm")
    return {name: draw([table], expand=True) for name, table in tables.items()}


def address(svg: str) -> str:
    """Returns a drawing as the address of an image, in which no script runs."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _tables(records: Iterable[Record], quantity: str) -> dict[str, Network]:
    """The table of each network that has a record of the quantity; its newest record states the input and classes."""
    newest = {r.subject: r for r in records if r.quantity == quantity and r.subject in CATALOGUE}
    tables = {name: _table(record) for name, record in newest.items()}
    return {name: table for name, table in tables.items() if table}


def _table(record: Record) -> Network | None:
    """The network as the record states it; None where the record does not state an input and classes that it can take."""
    match record.conditions:
        case {"input": [int(), int(), int()] as shape, "num_classes": int(classes)}:
            try:
                return get(record.subject, input=tuple(shape), num_classes=classes)
            except AtalhoError:
                return None
    return None
