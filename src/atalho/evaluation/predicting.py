"""Labels with probabilities for single pictures; a picture that cannot be read does not stop the others."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch
from torch import Tensor

from atalho.data.batches import preprocess
from atalho.data.folder import WORKERS, attempt, in_threads
from atalho.data.listing import Listing, walk
from atalho.data.photos import Say
from atalho.engines.module import EngineModule
from atalho.errors import AtalhoError, Exit, printable
from atalho.evaluation.sure import UNSURE
from atalho.runtime.memory import memory_for
from atalho.runtime.precision import autocast
from atalho.weights.calibration import DIGITS
from atalho.weights.trained import Inference, Trained

STANDARD_INPUT = "-"
"""The name that stands for the bytes of one picture on standard input."""

BLOCK = 16 * WORKERS
"""Pictures that are decoded before a network on the processor runs on them; more where they are no whole batches."""


class Source(NamedTuple):
    """A picture's name, and where its bytes are."""

    path: str
    content: Path | bytes


@dataclass(frozen=True)
class Guess:
    """A class that a picture may be of: its label, the name that people read, and its probability in [0, 1]."""

    label: str
    name: str
    probability: float


@dataclass(frozen=True)
class Prediction:
    """The most probable classes of a picture, in descending order; or the error with which it could not be read."""

    path: str
    outcome: tuple[Guess, ...] | AtalhoError

    def document(self) -> dict[str, Any]:
        """`{path, labels: [{label, name, probability}]}`, or `{path, error}`."""
        if isinstance(self.outcome, AtalhoError):
            return {"path": self.path, "error": self.outcome.cause}
        return {"path": self.path, "labels": [asdict(guess) for guess in self.outcome]}

    def rows(self) -> list[dict[str, Any]]:
        """A row for every guess, or one with the error."""
        path = printable(self.path)
        if isinstance(self.outcome, AtalhoError):
            nothing = dict.fromkeys(("label", "name", "probability"))
            return [{"path": path, **nothing, "error": self.outcome.cause}]
        return [{"path": path, **asdict(guess), "error": None} for guess in self.outcome]


def sources(names: Iterable[str], standard_input: BinaryIO, say: Say) -> Iterator[Source]:
    """The pictures that a user names, as they are come upon: files, folders (all images in them and below), and `-`.

    Args:
        say: called with a line for each folder in which something is left out.

    Raises:
        AtalhoError: DATA-EMPTY (exit 3), where a folder holds no images or cannot be read.
    """
    for name in names:
        path = Path(name)
        if name == STANDARD_INPUT:
            yield Source(name, standard_input.read())
        elif path.is_dir():
            yield from _images(path, say)
        else:
            yield Source(name, path)


def _images(folder: Path, say: Say) -> Iterator[Source]:
    listing, empty, cause = Listing(folder), True, ""
    try:
        for name in walk(listing):
            empty = False
            yield Source(str(folder / name), folder / name)
    except OSError as error:
        empty, cause = True, f"cannot be read ({error.strerror})"
    others = "; ".join(listing.others())
    if empty:
        cause = cause or f"holds no images{f'; left out: {others}' if others else ''}"
        raise AtalhoError(
            "DATA-EMPTY", folder, cause, next_step="give images or folders of them", exit=Exit.DATA
        )
    if others:
        say(printable(f"{folder}: left out: {others}"))


def predict(
    trained: Trained,
    pictures: Iterable[Source],
    inference: Inference,
    *,
    top: int,
    least: float = 0.0,
) -> Iterator[Prediction]:
    """The `top` most probable classes of each picture, in order; the model must be on the inference's device.

    Pictures are decoded in threads: a batch ahead of a network on a GPU, and a `BLOCK` before a network on the processor, whose
    cores would wait for one that decodes meanwhile. They are taken from `pictures` no earlier than that.

    Args:
        least: where the most probable class has a lower probability, `UNSURE` stands before the classes, with that probability.
    """
    size = inference.batch_size(trained.network.input)

    def classified(batch: Sequence[tuple[str, Tensor | AtalhoError]]) -> Iterator[Prediction]:
        images = [each for _, each in batch if isinstance(each, Tensor)]
        guesses = iter(_guesses(trained, images, inference, top) if images else ())
        outcomes = (_unsure(each, least) for each in guesses)
        for path, each in batch:
            yield Prediction(path, next(outcomes) if isinstance(each, Tensor) else each)

    def decode(source: Source) -> tuple[str, Tensor | AtalhoError]:
        return source.path, attempt(trained.framing, source.content)

    # Whole batches, whose bits do not depend on how many pictures are decoded at a time then.
    block, ahead = (-(-BLOCK // size) * size, 0) if inference.device.type == "cpu" else (size, size)
    decoded = in_threads(decode, pictures, ahead=ahead)
    while pixels := [*islice(decoded, block)]:
        for start in range(0, len(pixels), size):
            yield from classified(pixels[start : start + size])


def _unsure(guesses: tuple[Guess, ...], least: float) -> tuple[Guess, ...]:
    """The guesses, after `UNSURE` where the first is less probable than `least`."""
    probability = guesses[0].probability
    # Held-out probabilities, of which `least` is one, were rounded.
    if round(probability, DIGITS) >= least:
        return guesses
    return (Guess(UNSURE, UNSURE, probability), *guesses)


def identity(trained: Trained, inference: Inference, least: float = 0.0) -> dict[str, Any]:
    """What the predictions of a network depend on beside the pictures, as JSON; `least` is as in `predict`."""
    model = trained.model
    on = str(model.backend) if isinstance(model, EngineModule) else inference.precision
    return {
        "network": trained.network.name,
        "weights": trained.weights,
        "runs_on": on,
        "framing": asdict(trained.framing),
        "mean": trained.preprocessing.mean.flatten().tolist(),
        "std": trained.preprocessing.std.flatten().tolist(),
        "classes": [*trained.classes],
        "temperature": trained.temperature,
        "least": least,
    }


@torch.inference_mode()
def _guesses(
    trained: Trained, images: list[Tensor], inference: Inference, top: int
) -> list[tuple[Guess, ...]]:
    device = inference.device
    with memory_for(len(images)), autocast(device, inference.precision):
        batch = preprocess(torch.stack(images).to(device), trained.preprocessing.to(device))
        logits = trained.model(batch)
    assert isinstance(logits, Tensor)  # the model is in eval mode
    best = (logits.double() / trained.temperature).softmax(1).topk(min(top, logits.shape[1]))
    labels, names = [*trained.classes], [*trained.classes.values()]
    return [
        tuple(Guess(labels[i], names[i], share) for i, share in zip(indices, shares, strict=True))
        for indices, shares in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]


def speed(trained: Trained) -> str:
    """How long a network's engine took, from preprocessed images to logits, in words; empty without an engine."""
    model = trained.model
    if not isinstance(model, EngineModule):
        return ""
    latency = model.latency()
    if latency is None:
        return f"{model.backend}: no image was classified"
    size, seconds = latency
    count = len(model.seconds[size])
    batch = "an image" if size == 1 else f"a batch of {size}"
    return f"{model.backend}: {1000 * seconds:.3g} ms {batch} in the network, median of {count}"
