"""What this machine can do: versions, hardware, engines, sensors and disk, what each extra would add, and what is broken."""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from packaging.requirements import Requirement

from atalho import __version__
from atalho.api.loading import DATA_DIR
from atalho.explain.table import Table

if TYPE_CHECKING:
    from atalho.runtime.device import Device

OLDEST = (3, 11)  # as pyproject.toml requires of Python

LEAST = 1.0
"""GiB of disk: with less, checkpoints and engines' files may not fit."""

EXTRAS = {
    "timm": "timm's networks and weights, and export --to timm",
    "onnx": "the engine onnxruntime, and export --to onnx",
    "openvino": "the engine openvino, with int8",
    "energy": "joules and watts, where the hardware has a sensor",
    "tensorboard": "train --tensorboard",
    "explain": "predict --explain",
    "heif": "HEIC and AVIF pictures, as telephones take them",
    "hub": "networks of the Hugging Face Hub",
    "frames": "records as data frames",
    "parquet": "predictions as Parquet files, and data sets of images in Parquet",
    "cluster": "compare --on: trainings on several machines",
}
"""What each extra adds."""


@dataclass(frozen=True)
class Part:
    """A part of the installation or of the machine.

    Args:
        name: as `torch`, `engine openvino`, `extra heif`.
        state: `absent` parts are not needed by what works without them; `broken` ones are in the way of something.
        details: a version or a size; of what is absent or broken what to do, or what is lacking.
    """

    name: str
    state: Literal["works", "absent", "broken"]
    details: str


@dataclass(frozen=True)
class Checkup:
    """All parts in order."""

    parts: tuple[Part, ...]

    @property
    def broken(self) -> list[str]:
        """The names of the parts that are broken."""
        return [each.name for each in self.parts if each.state == "broken"]

    @property
    def table(self) -> Table:
        """A row for each part."""
        rows = [asdict(each) for each in self.parts]
        notes = [f"broken: {', '.join(self.broken)}"] if self.broken else []
        return Table(rows, rows, "", notes)


def doctor(data_dir: str | Path = DATA_DIR) -> Checkup:
    """Looks at what is installed and at the machine; torch and the installed engines are loaded, to see whether they can be.

    Args:
        data_dir: where data sets are kept and downloaded to.
    """
    return Checkup((*_versions(), *_hardware(), *_disk(Path(data_dir)), *_extras()))


def _versions() -> Iterator[Part]:
    """Python, atalho and its own requirements."""
    new_enough = sys.version_info >= OLDEST
    python = platform.python_version()
    yield (
        Part("python", "works", python)
        if new_enough
        else Part(
            "python", "broken", f"{python}; atalho needs {'.'.join(map(str, OLDEST))} or newer"
        )
    )
    yield Part("atalho", "works", __version__)
    for each in map(_installed, _requirements()):
        yield replace(each, state="broken") if each.state == "absent" else each


def _requirements(extra: str = "") -> list[Requirement]:
    """What atalho requires, or only what an extra adds; nothing where it runs without having been installed."""
    try:
        lines = requires("atalho") or []
    except PackageNotFoundError:
        return []
    requirements = [Requirement(line) for line in lines]
    if not extra:
        return [each for each in requirements if not each.marker]
    return [each for each in requirements if each.marker and each.marker.evaluate({"extra": extra})]


def _installed(requirement: Requirement) -> Part:
    """A package: absent, or broken where it is older than it must be."""
    name = requirement.name
    repair = f"pip install '{name}{requirement.specifier}'"
    try:
        installed = version(name)
    except PackageNotFoundError:
        return Part(name, "absent", f"is not installed; {repair}")
    if not requirement.specifier.contains(installed, prereleases=True):
        return Part(name, "broken", f"{installed} is too old; {repair}")
    return Part(name, "works", installed)


def _hardware() -> Iterator[Part]:
    """Processor, memory, GPU, precision, engines and sensor; without a torch that can be loaded, only that."""
    if cause := _failure("torch"):
        yield Part("loading torch", "broken", cause)
        return
    import psutil

    from atalho.runtime.device import resolve_device
    from atalho.runtime.precision import fastest
    from atalho.runtime.processor import processor

    device = resolve_device()
    yield Part("processor", "works", processor())
    yield Part("memory", "works", _gib(psutil.virtual_memory().total))
    if device.type == "cuda":
        yield Part("GPU", "works", f"{device.model}, {_gpu_memory(device)}")
    else:
        yield Part("GPU", "absent", "none that torch can use")
    precision, why = fastest(device.torch)
    yield Part("bf16", "works" if precision == "bf16" else "absent", why)
    yield from _engines(device)
    yield _sensor(device)


def _gpu_memory(device: "Device") -> str:
    import torch

    return _gib(torch.cuda.mem_get_info(device.torch)[1])


def _engines(device: "Device") -> Iterator[Part]:
    from atalho.engines import ENGINES, Backend, available, missing_packages

    backends = available(device, calibrated=True)
    for name, engine in ENGINES.items():
        part = f"engine {name}"
        dtypes = ", ".join(each.dtype for each in backends if each.engine == name)
        absent = missing_packages(Backend(name, "float32"))
        if device.type not in engine.devices:
            yield Part(part, "absent", f"does not run on {device.name}")
        elif absent:
            extra = "onnx" if name == "onnxruntime" else name
            yield Part(part, "absent", f"needs {', '.join(absent)}; pip install 'atalho[{extra}]'")
        elif cause := next(filter(None, map(_failure, engine.needs["float32"])), ""):
            yield Part(part, "broken", cause)
        elif name == "compiled" and not _compiler():
            yield Part(part, "absent", "needs a C++ compiler in PATH")
        else:
            yield Part(part, "works", dtypes)


def _compiler() -> str | None:
    """The C++ compiler that torch.compile calls."""
    usual = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    return shutil.which(os.environ.get("CXX", usual))


def _sensor(device: "Device") -> Part:
    from atalho.benchmark.sensor import sensor

    energy = sensor(device)
    if isinstance(energy, str):
        return Part("energy sensor", "absent", energy)
    return Part("energy sensor", "works", energy.name)


def _disk(data_dir: Path) -> Iterator[Part]:
    """The folders that are written to: whether they can be, and the space that is left."""
    from atalho.features.cache import folder

    for name, path in (
        ("current folder", Path()),
        ("data folder", data_dir),
        ("cache folder", folder()),
        ("temporary folder", Path(tempfile.gettempdir())),
    ):
        path = path.absolute()
        there = next(each for each in (path, *path.parents) if each.exists())
        try:
            tempfile.TemporaryFile(dir=there).close()
        except OSError as error:
            yield Part(name, "broken", f"{path} cannot be written ({error.strerror})")
            continue
        free = shutil.disk_usage(there).free
        state: Literal["works", "broken"] = "works" if free / 2**30 >= LEAST else "broken"
        yield Part(name, state, f"{path}, {_gib(free)} free")


def _extras() -> Iterator[Part]:
    for extra, adds in EXTRAS.items():
        parts = [_installed(each) for each in _requirements(extra)]
        lacking = [f"{each.name} {each.details}" for each in parts if each.state == "broken"]
        absent = [each.name for each in parts if each.state == "absent"]
        install = f"pip install 'atalho[{extra}]'"
        if lacking:
            yield Part(f"extra {extra}", "broken", f"{adds}: {', '.join(lacking)}")
        elif absent or not parts:
            yield Part(f"extra {extra}", "absent", f"{adds}; {install}")
        else:
            versions = ", ".join(f"{each.name} {each.details}" for each in parts)
            yield Part(f"extra {extra}", "works", f"{adds} ({versions})")


def _failure(module: str) -> str:
    """Why a module that is installed cannot be imported, in one line; empty where it can be."""
    try:
        import_module(module)
    except (
        Exception
    ) as error:  # a library may raise anything, such as OSError where a file of its own is gone
        return f"cannot be loaded: {str(error).partition(chr(10))[0] or type(error).__name__}"
    return ""


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
