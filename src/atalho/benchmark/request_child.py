"""The process in which a network is asked about photo files, one after another, as `atalho predict` asks it."""

import time
from itertools import cycle
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from atalho.benchmark import busy, warming
from atalho.benchmark.child import MeasureRequest
from atalho.data import image
from atalho.data.batches import preprocess
from atalho.data.image import Pixels
from atalho.engines import Backend
from atalho.engines.engine import Placement
from atalho.engines.module import on_engine
from atalho.runtime.child import Parent
from atalho.weights.trained import read


class Requests:
    """A network on its engine, and the files that it is asked about in turn.

    Args:
        system: the fields of a `System` as JSON, with `files`.
    """

    def __init__(self, system: dict[str, Any]) -> None:
        folder, placement = Path(system["folder"]), Placement.of(system["placement"])
        trained = read(folder, named=placement.named)
        self.trained = on_engine(trained, folder, Backend(*system["backend"]), placement)
        self.device = placement.device.torch
        self.paths = [*map(Path, system["files"])]
        self.next = cycle(self.paths)

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

    def measure(self, request: MeasureRequest) -> dict[str, Any]:
        """Carries out a request for `warm` or `time`, as of `child.Network`; a run has three parts."""
        if request.measure == "warm":
            for path in self.paths:
                path.read_bytes()  # into the system's cache
            warming.until_stable(lambda: sum(self.once()))
            return {}
        self.once()
        runs: list[list[float]] = []
        begun = busy.moment()
        while not runs or time.perf_counter() < begun.wall + request.seconds:
            runs.append(self.once())
        return {"runs": runs, "other_cores": busy.other_cores(begun, busy.moment())}


def main(parent: Parent) -> None:
    """Receives what `System.start` sends, then `MeasureRequest`s, and sends the result of each as a JSON object."""
    requests = Requests(parent.receive())
    while True:
        parent.send(requests.measure(MeasureRequest(**parent.receive())))
