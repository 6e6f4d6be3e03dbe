"""The catalogue's networks with their costs for the claims, each computed once in a verification."""

from functools import cache
from itertools import pairwise

from atalho import networks
from atalho.grammar import cost
from atalho.grammar.cost import Cost, Line
from atalho.grammar.layers import Conv, Layer, walk
from atalho.grammar.network import Network


class Tables:
    """Networks by name, with their costs; computed values are cached in the object."""

    def __init__(self) -> None:
        self.network = cache(self._network)
        self.lines = cache(self._lines)
        self.totals = cache(self._totals)

    def _network(self, name: str) -> Network:
        return networks.get(name)

    def _lines(self, name: str) -> dict[str, Line]:
        """The rows of a network by name, auxiliary heads included."""
        return {line.row.name: line for line in cost.lines(self.network(name))}

    def _totals(self, name: str) -> Cost:
        """What one image costs at inference."""
        return cost.total(line.cost for line in self.lines(name).values() if not line.auxiliary)


def after_convolutions(network: Network) -> list[Layer]:
    """The leaf that follows each convolution of a table, auxiliary heads included."""
    leaves = [leaf for row in network.rows for _, leaf in walk(row.layer)]
    return [after for leaf, after in pairwise(leaves) if isinstance(leaf, Conv)]
