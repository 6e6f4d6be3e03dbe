"""Images → the features that a frozen network has of them, on an engine that agrees with float32 eager."""

import time
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor

from atalho.data.batches import preprocess
from atalho.data.dataset import Images, Progress
from atalho.engines import ENGINES, REFERENCE, Backend, missing_packages
from atalho.engines.eager import Torch
from atalho.engines.engine import Floats, Placement, Session
from atalho.engines.trial_child import BOUND
from atalho.exports.safetensors import write
from atalho.features import cache
from atalho.features.cache import Features
from atalho.features.classifier import as_features
from atalho.networks import subjects
from atalho.runtime.device import Device
from atalho.runtime.memory import memory_for
from atalho.weights.trained import Trained

ENGINES_TRIED = (Backend("openvino", "float32"), Backend("onnxruntime", "float32"))
"""Beside eager, the fastest first (`results/inference.json`); only in float32, in which engines agree to a thousandth."""

WORTH = 600e9
"""Multiply-accumulates from which another engine is made: below, eager is through before the engine is written."""

BATCH = 16


@dataclass(frozen=True)
class Extraction:
    """How features are computed.

    Args:
        say: is called with a line for an engine that is not used and why, and for a cache that cannot be used.
        progress: is called with images done and images in all.
    """

    device: Device
    say: Callable[[str], None] = lambda message: None
    progress: Progress = lambda done, total: None


def features(trained: Trained, images: Images, how: Extraction) -> Features:
    """The input of a network's classifier for every image, (N, features); those of images that were seen before come from the cache.

    Args:
        images: in the network's framing.

    Raises:
        AtalhoError: as `classifier.check`; as the images' `batches`; OUT-OF-MEMORY (exit 6).
    """
    file, checksums = cache.path(trained, images.framing), images.checksums()
    known = cache.read(file, how.say)
    if missing := _missing(checksums, known):
        left = images.select(torch.tensor([*missing.values()]))
        computed = np.concatenate([*_computed(as_features(trained), left, len(missing), how)])
        known |= zip(missing, computed, strict=True)
        cache.write(file, known, how.say)
    how.progress(len(checksums), len(checksums))
    return cache.rows(known, checksums)


def rehearsed(trained: Trained, images: Images, how: Extraction) -> tuple[float, int]:
    """The seconds that eager takes for an image, by a few batches that are thrown away, and how many images are not in the cache.

    Raises:
        AtalhoError: as `features`.
    """
    known = cache.read(cache.path(trained, images.framing), how.say)
    missing = _missing(images.checksums(), known)
    if not missing:
        return 0.0, 0
    body = as_features(trained)
    placement = Placement(how.device, named=body.network.name)
    session = Torch(body.to(how.device.torch).model, REFERENCE.dtype, placement)
    seconds = []
    begun = time.monotonic()
    for batch in islice(_batches(body, images.select(torch.tensor([*missing.values()]))), 3):
        _run(session, batch)
        now = time.monotonic()
        seconds.append((now - begun) / len(batch))
        begun = now
    return median(seconds[1:] or seconds), len(missing)


def _missing(images: Sequence[bytes], known: Container[bytes]) -> dict[bytes, int]:
    """The place of each image that has no features yet."""
    return {image: place for place, image in enumerate(images) if image not in known}


def _computed(body: Trained, images: Images, count: int, how: Extraction) -> Iterator[Features]:
    """The features of `count` images, a batch at a time."""
    placement = Placement(how.device, named=body.network.name)
    batches = _batches(body, images)
    first = next(batches)
    session: Session = Torch(body.to(how.device.torch).model, REFERENCE.dtype, placement)
    expected = _run(session, first)
    yield expected
    done = len(expected)
    with TemporaryDirectory() as folder:
        if count * subjects.facts(body.network).macs > WORTH and how.device.type == "cpu":
            session = _faster(body, Path(folder), placement, (first, expected), how) or session
        for batch in batches:
            how.progress(done, count)
            yield _run(session, batch)
            done += len(batch)


def _batches(body: Trained, images: Images) -> Iterator[Floats]:
    """Preprocessed images."""
    for batch in images.batches(BATCH):
        prepared: Tensor = preprocess(batch.images, body.preprocessing).contiguous()
        yield prepared.numpy()


def _run(session: Session, images: Floats) -> Features:
    with memory_for(len(images)):
        return np.array(session.get(session.run(session.put(images))))


def _faster(
    body: Trained,
    folder: Path,
    placement: Placement,
    shown: tuple[Floats, Features],
    how: Extraction,
) -> Session | None:
    """The network on the first engine that is installed and agrees with eager on the images shown; None without one."""
    images, expected = shown
    network = folder / "network"
    write(body, network)
    for backend in ENGINES_TRIED:
        if missing_packages(backend):
            continue
        engine = ENGINES[backend.engine]
        try:
            engine.write(body, network, backend.dtype, None)
            session = engine.open(network, backend.dtype, placement)
            difference = float(np.abs(_run(session, images) - expected).max())
        except Exception as error:  # other people's code fails in any way
            how.say(f"{backend} is not used for features: {type(error).__name__}: {error}")
            continue
        bound = BOUND * float(np.abs(expected).max())
        if difference <= bound:
            return session
        how.say(
            f"{backend} is not used for features: one differs by {difference:.3g}, beyond {bound:.3g}"
        )
    return None
