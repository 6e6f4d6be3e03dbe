"""The engine `compiled`: torch.compile, the module's operations fused; on a GPU replayed as one CUDA graph."""

from pathlib import Path

from atalho.engines.eager import Torch, files, module, write
from atalho.engines.engine import Dtype, Engine, Placement, Session


def opened(folder: Path, dtype: Dtype, placement: Placement) -> Session:
    """The network of a folder; it is compiled anew for each number of images, when it is first run on so many."""
    import torch
    from torch._inductor import config

    config.freezing = True  # weights are constants: BatchNorm is folded and layouts are chosen once
    mode = "reduce-overhead" if placement.device.type == "cuda" else "default"
    return Torch(
        torch.compile(module(folder, placement), mode=mode, dynamic=False), dtype, placement
    )


COMPILED = Engine(
    "compiled", {"float32": (), "bf16": ()}, frozenset({"cpu", "cuda"}), write, opened, files
)
