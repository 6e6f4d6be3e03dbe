"""torchvision's state dict: plain tensors under torchvision's names, auxiliary heads where the weights have them.

A state dict says nothing of classes and preprocessing.
"""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from atalho.data.batches import preprocess
from atalho.exports.format import Format, Reader, check_shapes, name_in, state_in, unallocated
from atalho.grammar.network import Network
from atalho.weights.trained import Trained


def write(trained: Trained, path: Path) -> None:
    """Writes the state dict.

    Raises:
        AtalhoError: CHECKPOINT-LAYOUT or EXPORT-SHAPE (exit 4), where torchvision does not have this network.
    """
    state = state_in("torchvision", trained)
    check_shapes(trained, "torchvision", unallocated(lambda: _construct(trained)), state)
    torch.save(state, path)


def read(trained: Trained, path: Path) -> Reader:
    """torchvision's own module with the state dict, loaded strictly."""
    model = unallocated(lambda: _construct(trained)).to_empty(device="cpu")
    model.load_state_dict(torch.load(path, weights_only=True), strict=True)
    model.eval()
    return Reader(lambda images: model(preprocess(images, trained.preprocessing)), None)


def usage(trained: Trained, path: Path) -> str:
    """The line that reads it."""
    options = "".join(f", {key}={value}" for key, value in _options(trained).items())
    return (
        f"torchvision.models.get_model({name_in('torchvision', trained.network)!r}{options})"
        f".load_state_dict(torch.load({str(path)!r}, weights_only=True))"
        "  # it cannot hold classes and preprocessing"
    )


def _options(trained: Trained) -> dict[str, Any]:
    network = trained.network
    options: dict[str, Any] = {"num_classes": network.num_classes}
    if name_in("torchvision", network) in ("googlenet", "inception_v3"):
        heads = isinstance(network, Network) and bool(network.taps)
        options |= {"aux_logits": heads, "init_weights": False}
    return options


def _construct(trained: Trained) -> nn.Module:
    from torchvision.models import get_model  # type: ignore[import-untyped]  # 2 s

    model: nn.Module = get_model(name_in("torchvision", trained.network), **_options(trained))
    return model


TORCHVISION = Format(write, read, usage)
