"""Copies from the host to the device that work goes on beside."""

import torch
from torch import Tensor


def on_device(tensor: Tensor, device: torch.device) -> Tensor:
    """`tensor` on the device; the host does not wait for a GPU to take it, nor for what the GPU has yet to do before."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
