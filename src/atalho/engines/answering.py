"""A network on its engine as a torch module: what is measured is what `predict` and `evaluate` ask."""

import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn

from atalho.engines import ENGINES, Way, check
from atalho.engines.engine import Place
from atalho.weights.trained import Trained


class Answering(nn.Module):
    """Answers (N, C, H, W) preprocessed images with (N, classes) logits, and remembers how long each batch took."""

    def __init__(self, folder: Path, way: Way, place: Place) -> None:
        super().__init__()
        self.way = way
        if ENGINES[way.engine].needs[way.dtype]:
            # torch only prepares images then, and its threads would wait for more of them on the engine's cores.
            torch.set_num_threads(1)
        self.session = ENGINES[way.engine].open(folder, way.dtype, place)
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


def answering(trained: Trained, folder: Path, way: Way, place: Place) -> Trained:
    """The network of a folder on the engine that it was put there for.

    Raises:
        AtalhoError: as `engines.check`.
    """
    check(way, place.device)
    place = place._replace(named=trained.network.name)
    return replace(trained, model=Answering(folder, way, place))
