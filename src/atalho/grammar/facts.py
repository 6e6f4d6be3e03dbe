"""The facts about a network that a training recipe may depend on."""

from typing import NamedTuple

from atalho.grammar.shape import Shape


class Facts(NamedTuple):
    """What a recipe may depend on.

    Attributes:
        input: (C, H, W) of one image.
        macs: multiply-accumulates of one image.
        normalised: whether the network normalises its activations (batch, group or layer normalisation).
        depth: layers with weights along the longest path; None where no table says it.
    """

    input: Shape
    macs: int
    normalised: bool
    depth: int | None
