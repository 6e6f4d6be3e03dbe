"""The file `engine.json`, beside a network's weights and an engine's files: which engine the folder is for, and its settings."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import get_args

from atalho.engines import ENGINES, Backend
from atalho.engines.engine import Dtype, MemoryFormat
from atalho.errors import AtalhoError, Exit
from atalho.files import write_atomically
from atalho.seal import sealed, unsealed
from atalho.weights.trained import FILES
from atalho.weights.weightfile import sha256

FILE = "engine.json"


@dataclass(frozen=True)
class EngineConfig:
    """The engine that a folder is for, and its settings.

    Attributes:
        threads: of the processor, for which the engine was chosen.
        batch: images at a time, for which the engine was chosen.
        device: the type of the device that it was chosen on, as torch names it.
        files: the SHA-256 of each of the engine's files, by name.
    """

    backend: Backend
    threads: int
    batch: int
    memory_format: MemoryFormat = "channels_last"
    device: str = "cpu"
    files: Mapping[str, str] = field(default_factory=dict, compare=False)


def read(folder: Path, weights: str | None = None) -> EngineConfig | None:
    """The engine that a folder is for, when it is about to be run; None where the folder has no `engine.json`.

    Args:
        weights: the SHA-256 of `model.safetensors`, where it is known by now.

    Raises:
        AtalhoError: ENGINE-FILE (exit 4), as `settings`, and where one of the engine's files is not as it was written.
    """
    config = settings(folder)
    for name, checksum in config.files.items() if config else ():
        file = folder / Path(name).name
        known = weights if name == FILES[0] and file.is_file() else None
        if (known or _sha256(file)) != checksum:
            raise AtalhoError(
                "ENGINE-FILE",
                file,
                f"is missing, unreadable or was changed after {FILE} was written; nothing was run",
                next_step="take a copy that was not changed, or export the network again",
                exit=Exit.CHECKPOINT,
            )
    return config


def _sha256(file: Path) -> str:
    """The file's SHA-256; empty where it cannot be read."""
    try:
        return sha256(file)
    except OSError:
        return ""


def settings(folder: Path) -> EngineConfig | None:
    """The engine that a folder is for, without a look at the engine's files; None where the folder has no `engine.json`.

    Raises:
        AtalhoError: ENGINE-FILE (exit 4), where the file names no engine.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        document = unsealed(json.loads(path.read_text(encoding="utf-8")))
        engine, dtype = document["engine"], document["dtype"]
        layout = document.get("memory_format", "channels_last")
        if engine in ENGINES and dtype in get_args(Dtype) and layout in get_args(MemoryFormat):
            files = document.get("files", {})
            return EngineConfig(
                Backend(engine, dtype),
                int(document["threads"]),
                int(document["batch"]),
                layout,
                str(document.get("device", "cpu")),
                {str(name): str(checksum) for name, checksum in files.items()},
            )
        cause = f"names {engine!r} in {dtype!r}, which is no engine here"
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        cause = f"says no engine ({type(error).__name__}: {error})"
    raise AtalhoError("ENGINE-FILE", path, cause, next_step="--engine eager", exit=Exit.CHECKPOINT)


def finalise(folder: Path, config: EngineConfig) -> None:
    """Writes `engine.json`, and removes the files that other engines have written into the folder."""
    backend = config.backend
    document = {**asdict(config), **backend._asdict()}
    del document["backend"], document["files"]
    names = ENGINES[backend.engine].files(backend.dtype)
    document["files"] = {name: sha256(folder / name) for name in names}
    write_atomically(folder / FILE, json.dumps(sealed(document), indent=1).encode())
    needed = {*ENGINES[backend.engine].files(backend.dtype), *ENGINES["eager"].files("float32")}
    for engine in ENGINES.values():
        for dtype in engine.needs:
            for name in {*engine.files(dtype)} - needed:
                (folder / name).unlink(missing_ok=True)


def remove(folder: Path) -> None:
    """Removes a folder of a network's engine, or one of several; `engine.json` first, so that no killed process leaves one that is not whole."""
    for sign in folder.rglob(FILE):
        sign.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def size(folder: Path, backend: Backend) -> int:
    """Bytes of the files that the engine reads, without config.json."""
    return sum(
        (folder / name).stat().st_size for name in ENGINES[backend.engine].files(backend.dtype)
    )
