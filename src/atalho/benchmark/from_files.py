"""A network that is asked about photo files, one after another, as `atalho predict` asks it."""

import time
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import torch
from PIL import Image

from atalho.data import image
from atalho.data.batches import preprocess
from atalho.data.image import Pixels
from atalho.data.shards import sha256
from atalho.engines import Backend
from atalho.engines.engine import Placement
from atalho.engines.module import on_engine
from atalho.weights.trained import read


class Requests:
    """A network on its engine, and the files that it is asked about in turn.

    Args:
        folder: holds its weights and the engine's files.
    """

    def __init__(
        self, folder: Path, backend: Backend, placement: Placement, files: Sequence[str]
    ) -> None:
        trained = read(folder, named=placement.named)
        self.trained = on_engine(trained, folder, backend, placement)
        self.device = placement.device.torch
        self.next = cycle([*map(Path, files)])
        for path in files:
            sha256(Path(path))  # into the system's cache

    @torch.inference_mode()
    def once(self) -> list[float]:
        """The seconds of a request's parts: reading and decoding a file, framing its picture, and the network."""
        trained, framing = self.trained, self.trained.framing
        decoded = 0.0

        def frame(picture: Image.Image) -> Pixels:
            nonlocal decoded
            decoded = time.perf_counter()
            return framing(picture)

        begun = time.perf_counter()
        pixels = image.read(next(self.next), frame, white=framing.white, scale=framing.scale)
        framed = time.perf_counter()
        images = torch.from_numpy(pixels)[None].to(self.device)
        logits = trained.model(preprocess(images, trained.preprocessing.to(self.device)))
        logits.softmax(1).max(1).values.item()
        return [decoded - begun, framed - decoded, time.perf_counter() - framed]
