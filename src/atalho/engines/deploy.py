"""A network with its engine's files as a folder that `atalho predict` runs; it appears whole or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from atalho.data.batches import preprocess
from atalho.engines import ENGINES, REFERENCE, Backend, choosing
from atalho.engines.choosing import EngineRequest, Sample
from atalho.engines.trial import Trial
from atalho.errors import AtalhoError, Exit
from atalho.exports.safetensors import write
from atalho.files import move_atomically
from atalho.runtime.child import Ended
from atalho.weights.trained import Trained


def deploy(trained: Trained, path: Path, request: EngineRequest, sample: Sample) -> list[Trial]:
    """Writes a network with its engine's files into a new folder.

    Returns:
        The trial of every candidate, the chosen one's first.

    Raises:
        AtalhoError: OUTPUT (exit 2), where the folder is not new or empty, or cannot be written; ENGINE-ENDED (exit 6), where
            the network cannot run in float32 eager; as `choosing.choose`.
    """
    try:
        with _new_folder(path) as folder:
            return choosing.choose(trained, folder, request, sample)
    except Ended as ended:
        raise AtalhoError(
            "ENGINE-ENDED",
            f"{trained.network.name} on {REFERENCE}",
            f"{ended.cause}; nothing was left behind",
            next_step="a smaller --batch-size",
            exit=Exit.RESOURCES,
        ) from ended


def on_backend(trained: Trained, folder: Path, backend: Backend, sample: Sample) -> None:
    """Writes a network with the files of a backend into a folder, for weights of which another's training chose the backend."""
    write(trained, folder)
    calibration = None
    if backend.dtype == "int8" and sample.calibration is not None:
        calibration = preprocess(sample.calibration, trained.preprocessing).contiguous()
    ENGINES[backend.engine].write(trained, folder, backend.dtype, calibration)


def copy(folder: Path, path: Path) -> None:
    """Copies a deployed folder to a new one.

    Raises:
        AtalhoError: OUTPUT (exit 2), as `deploy`.
    """
    with _new_folder(path) as copied:
        shutil.copytree(folder, copied)


@contextmanager
def _new_folder(path: Path) -> Iterator[Path]:
    """A context that gives a path to write a folder at; at its end the folder is moved to `path`."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise _unusable(path, "is no empty folder")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as aside:
            yield Path(aside) / path.name
            move_atomically(Path(aside) / path.name, path)
    except OSError as error:
        raise _unusable(path, f"cannot be written ({error.strerror})") from error


def _unusable(path: Path, cause: str) -> AtalhoError:
    return AtalhoError(
        "OUTPUT",
        path,
        f"{cause}; nothing was written",
        next_step="--output with the name of a new folder",
        exit=Exit.USAGE,
    )
