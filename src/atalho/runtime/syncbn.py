"""Batch normalisation over the batch of all processes."""

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.autograd import Function


class _SumOverAll(Function):
    """The sum over all processes; every process's loss depends on it, so its gradient is their sum too."""

    @staticmethod
    def forward(ctx: Any, part: Tensor) -> Tensor:
        whole = part.clone()
        distributed.all_reduce(whole)
        return whole

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _SumOverAll.forward(ctx, gradient)


def _sum(part: Tensor) -> Tensor:
    whole: Tensor = _SumOverAll.apply(part)
    return whole


class SynchronisedBatchNorm(nn.BatchNorm2d):
    """BatchNorm2d whose mean and variance are those of all processes' images (Ioffe 2015, Algorithm 1, over the whole batch).

    For processors: torch's own SyncBatchNorm is for GPUs alone.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) of this process to (N, C, H, W)."""
        if not self.training:
            return super().forward(x)
        wide = x.float()
        count = _sum(torch.tensor(float(wide.numel() // wide.shape[1])))
        mean = _sum(wide.sum((0, 2, 3))) / count
        centred = wide - mean[:, None, None]
        variance = _sum(centred.square().sum((0, 2, 3))) / count
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        scale = (variance + self.eps).rsqrt()
        if self.affine:
            scale = scale * self.weight
        y = centred * scale[:, None, None]
        if self.affine:
            y = y + self.bias[:, None, None]
        output: Tensor = y.to(x.dtype)
        return output

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        """Moves the running statistics, as BatchNorm2d does."""
        if not self.track_running_stats or self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        share = self.momentum or 1 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


def synchronised(model: nn.Module, device: torch.device) -> nn.Module:
    """`model` with every BatchNorm2d taking its statistics over all processes; weights and names stay what they are."""
    if device.type == "cuda":
        converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        return converted
    for part in model.modules():
        if type(part) is nn.BatchNorm2d:
            part.__class__ = SynchronisedBatchNorm
    return model
