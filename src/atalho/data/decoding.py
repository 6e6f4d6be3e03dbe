"""Training batches of photos on disk: pure functions of the step, decoded ahead by threads while the device computes.

Pillow decodes, by the code that `predict` has. torchvision's JPEG decoder gives the same bits in the same time, reads fewer formats,
and cannot decode a large picture smaller, which makes it a third as fast at 12 megapixels; at ImageNet's sizes its resize makes it
1.8 times as fast as this (results/decoding.json), but takes whole pixels alone.
"""

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import NamedTuple
from weakref import finalize

import torch
from torch import Tensor

from atalho.data.augmentation import boxes
from atalho.data.batches import Augmenter, StreamSettings
from atalho.data.draws import positions
from atalho.data.image import Framing, Window, load
from atalho.data.photos import OnDisk
from atalho.recipes.recipe import ResizedCrop, ShorterSide
from atalho.runtime.transfer import on_device

AHEAD = 2
"""Steps that are decoded before they are needed."""

Task = tuple[Future[None], Callable[[], None]]


class _Step(NamedTuple):
    """A batch on its way.

    Attributes:
        images: (N, H, W, C) of 8 bits; whole once all of `decoded` are done.
    """

    samples: Tensor
    epochs: Tensor
    images: Tensor
    decoded: list[Future[None]]


class Decoding:
    """The training stream of a split of photos.

    A crop with a size of its own is cut from the file's picture, with one resize; any other from the framed picture.

    Args:
        workers: threads that decode.
    """

    def __init__(self, split: OnDisk, settings: StreamSettings, workers: int) -> None:
        self.split = split
        self.sizes = torch.tensor([photo.size for photo in split.photos])
        self.settings = settings
        self.crop = settings.augmentation.crop
        self.device = settings.device
        self.labels = split.labels.to(self.device)
        self.augmenter = Augmenter(settings, split.framing.input)
        self.copies = torch.cuda.Stream(self.device) if self.device.type == "cuda" else None
        self.begun: dict[int, _Step] = {}
        self.tasks: SimpleQueue[Task | None] = SimpleQueue()
        self.threads = [
            Thread(target=_work, args=(self.tasks,), daemon=True) for _ in range(workers)
        ]
        for thread in self.threads:
            thread.start()
        # At the end of the process too: a thread that is killed inside of torch takes the exit code with it.
        self._end = finalize(self, _end, self.tasks, self.threads)

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """Step `step`'s images, (batch / world, C, H, W) floats, and labels, (batch / world,).

        Raises:
            AtalhoError: as `image.load`, for a photo that can no longer be read, or is of another size.
        """
        wanted = range(step, step + AHEAD + 1)
        for other in [*self.begun.keys() - {*wanted}]:
            for waiting in self.begun.pop(other).decoded:
                waiting.cancel()
        for each in wanted:
            if each not in self.begun:
                self.begun[each] = self._begin(each)
        samples, epochs, images, decoded = self.begun.pop(step)
        for done in decoded:
            done.result()
        which = torch.arange(len(samples), device=self.device)
        pictures = self.augmenter.padded(self._on_device(images))
        return self.augmenter(pictures, which, samples, epochs), self.labels[
            on_device(samples, self.device)
        ]

    def close(self) -> None:
        """Ends the threads, once each has decoded the photo that it is at."""
        for begun in self.begun.values():
            for waiting in begun.decoded:
                waiting.cancel()
        self.begun.clear()
        self._end()

    def _begin(self, step: int) -> _Step:
        """Has a step's photos decoded, each into its place."""
        settings = self.settings
        samples, epochs = positions(
            len(self.sizes), settings.batch, step, settings.seed, settings.share
        )
        framing = self.split.framing
        channels, height, width = framing.input
        shape = len(samples), height, width, channels
        # Only from pinned memory does a copy go on beside the computation.
        images = torch.empty(shape, dtype=torch.uint8, pin_memory=self.copies is not None)
        photos = [self.split.photos[sample] for sample in samples.tolist()]
        frames: list[Framing | Window] = [framing] * len(photos)
        if isinstance(self.crop, ShorterSide | ResizedCrop):
            windows = boxes(
                self.crop, framing.input, self.sizes[samples], (settings.seed, epochs, samples)
            )
            frames = [
                Window(
                    (left, top, right, bottom),
                    photo.size,
                    framing.input,
                    framing.interpolation,
                    framing.white,
                )
                for photo, (left, top, right, bottom) in zip(photos, windows.tolist(), strict=True)
            ]
        decoded = []
        for photo, frame, place in zip(photos, frames, images, strict=True):
            decoded.append(Future[None]())
            self.tasks.put((decoded[-1], partial(_decode, photo.path, frame, place)))
        return _Step(samples, epochs, images, decoded)

    def _on_device(self, images: Tensor) -> Tensor:
        if self.copies is None:
            return images
        # A stream of its own: the copy need not wait for the steps that are computed.
        computing = torch.cuda.current_stream(self.device)
        with torch.cuda.stream(self.copies):
            copied = images.to(self.device, non_blocking=True)
        computing.wait_stream(self.copies)
        copied.record_stream(computing)
        return copied


def _decode(path: Path, frame: Framing | Window, place: Tensor) -> None:
    place.copy_(torch.from_numpy(load(path, frame)))


def _end(tasks: "SimpleQueue[Task | None]", threads: list[Thread]) -> None:
    with suppress(Empty):
        while True:
            tasks.get_nowait()
    for _ in threads:
        tasks.put(None)
    for thread in threads:
        thread.join()
    threads.clear()


def _work(tasks: "SimpleQueue[Task | None]") -> None:
    """Does tasks until there is none; a daemon, unlike the threads of an executor, lets the process end whenever it will."""
    while task := tasks.get():
        future, function = task
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)
