"""How quickly a network's gradient changes along a line in input space (shattered gradients).

Balduzzi et al. 2017, The shattered gradients problem, arXiv:1702.08591, §2: with depth the gradients of a plain network
lose their correlation and come to resemble white noise; those of a residual network keep it longer.
"""

from typing import Any

import torch
from torch import Tensor, nn

from atalho.probes.normalisation import recalibrated
from atalho.probes.passes import Batch, undisturbed
from atalho.record import Record

DISTANCES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
IMAGES = 32  # at most; the direction is drawn for each image
PROTOCOL = (
    "evaluation mode, BatchNorm's statistics taken anew from the batch; gradient of the true class's "
    "logit by the image; random directions of length √(C·H·W) a unit of distance"
)


def input_gradient(model: nn.Module, batch: Batch) -> Tensor:
    """∂(logit of the true class)/∂(image), (N, C, H, W), with the model in evaluation mode."""
    images = batch.images.detach().requires_grad_()
    with undisturbed(model, training=False), torch.enable_grad():
        true_logits = model(images).gather(1, batch.labels[:, None]).sum()
        return torch.autograd.grad(true_logits, images)[0]


def correlation(
    model: nn.Module, batch: Batch, distances: tuple[float, ...] = DISTANCES, *, seed: int = 0
) -> dict[float, float]:
    """R(τ) = E⟨∇(0), ∇(τ)⟩ / E‖∇‖² for each distance τ, over the batch's images x₀ with a random direction u for each.

    ∇(t) is the gradient of a logit by the input at x₀ + t·u, with ‖u‖ = √(C·H·W), so that t is in units of the input:
    standard deviations of a pixel, where the input is normalised. E‖∇‖² is the mean over both ends of the line. Each R(τ) is in [−1, 1].
    """
    generator = torch.Generator().manual_seed(seed)
    images = batch.images
    drawn = torch.randn(images.shape, generator=generator, dtype=images.dtype).to(images.device)
    lengths = drawn.flatten(1).norm(dim=1) / drawn[0].numel() ** 0.5
    direction = drawn / lengths[:, None, None, None]
    start = input_gradient(model, batch)
    correlations = {}
    for distance in distances:
        end = input_gradient(model, batch._replace(images=images + distance * direction))
        squares = (start.square().sum() + end.square().sum()) / 2
        correlations[distance] = ((start * end).sum() / squares).item()
    return correlations


def records(subject: str, model: nn.Module, batch: Batch, **conditions: Any) -> list[Record]:
    """The correlations as records, one for each distance.

    BatchNorm's statistics are those of the whole batch; the lines start at its first `IMAGES` images.
    """
    few = Batch(batch.images[:IMAGES], batch.labels[:IMAGES])
    common = {**conditions, "batch": len(few.labels), "logit": "true class", "protocol": PROTOCOL}
    return [
        Record.of(subject, "gradient_correlation", value, "measured", **common, distance=distance)
        for distance, value in correlation(recalibrated(model, [batch.images]), few).items()
    ]
