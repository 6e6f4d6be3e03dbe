"""Reads the tensors of a foreign file of weights: no code in it is run, and no more is unpacked than the network can use.

Tensors of safetensors files and of torch's archives stay on the disk until they are used; only torch's older pickles (before
1.6) are read at once.
"""

import hashlib
import mmap
import pickle
import pickletools
import re
import shlex
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from atalho.errors import AtalhoError, Exit
from atalho.networks import subjects
from atalho.networks.subjects import Subject
from atalho.weights import tensorfile

MEGABYTE = 10**6
MOST_HEADER = 4 * MEGABYTE
"""Bytes of a safetensors header or of a pickle; ResNet-152's are a tenth of it."""

MOST_ENTRIES = 100_000
"""Entries of an archive; ResNet-152's has a thousand."""

LEGACY_PICKLES = 5
"""Before 1.6 torch wrote a magic number, a version, facts about the system, the object and its storages' keys."""

_NUMBERS = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
_DTYPES = (
    *("float64", "float32", "float16", "bfloat16"),
    *("int64", "int32", "int16", "int8", "uint8", "bool"),
)
GLOBALS = frozenset(
    (
        *("collections.OrderedDict", "collections.Counter"),
        *("__builtin__.set", "builtins.set", "__builtin__.complex", "builtins.complex"),
        *("torch.Size", "torch.device"),
        "torch._utils._rebuild_tensor",  # before torch 0.4
        "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_parameter",
        "torch._utils._rebuild_parameter_with_state",
        *(f"torch.{numbers}Storage" for numbers in _NUMBERS),
        *(f"torch.{numbers}" for numbers in _DTYPES),
    )
)
"""What a pickle may ask Python for: of all that torch's safe loader accepts, tensors, numbers, strings and containers.

Left out are those that could take more memory than the file: `bytearray`, `torch.Tensor` and `UntypedStorage` of a size,
`_codecs.encode` again and again.
"""

_BESIDE_WEIGHTS = ("numpy.", "argparse.", "pathlib.", "_codecs.")
"""Modules of other objects that training scripts save beside the weights: a best accuracy, their options, a folder."""

WRAPPERS = (
    *("state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights"),
    *("params", "ema", "ema_state_dict", "state_dict_ema", "model_ema", "module"),
)
"""Names under which training scripts keep a state dict in their checkpoints."""

_OTHER_IMPORTS = frozenset(("STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4"))
"""Opcodes beside GLOBAL that fetch something by name; torch writes none of them."""


def read(
    path: Path, network: Subject, say: Callable[[str], None] = lambda message: None
) -> dict[str, Tensor]:
    """The tensors of a safetensors or torch file by name, where they are no more than `network` can use.

    Args:
        say: called with the name under which a checkpoint keeps its state dict, where it is not the state dict itself.

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
        state: Any = tensorfile.read(path)[0]
    elif head[:4] == b"PK\x03\x04":  # as torch recognises its archives
        _check_archive(path, size)
        state = _unpickle(path, mapped=True)
    else:
        with path.open("rb") as file:
            _check_pickles(BytesIO(file.read(MOST_HEADER)), LEGACY_PICKLES, path)
        state = _unpickle(path, mapped=False)
    tensors = _tensors(path, state, say)
    if _claimed(tensors) > size:
        raise _unsafe(path, "its tensors claim more numbers than the file holds")
    return tensors


def sha256(path: Path) -> str:
    """The file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _tensors(path: Path, content: Any, say: Callable[[str], None]) -> dict[str, Tensor]:
    """The state dict that a file holds: its whole content, or the one under a name in it."""
    if not _is_state(content):
        inside = {
            name: value
            for name, value in (content.items() if isinstance(content, dict) else ())
            if isinstance(name, str) and value and _is_state(value)
        }
        names = [name for name in inside if name in WRAPPERS] or [*inside]
        if len(names) > 1:
            raise _unreadable(
                path,
                f"it holds {len(names)} state dicts: {', '.join(names)}",
                _save_alone(path, names[0], safely=True),
            )
        if not names:
            raise _unreadable(
                path, f"it holds a {type(content).__name__} and no names with tensors"
            )
        (name,) = names
        content = inside[name]
        say(f"{path} is a checkpoint: its {name} is taken")
    # A pickle can set any attribute of a parameter; a detached tensor has none of them.
    return {key: Tensor.detach(tensor) for key, tensor in content.items()}


def _is_state(content: Any) -> bool:
    return isinstance(content, dict) and all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in content.items()
    )


def _claimed(tensors: dict[str, Tensor]) -> int:
    """Bytes of all tensors; a tensor under several names counts once."""
    return sum(
        {
            (
                tensor.untyped_storage().data_ptr(),
                tensor.storage_offset(),
                tensor.shape,
                tensor.stride(),
                tensor.dtype,
            ): tensor.numel() * tensor.element_size()
            for tensor in tensors.values()
        }.values()
    )


def _most_bytes(network: Subject) -> int:
    """The most bytes of a file of the network's weights: in float64, with a header and names."""
    tensors = subjects.skeleton(network).state_dict().values()
    return MOST_HEADER + sum(8 * int(tensor.numel()) + 1024 for tensor in tensors)


def _check_archive(path: Path, size: int) -> None:
    """Checks that an archive is complete, unpacks to no more than its size, and has pickles that ask for nothing but tensors."""
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
            if any(entry.filename.endswith("/constants.pkl") for entry in entries):
                raise _unsafe(path, "it is a program of TorchScript, and no weights alone")
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
    """Checks that pickles ask Python for nothing but what `GLOBALS` lists; none of them is run."""
    refused: list[str] = []
    wrappers: list[str] = []
    try:
        for _ in range(count):
            for opcode, argument, _ in pickletools.genops(stream):
                requested = str(argument).replace(" ", ".") if opcode.name == "GLOBAL" else None
                if opcode.name in _OTHER_IMPORTS or (requested and requested not in GLOBALS):
                    refused.append(requested or opcode.name)
                elif argument in WRAPPERS:
                    wrappers.append(str(argument))
    except (ValueError, EOFError, IndexError) as error:
        if not refused:
            cause = f"it is neither safetensors nor torch's: {error}"
            raise _unreadable(path, cause) from error
    if refused and all(each.startswith(_BESIDE_WEIGHTS) for each in refused):
        alone = _save_alone(path, (*wrappers, "state_dict")[0], safely=False)
        raise _unsafe(path, f"it asks Python for {refused[0]} beside the weights", alone)
    if refused:
        raise _unsafe(path, f"it asks Python for {refused[0]}, which weights do not need")


def _unpickle(path: Path, *, mapped: bool) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        raise _unsafe(path, f"torch refuses it as weights ({_first_line(error)})") from error
    except Exception as error:  # a damaged file can fail anywhere in torch
        raise _unreadable(path, _first_line(error)) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _save_alone(path: Path, name: str, *, safely: bool) -> str:
    """The command that writes a checkpoint's state dict to a file of its own; if not `safely`, it runs code in the file."""
    alone = path.with_name(f"{path.stem}-weights.pth")
    program = (
        f"import torch; torch.save(torch.load({str(path)!r}, weights_only={safely})[{name!r}], "
        f"{str(alone)!r})"
    )
    trusted = "" if safely else ", if you trust who made the file"
    return f"save only the state dict{trusted}: python -c {shlex.quote(program)}"


def _unreadable(path: Path, cause: str, next_step: str | None = None) -> AtalhoError:
    return AtalhoError(
        "CHECKPOINT-READ",
        path,
        f"cannot be read as weights: {cause}; nothing was loaded",
        next_step=next_step or "give a .safetensors file, or the state dict that torch.save wrote",
        exit=Exit.CHECKPOINT,
    )


def _unsafe(path: Path, cause: str, next_step: str | None = None) -> AtalhoError:
    return AtalhoError(
        "CHECKPOINT-UNSAFE",
        path,
        f"refused: {cause}; nothing was run or loaded",
        next_step=next_step or "ask for the weights as safetensors",
        exit=Exit.UNSAFE,
    )
