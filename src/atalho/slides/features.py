"""What the branches of an Inception module make of the photo, with weights that are drawn at random; this takes torch."""

from functools import cache
from typing import TYPE_CHECKING

from PIL import Image

from atalho.networks.googlenet import SOURCE, Filters, inception
from atalho.slides.photo import SIDE, photo

if TYPE_CHECKING:
    from torch import Tensor

MAPS = 6
"""Channels of each branch."""

SEED = 0
SHOWN = 112
"""Pixels of a shown map's side."""


@cache
def feature_maps() -> dict[str, list[Image.Image]]:
    """Returns the maps of each branch, each stretched from black at its least value to white at its greatest."""
    import numpy as np
    import torch

    from atalho.grammar.layers import AdaptiveAvgPool
    from atalho.grammar.module import build
    from atalho.grammar.network import Network, Row, classifier

    rows = (
        Row("module", "inception", inception(Filters(*[MAPS] * 6))),
        Row("avgpool", "average pool", AdaptiveAvgPool()),
        Row("linear", "linear", classifier(2)),
    )
    model = build(Network("module", SOURCE, rows, (3, SIDE, SIDE), 2), seed=SEED).eval()
    pixels = torch.tensor(np.asarray(photo()), dtype=torch.float32).permute(2, 0, 1)[None] / 255
    branches = dict(model.get_submodule("module").named_children())
    with torch.inference_mode():
        outputs = {name: branch(pixels - pixels.mean())[0] for name, branch in branches.items()}
    return {name: [_image(each) for each in maps] for name, maps in outputs.items()}


def _image(channel: "Tensor") -> Image.Image:
    """One channel as a picture; an even one is black."""
    low, high = channel.min().item(), channel.max().item()
    scaled = (channel - low) / ((high - low) or 1)
    return Image.fromarray((255 * scaled).byte().numpy()).resize((SHOWN, SHOWN))
