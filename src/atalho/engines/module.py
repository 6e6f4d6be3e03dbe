"""A network on an engine as a torch module, so that `predict` and `evaluate` run on the engine that was measured."""

import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn

from atalho.engines import ENGINES, Backend, check
from atalho.engines.engine import Placement
from atalho.weights.trained import Trained


class EngineModule(nn.Module):
    """Maps (N, C, H, W) preprocessed images to (N, classes) logits on an engine, and keeps how long each batch took."""

    def __init__(self, folder: Path, backend: Backend, placement: Placement) -> None:
        super().__init__()
        self.backend = backend
        if ENGINES[backend.engine].needs[backend.dtype]:
            # torch only prepares images then, and its threads would wait for more of them on the engine's cores.
            torch.set_num_threads(1)
        self.session = ENGINES[backend.engine].open(folder, backend.dtype, placement)
        self.taken: dict[int, list[float]] = {}
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        placed = self.session.put(images.cpu().contiguous().numpy())
        begun = time.perf_counter()
        logits = self.session.run(placed)
        self.taken.setdefault(len(images), []).append(time.perf_counter() - begun)
        return torch.from_numpy(self.session.get(logits).copy()).to(images.device)

    def latency(self) -> tuple[int, float] | None:
        """The most frequent batch size and the median seconds of its batches; None before the first batch."""
        if not self.taken:
            return None
        size = max(self.taken, key=lambda each: len(self.taken[each]))
        return size, median(self.taken[size])


def on_engine(trained: Trained, folder: Path, backend: Backend, placement: Placement) -> Trained:
    """The same network, run on a backend whose files are in its folder.

    Raises:
        AtalhoError: as `engines.check`.
    """
    check(backend, placement.device)
    placement = replace(placement, named=trained.network.name)
    return replace(trained, model=EngineModule(folder, backend, placement), precision=None)
