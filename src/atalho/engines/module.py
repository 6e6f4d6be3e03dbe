"""A network on an engine as a torch module, so that `predict` and `evaluate` run on the engine that was measured."""

import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn

from atalho.engines import ENGINES, Backend, check
from atalho.engines.engine import Placement
from atalho.errors import AtalhoError, Exit
from atalho.weights.trained import Trained


class EngineModule(nn.Module):
    """Maps (N, C, H, W) preprocessed images to (N, classes) logits on an engine, and records how long each batch took."""

    def __init__(self, folder: Path, backend: Backend, placement: Placement) -> None:
        super().__init__()
        self.backend = backend
        if ENGINES[backend.engine].needs[backend.dtype]:
            # torch only prepares images then; more threads would spin on the engine's cores while they wait.
            torch.set_num_threads(1)
        self.session = ENGINES[backend.engine].open(folder, backend.dtype, placement)
        self.seconds: dict[int, list[float]] = {}
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        placed = self.session.put(images.cpu().contiguous().numpy())
        begun = time.perf_counter()
        logits = self.session.run(placed)
        self.seconds.setdefault(len(images), []).append(time.perf_counter() - begun)
        return torch.from_numpy(self.session.get(logits).copy()).to(images.device)

    def latency(self) -> tuple[int, float] | None:
        """The most frequent batch size and the median seconds of its batches; None before the first batch."""
        if not self.seconds:
            return None
        size = max(self.seconds, key=lambda each: len(self.seconds[each]))
        return size, median(self.seconds[size])


def on_engine(trained: Trained, folder: Path, backend: Backend, placement: Placement) -> Trained:
    """The same network, run by a backend whose files are in its folder.

    Raises:
        AtalhoError: as `engines.check`; ENGINE-FILE (exit 4), where the engine cannot open its files; exit 5, where one names others.
    """
    check(backend, placement.device)
    placement = replace(placement, named=trained.network.name)
    try:
        module = EngineModule(folder, backend, placement)
    except (AtalhoError, MemoryError):
        raise
    except Exception as error:  # an engine may raise anything at a file that is none of its own
        cause = (str(error).splitlines() or [type(error).__name__])[0]
        raise AtalhoError(
            "ENGINE-FILE",
            folder,
            f"{backend} cannot open its files ({cause})",
            next_step="take a copy that was not changed, or export the network again",
            exit=Exit.CHECKPOINT,
        ) from error
    return replace(trained, model=module, precision=None)
