"""Questions made from the claims with changed numbers, and their answers, worked out by the functions behind the claims."""

from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import NamedTuple

from atalho.claims.residual import power_after
from atalho.explain.inception import parts
from atalho.grammar.cost import cost
from atalho.grammar.layers import Conv, Linear
from atalho.networks.googlenet import Filters
from atalho.networks.resnet import bottleneck
from atalho.slides.facts import block_weights

Numbers = Mapping[str, int]
Range = tuple[int, int, int]
"""The least and the most value of a number, and the step between values."""


class Kind(NamedTuple):
    """A kind of question.

    Attributes:
        claim: the id of the claim that it is made from.
        ranges: of the numbers that it is asked with.
        answer: returns the right answer to the question with some numbers.
    """

    claim: str
    ranges: Mapping[str, Range]
    answer: Callable[[Numbers], float]


def _macs(channels: int, filters: int, kernel: int, side: int) -> int:
    return cost(Conv(filters, kernel), (channels, side, side)).macs


def _saving(n: Numbers) -> float:
    reduce = _macs(n["channels"], n["between"], 1, n["side"])
    after = _macs(n["between"], n["filters"], 5, n["side"])
    return _macs(n["channels"], n["filters"], 5, n["side"]) / (reduce + after)


def _naive_output(n: Numbers) -> float:
    filters = Filters(n["one"], 1, n["three"], 1, n["five"], 1)
    return parts((n["channels"], 14, 14), filters)[-1].naive.output[0]


def _averaged(n: Numbers) -> float:
    flat = cost(Linear(n["classes"], bias=False), (n["channels"] * n["side"] ** 2,))
    return flat.params / cost(Linear(n["classes"], bias=False), (n["channels"],)).params


MAP: Range = (7, 56, 7)
CHANNELS: Range = (128, 832, 32)

KINDS: Mapping[str, Kind] = {
    "reduce": Kind(
        "L3",
        {"channels": CHANNELS, "filters": (16, 48, 8), "side": MAP},
        lambda n: _macs(n["channels"], n["filters"], 1, n["side"]),
    ),
    "saving": Kind(
        "L7",
        {"channels": CHANNELS, "between": (16, 48, 8), "filters": (32, 128, 16), "side": MAP},
        _saving,
    ),
    "naive": Kind(
        "L9",
        {"channels": CHANNELS, "one": (64, 256, 32), "three": (96, 320, 32), "five": (32, 128, 16)},
        _naive_output,
    ),
    "average": Kind(
        "L10", {"side": (4, 14, 1), "channels": CHANNELS, "classes": (10, 1000, 10)}, _averaged
    ),
    "power": Kind("L49", {"layers": (4, 30, 1)}, lambda n: 1 / power_after(n["layers"], 1)),
    "bottleneck": Kind(
        "L53",
        {"width": (16, 256, 16)},
        lambda n: block_weights(bottleneck(n["width"], 1), 4 * n["width"]),
    ),
    "depth": Kind(
        "L56",
        {"a": (2, 4, 1), "b": (2, 8, 1), "c": (4, 36, 1), "d": (2, 4, 1)},
        lambda n: 3 * (n["a"] + n["b"] + n["c"] + n["d"]) + 2,
    ),
    "operations": Kind(
        "L24",
        {"weights": (100_000, 1_400_000, 1000), "side": MAP},
        lambda n: n["weights"] * n["side"] ** 2,
    ),
}
"""The kinds of questions, by the names of their messages."""


def asked(random: Random) -> Iterator[tuple[str, dict[str, int], float]]:
    """Yields a question of each kind: its kind, its numbers and the answer."""
    for name, kind in KINDS.items():
        numbers = {
            key: random.randrange(least, most + 1, step)
            for key, (least, most, step) in kind.ranges.items()
        }
        yield name, numbers, kind.answer(numbers)
