"""One Inception module explained: every branch with and without its 1×1 reduction (Szegedy 2014, Fig. 2)."""

from typing import Any, NamedTuple

from atalho.errors import AtalhoError, Exit
from atalho.explain.describe import convolutions
from atalho.explain.shapes import times
from atalho.grammar.cost import Work, work
from atalho.grammar.shape import Shape, text
from atalho.networks.googlenet import SOURCE, Filters, inception, naive_inception

TITLES = {"branch1x1": "1×1", "branch3x3": "3×3", "branch5x5": "5×5", "branch_pool": "pool"}


class Part(NamedTuple):
    """A branch or the whole module, with its output and cost for one image.

    Attributes:
        layers: a branch's convolutions in order, as in `1×1, 16 · 5×5, 48`.
        reduced: output and cost with the 1×1 reductions (Fig. 2b).
        naive: output and cost without (Fig. 2a).
    """

    name: str
    layers: str
    reduced: Work
    naive: Work

    @property
    def params_ratio(self) -> float:
        """How many times the parameters are without reductions."""
        return self.naive.cost.params / self.reduced.cost.params

    @property
    def macs_ratio(self) -> float:
        """How many times the multiply-accumulates are without reductions."""
        return self.naive.cost.macs / self.reduced.cost.macs


def parts(input: Shape, filters: Filters) -> list[Part]:
    """Returns the module's branches, and last the module itself, for an input of shape (C, H, W).

    Raises:
        AtalhoError: INPUT-SHAPE (exit 2), where a side of the input is less than 1.
    """
    if min(input) < 1:
        raise AtalhoError(
            "INPUT-SHAPE",
            text(input),
            "cannot be the input of a module, which takes CxHxW, each at least 1",
            next_step="atalho inception 480x14x14 192 96 208 16 48 64",
            exit=Exit.USAGE,
        )
    reduced, naive = inception(filters), naive_inception(filters)
    branches = [
        Part(TITLES[name], convolutions(branch), work(branch, input), work(naive[name], input))
        for name, branch in reduced
    ]
    return [*branches, Part("module", "", work(reduced, input), work(naive, input))]


def document(input: Shape, filters: Filters) -> dict[str, Any]:
    """Returns the module as one JSON object: counts for one image, shapes as [C, H, W], ratios of naive to reduced."""
    *branches, module = parts(input, filters)
    return {
        "source": str(SOURCE),
        "input": list(input),
        "filters": filters._asdict(),
        "branches": [
            {"name": part.name, "layers": part.layers, **_versions(part)} for part in branches
        ],
        "module": _versions(module),
    }


def _versions(part: Part) -> dict[str, Any]:
    return {
        **{
            name: {
                "output": list(version.output),
                "params": version.cost.params,
                "macs": version.cost.macs,
            }
            for name, version in (("reduced", part.reduced), ("naive", part.naive))
        },
        "params_ratio": part.params_ratio,
        "macs_ratio": part.macs_ratio,
    }


def table(input: Shape, filters: Filters) -> list[dict[str, Any]]:
    """Returns the table for people: a line for each branch, the module last; `naive` columns are without reductions."""
    return [
        {
            "branch": part.name,
            "layers": part.layers,
            "channels": part.reduced.output[0],
            "params": part.reduced.cost.params,
            "macs": part.reduced.cost.macs,
            "naive channels": part.naive.output[0],
            "naive params": part.naive.cost.params,
            "naive macs": part.naive.cost.macs,
            "params ratio": part.params_ratio,
            "macs ratio": part.macs_ratio,
        }
        for part in parts(input, filters)
    ]


def notes(input: Shape, filters: Filters) -> list[str]:
    """Returns what a reader of the table should know, in lines."""
    module = parts(input, filters)[-1]
    return [
        f"input {times(input)}; one image; params with biases, macs: multiply-accumulates",
        f"naive: without the 1×1 reductions (Fig. 2a), every convolution reads all {input[0]:,} channels; "
        "ratio: naive to reduced",
        f"the naive pool passes on all {input[0]:,} channels: {module.naive.output[0]:,} leave the module, "
        f"not {module.reduced.output[0]:,}, and the next module pays for them",
    ]
