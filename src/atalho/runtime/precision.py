"""The precision that a network runs in, and which one is fastest on a device."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:  # a process that runs another engine than torch's does not import it
    import torch

Precision = Literal["float32", "bf16"]
"""The precisions that torch trains and evaluates in; engines have more."""


def autocast(device: "torch.device", precision: Precision) -> AbstractContextManager[Any]:
    """Mixed precision: convolutions and linear layers in bf16, weights and losses in float32."""
    import torch

    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def whole_float32() -> None:
    """Has GPUs multiply float32 numbers as float32; torch lets cuDNN's convolutions round them to TF32's 10 bits."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


def multiplies_bf16(device: "torch.device") -> bool:
    """Whether a device's hardware multiplies bf16; elsewhere libraries take float32 in its place, or imitate it slowly."""
    import torch

    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # Some supported versions of torch do not have it.
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(each) for each in ("avx512_bf16", "amx_bf16"))


def fastest(device: "torch.device") -> tuple[Precision, str]:
    """The precision to train in on a device, and why: bf16 where the hardware multiplies it, float32 elsewhere.

    The papers' recipes pin no precision; weights, statistics, losses and updates are float32 in both.
    """
    import torch

    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "this processor"
    if multiplies_bf16(device):
        return "bf16", f"{name} multiplies it natively"
    return "float32", f"{name} has no bf16 instructions"
