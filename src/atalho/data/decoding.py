"""Training batches of photos on disk: pure functions of the step, decoded ahead by threads while the device computes.

Pillow decodes, by the same code as for `predict`. torchvision's JPEG decoder returns the same bits in the same time, but reads fewer
formats. It cannot decode a large picture at a reduced size, so that it has a third of the speed at 12 megapixels. At ImageNet's sizes
its resize makes it 1.8 times as fast (results/decoding.json), but it crops at whole pixels only.
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
from atalho.data.image import Framing, load
from atalho.data.on_disk import OnDisk
from atalho.data.window import Window
from atalho.recipes.recipe import ResizedCrop, ShorterSide
from atalho.runtime.transfer import on_device

AHEAD = 2
"""How many steps are decoded before they are needed."""

Task = tuple[Future[None], Callable[[], None]]


class _Step(NamedTuple):
    """A batch whose photos are being decoded.

    Attributes:
        images: (N, H, W, C) of 8 bits; complete once all of `decoded` are done.
    """

    samples: Tensor
    epochs: Tensor
    images: Tensor
    decoded: list[Future[None]]


class Decoding:
    """The training stream of a split of photos.

    A crop that is resized is cut from the file's picture by a single resize; other crops are cut from the framed picture.

    Args:
        workers: threads that decode.
    """

    def __init__(self, split: OnDisk, settings: StreamSettings, workers: int) -> None:
        self.split = split
        self.sizes = split.sizes
        self.settings = settings
        self.crop = settings.augmentation.crop
        self.device = settings.device
        self.labels = split.labels.to(self.device)
        self.augmenter = Augmenter(settings, split.framing.input)
        self.copy_stream = torch.cuda.Stream(self.device) if self.device.type == "cuda" else None
        self.steps: dict[int, _Step] = {}
        self.tasks: SimpleQueue[Task | None] = SimpleQueue()
        self.threads = [
            Thread(target=_work, args=(self.tasks,), daemon=True) for _ in range(workers)
        ]
        for thread in self.threads:
            thread.start()
        # Also when the process ends: a thread that is killed inside torch would change the exit code.
        self._end = finalize(self, _end, self.tasks, self.threads)

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """Step `step`'s images, (batch / world, C, H, W) floats, and labels, (batch / world,).

        Raises:
            AtalhoError: as `image.load`, for a photo that can no longer be read, or is of another size.
        """
        steps = range(step, step + AHEAD + 1)
        for number in [*self.steps.keys() - {*steps}]:
            for future in self.steps.pop(number).decoded:
                future.cancel()
        for number in steps:
            if number not in self.steps:
                self.steps[number] = self._begin(number)
        samples, epochs, images, decoded = self.steps.pop(step)
        for future in decoded:
            future.result()
        which = torch.arange(len(samples), device=self.device)
        pictures = self.augmenter.padded(self._on_device(images))
        return self.augmenter(pictures, which, samples, epochs), self.labels[
            on_device(samples, self.device)
        ]

    def close(self) -> None:
        """Ends the threads, each after the photo that it is decoding."""
        for batch in self.steps.values():
            for future in batch.decoded:
                future.cancel()
        self.steps.clear()
        self._end()

    def _begin(self, step: int) -> _Step:
        """Starts to decode a step's photos, each into its row of the images."""
        settings = self.settings
        samples, epochs = positions(
            len(self.sizes), settings.batch, step, settings.seed, settings.share
        )
        framing = self.split.framing
        channels, height, width = framing.input
        shape = len(samples), height, width, channels
        # A copy runs beside the computation only from pinned memory.
        images = torch.empty(shape, dtype=torch.uint8, pin_memory=self.copy_stream is not None)
        photos = [self.split.photo(sample) for sample in samples.tolist()]
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
        for photo, frame, pixels in zip(photos, frames, images, strict=True):
            decoded.append(Future[None]())
            self.tasks.put((decoded[-1], partial(_decode, photo.path, frame, pixels)))
        return _Step(samples, epochs, images, decoded)

    def _on_device(self, images: Tensor) -> Tensor:
        if self.copy_stream is None:
            return images
        # In its own CUDA stream the copy need not wait for steps that are still being computed.
        computing = torch.cuda.current_stream(self.device)
        with torch.cuda.stream(self.copy_stream):
            copied = images.to(self.device, non_blocking=True)
        computing.wait_stream(self.copy_stream)
        copied.record_stream(computing)
        return copied


def _decode(path: Path, frame: Framing | Window, output: Tensor) -> None:
    # By NumPy, since torch's copy would start a team of OpenMP threads for this thread too: with more of them in all than there are
    # processors, those of the training thread go to sleep wherever they wait for each other.
    output.numpy()[...] = load(path, frame)


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
    """Runs tasks until it gets None. Unlike the threads of an executor, a daemon thread lets the process end at any time."""
    while task := tasks.get():
        future, function = task
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)
