"""A shard of many predictions: pictures that one process classifies, into a file that a killed process's successor goes on with."""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from atalho.errors import AtalhoError, Exit
from atalho.evaluation.predicting import Guess, Prediction, Source
from atalho.evaluation.prediction_file import writing
from atalho.files import move_atomically
from atalho.lock import locked_beside

LEAST, MOST = 1 / 16, 2048
"""A shard has a sixteenth of the pictures, or 2,048."""


@dataclass(frozen=True)
class Shard:
    """Some of the pictures, in order.

    Args:
        file: a line of JSON for each picture, once all are classified; another one for other pictures or another network.
        batch: images that the network has at a time; a shard begins where a batch of all pictures would.
        first: how many pictures come before it, for people.
    """

    file: Path
    pictures: tuple[str, ...]
    batch: int
    first: int = 0

    @property
    def finished(self) -> bool:
        """Whether its file is whole."""
        return self.file.exists()

    def finish(self, classify: Callable[[Iterable[Source]], Iterator[Prediction]]) -> None:
        """Classifies the pictures that have no line yet, from the last whole batch on, so that every batch is that of a single run.

        Raises:
            AtalhoError: IN-USE (exit 2), where another process does the same; DISK (exit 6); as `classify`.
        """
        with writing(self.file), locked_beside(self.file):
            if self.finished:
                return
            part = self.file.with_name(f"{self.file.name}.part")
            with part.open("ab+") as file:
                file.seek(0)
                done = _whole_batches(file.read(), self.batch)
                file.truncate(sum(map(len, done)))
                left = (Source(each, Path(each)) for each in self.pictures[len(done) :])
                for prediction in classify(left):
                    file.write(json.dumps(prediction.document()).encode() + b"\n")
                    file.flush()
            move_atomically(part, self.file)

    def predictions(self) -> Iterator[Prediction]:
        """What is in its file: a prediction for each picture, in order."""
        lines = self.file.read_bytes().splitlines()
        for picture, line in zip(self.pictures, lines, strict=True):
            document = json.loads(line)
            if cause := document.get("error"):
                error = AtalhoError("DATA", picture, cause, next_step="", exit=Exit.DATA)
                yield Prediction(picture, error)
            else:
                yield Prediction(picture, tuple(Guess(**each) for each in document["labels"]))


def folder(output: Path) -> Path:
    """Where the shards of a file of predictions are until it is finished."""
    return output.with_name(f".{output.name}.shards")


def remove(output: Path) -> None:
    """Removes the shards of a file of predictions that is finished."""
    shutil.rmtree(folder(output), ignore_errors=True)


def shards(
    pictures: Sequence[str], batch: int, root: Path, key: Callable[[Sequence[str]], str]
) -> list[Shard]:
    """The shards of pictures; a function of the pictures and the batch alone, so that a second call has the same.

    Args:
        key: a name for the file of the shard that has these pictures.
    """
    size = min(MOST, max(1, int(len(pictures) * LEAST)))
    size = -(-size // batch) * batch
    parts = [tuple(pictures[first : first + size]) for first in range(0, len(pictures), size)]
    return [
        Shard(root / f"{key(each)}.jsonl", each, batch, number * size)
        for number, each in enumerate(parts)
    ]


def _whole_batches(content: bytes, batch: int) -> list[bytes]:
    """The lines of all whole batches at the beginning of a file."""
    whole = content[: content.rfind(b"\n") + 1].splitlines(keepends=True)
    return whole[: len(whole) // batch * batch]
