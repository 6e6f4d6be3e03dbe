"""Labels with probabilities for single pictures; a picture that cannot be read does not stop the others."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch
from torch import Tensor

from atalho.data.batches import preprocess
from atalho.data.folder import decoded
from atalho.data.listing import listed
from atalho.data.photos import Say
from atalho.engines.module import EngineModule
from atalho.errors import AtalhoError, Exit, printable
from atalho.runtime.memory import memory_for
from atalho.runtime.precision import autocast
from atalho.weights.trained import Inference, Trained

STANDARD_INPUT = "-"
"""The name that stands for the bytes of one picture on standard input."""


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


def sources(names: Iterable[str], standard_input: BinaryIO, say: Say) -> list[Source]:
    """The pictures that a user names: files, folders (all images in them and below), and `-`.

    Args:
        say: called with a line for each folder in which something is left out.

    Raises:
        AtalhoError: DATA-EMPTY (exit 3), where a folder holds no images or cannot be read.
    """
    pictures = []
    for name in names:
        path = Path(name)
        if name == STANDARD_INPUT:
            pictures.append(Source(name, standard_input.read()))
        elif path.is_dir():
            pictures += [Source(str(image), image) for image in _images(path, say)]
        else:
            pictures.append(Source(name, path))
    return pictures


def _images(folder: Path, say: Say) -> list[Path]:
    images: list[str] = []
    try:
        listing = listed(folder)
        images, others = listing.images, "; ".join(listing.others())
        cause = f"holds no images; left out: {others}" if others else "holds no images"
    except OSError as error:
        others, cause = "", f"cannot be read ({error.strerror})"
    if not images:
        raise AtalhoError(
            "DATA-EMPTY", folder, cause, next_step="give images or folders of them", exit=Exit.DATA
        )
    if others:
        say(printable(f"{folder}: left out: {others}"))
    return [folder / name for name in images]


def predict(
    trained: Trained, pictures: Sequence[Source], inference: Inference, *, top: int
) -> Iterator[Prediction]:
    """The `top` most probable classes of each picture, in order; the model must be on the inference's device."""
    size = inference.batch_size(trained.network.input)
    for start in range(0, len(pictures), size):
        batch = pictures[start : start + size]
        outcomes = [*decoded((source.content for source in batch), trained.framing)]
        images = [each for each in outcomes if isinstance(each, Tensor)]
        guesses = iter(_guesses(trained, images, inference, top) if images else ())
        for source, each in zip(batch, outcomes, strict=True):
            yield Prediction(source.path, next(guesses) if isinstance(each, Tensor) else each)


@torch.inference_mode()
def _guesses(
    trained: Trained, images: list[Tensor], inference: Inference, top: int
) -> list[tuple[Guess, ...]]:
    device = inference.device
    with memory_for(len(images)), autocast(device, inference.precision):
        batch = preprocess(torch.stack(images).to(device), trained.preprocessing.to(device))
        logits = trained.model(batch)
    assert isinstance(logits, Tensor)  # the model is in eval mode
    best = logits.double().softmax(1).topk(min(top, logits.shape[1]))
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
