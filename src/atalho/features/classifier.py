"""The linear layer at a network's end: what comes into it are the network's features, and it can be replaced."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from atalho.errors import AtalhoError, Exit
from atalho.exports.format import for_inference
from atalho.weights import fitting
from atalho.weights.config import Classes
from atalho.weights.trained import Trained


@dataclass(frozen=True)
class LinearHead:
    """A linear classifier.

    Args:
        weight: (classes, features).
        bias: (classes,).
    """

    weight: Tensor
    bias: Tensor


def classifier(trained: Trained) -> str | None:
    """The name of the linear layer that returns the network's logits; None where they do not come from one with a bias."""
    outputs: list[tuple[str, int]] = []

    def note(name: str, features: tuple[Tensor, ...], output: Tensor) -> None:
        if features[0].dim() == 2:
            outputs.append((name, output.data_ptr()))

    linear = {
        name: part
        for name, part in trained.model.named_modules()
        if isinstance(part, nn.Linear) and part.bias is not None
    }
    hooks = [
        part.register_forward_hook(lambda _, x, y, name=name: note(name, x, y))
        for name, part in linear.items()
    ]
    with torch.inference_mode():
        device = next(trained.model.parameters()).device
        logits = trained.model(torch.zeros(1, *trained.network.input, device=device))
    for hook in hooks:
        hook.remove()
    return next((name for name, place in outputs if place == logits.data_ptr()), None)


def check(trained: Trained) -> str:
    """The name of the linear layer that returns the network's logits.

    Raises:
        AtalhoError: CLASSIFIER (exit 2), where they do not come from one.
    """
    name = classifier(trained)
    if name is None:
        raise AtalhoError(
            "CLASSIFIER",
            trained.network.name,
            "its logits do not come from a linear layer at its end, which could be fitted alone",
            next_step="--recipe quick, which trains all of the network",
            exit=Exit.USAGE,
        )
    return name


def as_features(trained: Trained) -> Trained:
    """The same network, which returns its features in place of its logits: its classifier is the identity.

    It stays a network of its name, with a class for every feature, so that every engine runs it.

    Raises:
        AtalhoError: as `check`.
    """
    alone = for_inference(trained)
    name = check(alone)
    layer = alone.model.get_submodule(name)
    assert isinstance(layer, nn.Linear)
    count = layer.in_features
    identity = LinearHead(torch.eye(count), torch.zeros(count))
    return with_head(alone, identity, {str(number): str(number) for number in range(count)})


def with_head(trained: Trained, head: LinearHead, classes: Classes) -> Trained:
    """The same network with another classifier, which has a row of weights for each of its classes.

    Raises:
        AtalhoError: as `check`.
    """
    name = check(trained)
    other = fitting.with_new_head(trained, classes, seed=0)
    layer = other.model.get_submodule(name)
    assert isinstance(layer, nn.Linear)
    with torch.no_grad():
        layer.weight.copy_(head.weight)
        layer.bias.copy_(head.bias)
    return replace(other, data=None)
