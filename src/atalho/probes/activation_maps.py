"""Where in an image a network sees a class: class activation maps (Zhou et al. 2016), Grad-CAM (Selvaraju et al. 2017) elsewhere.

A network that ends in average pooling and one linear layer computes the logit of a class as the mean, over all places, of a weighted
sum of its last maps, plus a bias. That sum at each place is the map, and exact: nothing is estimated. So it is in a network whose
last maps, one for each class, are only averaged (Lin et al. 2013). For any other network Grad-CAM takes the place of the weights.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from atalho.errors import AtalhoError, Exit

_KEPT = 8  # of the last maps of a forward pass: behind the one that is averaged there are the pooled ones and a few activations
_CLOSE = 1e-4  # relative difference of equal sums in float32 that were added in another order


class ActivationMaps(NamedTuple):
    """The part of each place of the last maps in the logit of a class.

    Attributes:
        parts: (N, h, w); where they are exact, their mean over all places plus the bias is the logit.
        exact: whether they are class activation maps; otherwise they are Grad-CAM's.
    """

    parts: Tensor
    exact: bool


class _Map(NamedTuple):
    """What a module returned for a batch: (N, C, h, w) maps."""

    module: nn.Module
    output: Tensor


class _Pass(NamedTuple):
    """A forward pass.

    Attributes:
        logits: (N, classes).
        maps: the last maps, in the order in which they were computed.
        linear: the last linear layer with its (N, features) input; None where there is none.
    """

    logits: Tensor
    maps: tuple[_Map, ...]
    linear: tuple[nn.Linear, Tensor] | None


def activation_maps(model: nn.Module, images: Tensor, classes: Tensor, name: str) -> ActivationMaps:
    """The maps of one class for each image.

    Args:
        model: in eval mode.
        images: (N, C, H, W), preprocessed, on the model's device.
        classes: (N,) indices of the classes to explain.
        name: of the network, for errors.

    Raises:
        AtalhoError: NO-MAPS (exit 2), for a network without maps in its last layers, as a transformer; EXTRA-MISSING (exit 6), where
            a network needs Grad-CAM and captum is not installed.
    """
    ran = _run(model, images, name)
    exact = _exact(ran, classes)
    if exact is not None:
        return ActivationMaps(exact, exact=True)
    return ActivationMaps(_grad_cam(model, ran.maps[-1].module, images, classes), exact=False)


@torch.no_grad()
def _run(model: nn.Module, images: Tensor, name: str) -> _Pass:
    """Runs the model and records what its last modules return; raises NO-MAPS."""
    maps: deque[_Map] = deque(maxlen=_KEPT)
    linear: list[tuple[nn.Linear, Tensor]] = []
    height, width = images.shape[-2:]

    def record(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if isinstance(module, nn.Linear) and output.dim() == 2:
            linear[:] = [(module, inputs[0])]
        if not isinstance(output, Tensor):
            return
        if output.dim() == 3:
            maps.clear()  # a sequence of tokens: the maps before it are not the last layers'
        # Channels last would be taken for maps of another proportion than the image's.
        elif output.dim() == 4 and _in_proportion(output, height, width):
            maps.append(_Map(module, output))

    with _hooked(model, record):
        logits = model(images)
    if not maps:
        raise AtalhoError(
            "NO-MAPS",
            name,
            "has no maps of the image in its last layers, so that what it sees where cannot be shown",
            next_step="predict without --explain, or a convolutional network",
            exit=Exit.USAGE,
        )
    return _Pass(logits, tuple(maps), linear[0] if linear else None)


@contextmanager
def _hooked(model: nn.Module, hook: Any) -> Iterator[None]:
    """A context in which `hook` is called after each module but the model itself."""
    parts = [module for module in model.modules() if module is not model]
    handles = [part.register_forward_hook(hook) for part in parts]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _in_proportion(output: Tensor, height: int, width: int) -> bool:
    """Whether maps have the image's proportions, as far as whole numbers allow, and more than one place."""
    h, w = output.shape[-2:]
    return h * w > 1 and abs(h * width - w * height) <= max(height, width)


@torch.no_grad()
def _exact(ran: _Pass, classes: Tensor) -> Tensor | None:
    """The class activation maps; None where the network is not of the kind that has them."""
    rows = torch.arange(len(classes), device=classes.device)
    for each in reversed(ran.maps):
        mean = each.output.mean((2, 3))
        if _equal(mean, ran.logits):
            return each.output[rows, classes]
        if ran.linear is None:
            continue
        layer, pooled = ran.linear
        if _equal(mean, pooled) and layer.out_features == ran.logits.shape[1]:
            weights = layer.weight[classes].to(each.output.dtype)
            return torch.einsum("nc,nchw->nhw", weights, each.output)
    return None


def _equal(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape:
        return False
    return torch.allclose(one, other, rtol=_CLOSE, atol=_CLOSE * float(other.abs().max()))


def _grad_cam(model: nn.Module, layer: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """Grad-CAM's maps without its rectification, so that what speaks against the class is negative; raises EXTRA-MISSING."""
    try:
        from captum.attr import LayerGradCam
    except ImportError as error:
        raise AtalhoError(
            "EXTRA-MISSING",
            "captum",
            "is not installed, and shows where a network looks that does not end in average pooling and one linear layer",
            next_step="pip install 'atalho[explain]'",
            exit=Exit.RESOURCES,
        ) from error
    with torch.enable_grad():
        maps: Tensor = LayerGradCam(model, layer).attribute(images, target=classes)
    return maps.detach()[:, 0]
