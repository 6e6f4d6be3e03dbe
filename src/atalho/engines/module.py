"""A network on its engine as a torch module: what is measured is what `predict` and `evaluate` ask."""

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
    """Answers (N, C, H, W) preprocessed images with (N, classes) logits, and remembers how long each batch took."""

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
        """The size of batch that was asked most often and its median seconds; None before the first."""
        if not self.taken:
            return None
        size = max(self.taken, key=lambda each: len(self.taken[each]))
        return size, median(self.taken[size])


def on_engine(trained: Trained, folder: Path, backend: Backend, placement: Placement) -> Trained:
    """The network of a folder on the engine that it was put there for.

    Raises:
        AtalhoError: as `engines.check`.
    """
    check(backend, placement.device)
    placement = replace(placement, named=trained.network.name)
    return replace(trained, model=EngineModule(folder, backend, placement), precision=None)
