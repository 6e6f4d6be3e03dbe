"""BatchNorm's statistics computed anew, as plain means over batches of images instead of training's moving averages."""

from collections.abc import Iterable
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@torch.no_grad()
def recalibrated(model: nn.Module, images: Iterable[Tensor]) -> nn.Module:
    """A copy of `model` in evaluation mode whose BatchNorm statistics are means over batches of (N, C, H, W) images.

    He 2015 evaluates with true averages over a large batch (the published models' note); at initialisation the
    moving averages mean nothing yet.
    """
    copy = deepcopy(model).eval()
    norms = [m for m in copy.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative mean
        norm.train()  # BatchNorm alone: dropout would change the averages
    for batch in images:
        copy(batch)
    return copy.eval()
