"""A foreign file of weights → its tensors: nothing in it runs, and nothing larger than the network is ever unpacked.

Tensors of safetensors files and of torch's archives stay on the disk until they are used; only torch's older pickles (before
1.6) are read at once.
"""

import hashlib
import mmap
import pickle
import pickletools
import re
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from atalho.errors import AtalhoError, Exit
from atalho.networks import subjects
from atalho.networks.subjects import Subject
from atalho.weights import statedict

MEGABYTE = 10**6
MOST_HEADER = 4 * MEGABYTE
"""Bytes of a safetensors header or of a pickle; ResNet-152's are a tenth of it."""

MOST_ENTRIES = 100_000
"""Of an archive; ResNet-152's has a thousand."""

LEGACY_PICKLES = 5
"""Before 1.6 torch wrote a magic number, a version, facts about the system, the object and its storages' keys."""

_NUMBERS = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
GLOBALS = frozenset(
    (
        "collections.OrderedDict",
        "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_parameter",
        *(f"torch.{numbers}Storage" for numbers in _NUMBERS),
    )
)
"""All that a pickle needs to ask Python for when it holds weights."""

_OTHER_WAYS = frozenset(("STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4"))
"""Opcodes beside GLOBAL that fetch something by name; torch writes none of them."""


def read(path: Path, network: Subject) -> dict[str, Tensor]:
    """The tensors of a safetensors or torch file by name, where they are no more than `network` can use.

    Raises:
        AtalhoError: CHECKPOINT-READ, CHECKPOINT-SIZE or CHECKPOINT-KEYS (exit 4); CHECKPOINT-UNSAFE (exit 5), where reading on
            would run code or unpack more than the file holds.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(9)
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    if size > (most := _most_bytes(network)):
        raise AtalhoError(
            "CHECKPOINT-SIZE",
            path,
            f"holds {size / MEGABYTE:,.0f} MB; the weights of {network.name} with {network.num_classes} classes are at most "
            f"{most / MEGABYTE:,.0f} MB; nothing was read",
            next_step="give the weights alone, without an optimiser's state, and the --num-classes that they have",
            exit=Exit.CHECKPOINT,
        )
    if head[8:] == b"{":
        if int.from_bytes(head[:8], "little") > MOST_HEADER:
            raise _unreadable(path, "its header is too long for a network's")
        state = statedict.read(path)[0]
    elif head[:4] == b"PK\x03\x04":  # as torch asks
        _check_archive(path, size)
        state = _unpickle(path, mapped=True)
    else:
        with path.open("rb") as file:
            _check_pickles(BytesIO(file.read(MOST_HEADER)), LEGACY_PICKLES, path)
        state = _unpickle(path, mapped=False)
    state = statedict.plain(state)
    if sum(tensor.numel() * tensor.element_size() for tensor in state.values()) > size:
        raise _unsafe(path, "its tensors claim more numbers than the file holds")
    return state


def sha256(path: Path) -> str:
    """The file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _most_bytes(network: Subject) -> int:
    """A file of the network's weights in float64, with what it says around them."""
    tensors = subjects.skeleton(network).state_dict().values()
    return MOST_HEADER + sum(8 * int(tensor.numel()) + 1024 for tensor in tensors)


def _check_archive(path: Path, size: int) -> None:
    """Whether an archive unpacks to no more than it is, is whole, and its pickle asks for nothing but tensors."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if sum(1 for _ in re.finditer(rb"PK\x01\x02", data)) > MOST_ENTRIES:
            raise _unsafe(path, "it is an archive of more entries than any network has")
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            unpacked = sum(entry.file_size for entry in entries)
            if unpacked > size or any(entry.compress_type for entry in entries):
                raise _unsafe(
                    path,
                    f"it unpacks to {unpacked / MEGABYTE:,.0f} MB from {size / MEGABYTE:,.0f}, and torch compresses nothing",
                )
            pickles = [entry for entry in entries if entry.filename.endswith(".pkl")]
            if max((entry.file_size for entry in pickles), default=0) > MOST_HEADER:
                raise _unreadable(path, "its pickle is too long for a network's")
            if damaged := archive.testzip():
                raise _unreadable(path, f"{damaged} has another checksum than when it was written")
            for entry in pickles:
                _check_pickles(BytesIO(archive.read(entry)), 1, path)
    except (zipfile.BadZipFile, ValueError, RuntimeError, EOFError, OSError) as error:
        raise _unreadable(path, f"it is no whole archive: {error}") from error


def _check_pickles(stream: BinaryIO, count: int, path: Path) -> None:
    """Whether pickles ask Python for nothing but what `GLOBALS` lists; none of them is run."""
    try:
        for _ in range(count):
            for opcode, argument, _ in pickletools.genops(stream):
                wanted = str(argument).replace(" ", ".") if opcode.name == "GLOBAL" else None
                if opcode.name in _OTHER_WAYS or (wanted and wanted not in GLOBALS):
                    asks = wanted or opcode.name
                    raise _unsafe(path, f"it asks Python for {asks}, which weights do not need")
    except (ValueError, EOFError, IndexError) as error:
        raise _unreadable(path, f"it is neither safetensors nor torch's: {error}") from error


def _unpickle(path: Path, *, mapped: bool) -> dict[str, Tensor]:
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        raise _unsafe(path, f"torch refuses it as weights ({_first_line(error)})") from error
    except Exception as error:  # a damaged file can fail anywhere in torch
        raise _unreadable(path, _first_line(error)) from error
    if not isinstance(state, dict) or not all(isinstance(key, str) for key in state):
        raise _unreadable(path, f"it holds a {type(state).__name__} and no names with tensors")
    return state


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _unreadable(path: Path, cause: str) -> AtalhoError:
    return AtalhoError(
        "CHECKPOINT-READ",
        path,
        f"cannot be read as weights: {cause}; nothing was loaded",
        next_step="give a .safetensors file, or the state dict that torch.save wrote",
        exit=Exit.CHECKPOINT,
    )


def _unsafe(path: Path, cause: str) -> AtalhoError:
    return AtalhoError(
        "CHECKPOINT-UNSAFE",
        path,
        f"refused: {cause}; nothing was run or loaded",
        next_step="ask for the weights as safetensors",
        exit=Exit.UNSAFE,
    )
