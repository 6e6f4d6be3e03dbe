"""The engine `compiled`: torch.compile, the module's operations fused; on a GPU replayed as one CUDA graph."""

from pathlib import Path

from atalho.engines.eager import Torch, files, module, write
from atalho.engines.engine import Dtype, Engine, Placement, Session

MOST_SIZES = 1000
"""Numbers of images that a network can be compiled for in one process."""


def opened(folder: Path, dtype: Dtype, placement: Placement) -> Session:
    """The network of a folder; it is compiled anew for each number of images, when it is first run on so many."""
    import torch
    from torch._dynamo import config as tracing
    from torch._inductor import config

    config.freezing = True  # weights are constants: BatchNorm is folded and layouts are chosen once
    # Beyond eight sizes torch would run the module uncompiled, and say so in a warning alone.
    tracing.recompile_limit = tracing.accumulated_recompile_limit = MOST_SIZES
    tracing.fail_on_recompile_limit_hit = True
    mode = "reduce-overhead" if placement.device.type == "cuda" else "default"
    return Torch(
        torch.compile(module(folder, placement), mode=mode, dynamic=False), dtype, placement
    )


COMPILED = Engine(
    "compiled", {"float32": (), "bf16": ()}, frozenset({"cpu", "cuda"}), write, opened, files
)
