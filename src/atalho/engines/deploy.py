"""A network with its engine's files as a folder that `atalho predict` runs; it appears whole or not at all."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from atalho.data.batches import preprocess
from atalho.engines import ENGINES, REFERENCE, Backend, choosing, engine_config, standalone
from atalho.engines.choosing import EngineRequest, Sample
from atalho.engines.trial import Trial
from atalho.errors import AtalhoError, Exit
from atalho.exports import pt2
from atalho.exports.safetensors import write
from atalho.files import move_atomically
from atalho.lock import aside
from atalho.runtime.child import Ended
from atalho.weights.trained import Trained, read

SCRIPT, GRAPH = "run.py", "model.pt2"
"""The names of the script that runs a folder without atalho, and of the network's graph that it runs with torch."""


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


def copy(folder: Path, path: Path, complete: Callable[[Path], None]) -> None:
    """Copies a deployed folder to a new one.

    Args:
        complete: adds further files to the copy before it appears.

    Raises:
        AtalhoError: OUTPUT (exit 2), as `deploy`.
    """
    with _new_folder(path) as copied:
        shutil.copytree(folder, copied)
        complete(copied)


def make_standalone(folder: Path, named: str) -> str:
    """Adds a script that runs a deployed folder with its engine, numpy and Pillow alone; for torch's engines with its graph.

    Args:
        named: the network's name, by which code that the folder names is run.

    Returns:
        Why there is no script, where torch cannot export the network; else empty.
    """
    config = engine_config.settings(folder)
    if config and config.backend.engine in ("eager", "compiled"):
        try:
            pt2.write_program(read(folder, named=named), folder / GRAPH)
        except Exception as error:  # torch.export fails in any way on other people's code
            return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    shutil.copyfile(standalone.__file__, folder / SCRIPT)
    return ""


@contextmanager
def _new_folder(path: Path) -> Iterator[Path]:
    """A context that gives a path to write a folder at; at its end the folder is moved to `path`."""
    try:
        with aside(path) as written:  # a refusal, too, removes what a killed process left
            if path.exists() and (not path.is_dir() or any(path.iterdir())):
                raise _unusable(path, "is no empty folder")
            yield written
            move_atomically(written, path)
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
