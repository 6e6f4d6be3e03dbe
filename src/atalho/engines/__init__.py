"""Engines: programs that run a trained network. One engine a file; images and logits are numpy arrays in all of them."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import NamedTuple

from atalho.conditions import engine_label
from atalho.engines.compiled import COMPILED
from atalho.engines.eager import EAGER
from atalho.engines.engine import Dtype, Engine
from atalho.engines.onnxruntime import ONNXRUNTIME
from atalho.engines.openvino import OPENVINO
from atalho.errors import AtalhoError, Exit
from atalho.runtime.device import Device
from atalho.runtime.precision import multiplies_bf16

ENGINES: Mapping[str, Engine] = {
    engine.name: engine for engine in (EAGER, COMPILED, ONNXRUNTIME, OPENVINO)
}


class Backend(NamedTuple):
    """An engine in one of its precisions."""

    engine: str
    dtype: Dtype

    def __str__(self) -> str:
        return engine_label(self._asdict())


REFERENCE = Backend("eager", "float32")
"""torch's own operations in float32: what every other backend is compared with."""


def missing_packages(backend: Backend) -> list[str]:
    """The packages that a backend needs and that are not installed."""
    return [
        package
        for package in ENGINES[backend.engine].needs[backend.dtype]
        if not find_spec(package)
    ]


def available(
    device: Device, *, engines: tuple[str, ...] = tuple(ENGINES), calibrated: bool
) -> list[Backend]:
    """Every engine that is installed and runs on a device, in each of its precisions that the hardware has.

    Args:
        calibrated: whether there are real images to calibrate int8 on and to test it with.
    """
    all_of_device = [
        Backend(name, dtype)
        for name in engines
        if device.type in ENGINES[name].devices
        for dtype in ENGINES[name].needs
        if (calibrated or dtype != "int8") and _in_hardware(dtype, device)
    ]
    return [backend for backend in all_of_device if not missing_packages(backend)]


def check_arithmetic(backend: Backend, device: Device) -> None:
    """Checks that the hardware has a backend's precision: libraries take another in its place and do not say so.

    Raises:
        AtalhoError: ENGINE (exit 2), where it has not.
    """
    if not _in_hardware(backend.dtype, device):
        cause = f"{device.model} has no {backend.dtype}: what it ran would be something else"
        raise AtalhoError(
            "ENGINE", backend, cause, next_step="--precision float32", exit=Exit.USAGE
        )


def _in_hardware(dtype: Dtype, device: Device) -> bool:
    return dtype != "bf16" or multiplies_bf16(device.torch)


def check(backend: Backend, device: Device) -> None:
    """Checks that a backend can run on a device, with the packages that are installed.

    Raises:
        AtalhoError: ENGINE (exit 2), where the engine has no such precision or does not run on the device; ENGINE-EXTRA (exit
            6), where a package is not installed.
    """
    engine = ENGINES[backend.engine]
    if backend.dtype not in engine.needs:
        cause = f"{backend.engine} has no {backend.dtype}, only {', '.join(engine.needs)}"
        raise AtalhoError(
            "ENGINE", backend, cause, next_step="another --precision", exit=Exit.USAGE
        )
    if device.type not in engine.devices:
        cause = f"{backend.engine} does not run on {device.name}"
        raise AtalhoError("ENGINE", backend, cause, next_step="--engine eager", exit=Exit.USAGE)
    if absent := missing_packages(backend):
        raise AtalhoError(
            "ENGINE-EXTRA",
            backend,
            f"needs {', '.join(absent)}, not installed here",
            next_step=f"pip install 'atalho[{'onnx' if backend.engine == 'onnxruntime' else backend.engine}]'",
            exit=Exit.RESOURCES,
        )
