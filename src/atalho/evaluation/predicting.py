"""Pictures → labels with probabilities, one answer a picture; one that cannot be read fails alone."""

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
    """What a network takes a picture for, the most probable class first; or why it was not asked."""

    path: str
    answer: tuple[Guess, ...] | AtalhoError

    def document(self) -> dict[str, Any]:
        """`{path, labels: [{label, name, probability}]}`, or `{path, error}`."""
        if isinstance(self.answer, AtalhoError):
            return {"path": self.path, "error": self.answer.cause}
        return {"path": self.path, "labels": [asdict(guess) for guess in self.answer]}

    def rows(self) -> list[dict[str, Any]]:
        """A row for every guess, or one with the error."""
        path = printable(self.path)
        if isinstance(self.answer, AtalhoError):
            nothing = dict.fromkeys(("label", "name", "probability"))
            return [{"path": path, **nothing, "error": self.answer.cause}]
        return [{"path": path, **asdict(guess), "error": None} for guess in self.answer]


def sources(names: Iterable[str], standard_input: BinaryIO, say: Say) -> list[Source]:
    """The pictures that are meant by the names of files, of folders (all images in them and below), and by `-`.

    Args:
        say: called with a line for each folder in which something is left out.

    Raises:
        AtalhoError: DATA-EMPTY (exit 3), where a folder holds no images or cannot be read.
    """
    found = []
    for name in names:
        path = Path(name)
        if name == STANDARD_INPUT:
            found.append(Source(name, standard_input.read()))
        elif path.is_dir():
            found += [Source(str(image), image) for image in _images(path, say)]
        else:
            found.append(Source(name, path))
    return found


def _images(folder: Path, say: Say) -> list[Path]:
    images: list[str] = []
    try:
        found = listed(folder)
        images, others = found.images, "; ".join(found.others())
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
    """The `top` most probable classes of each picture, in order; the model is on the device already."""
    size = inference.batch_size(trained.network.input)
    for start in range(0, len(pictures), size):
        asked = pictures[start : start + size]
        seen = [*decoded((source.content for source in asked), trained.framing)]
        images = [each for each in seen if isinstance(each, Tensor)]
        answers = iter(_guesses(trained, images, inference, top) if images else ())
        for source, each in zip(asked, seen, strict=True):
            yield Prediction(source.path, next(answers) if isinstance(each, Tensor) else each)


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
    """How long the engine that a network was asked on took, from preprocessed images to logits; empty where it has none of its own."""
    model = trained.model
    if not isinstance(model, EngineModule):
        return ""
    found = model.latency()
    if found is None:
        return f"{model.backend}: no image was asked about"
    size, seconds = found
    count = len(model.taken[size])
    batch = "an image" if size == 1 else f"a batch of {size}"
    return f"{model.backend}: {1000 * seconds:.3g} ms {batch} in the network, median of {count}"
