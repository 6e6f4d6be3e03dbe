"""OpenVINO on the processor; int8 by NNCF's post-training quantisation."""

import os
from functools import cache
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING, Any

import numpy as np

from atalho.engines.engine import Dtype, Engine, Floats, Placement, Session

if TYPE_CHECKING:
    import openvino
    from torch import Tensor

    from atalho.weights.trained import Trained

HINTS: dict[Dtype, str] = {"float32": "f32", "bf16": "bf16", "int8": "bf16"}
"""The precision of all that is not quantised; OpenVINO uses float32 where the processor has no bf16."""


@cache
def core() -> "openvino.Core":
    """The process's only OpenVINO core, which is never released.

    Every core's processor plugin sets a stack for signal handlers, and unmaps it with the core, though a core that was made later
    will restore it: after two overlapping ones the next signal, a user's Ctrl-C, would end the process by a segmentation fault.
    """
    import openvino

    return openvino.Core()


class OpenVino:
    """A network as a `Session`; it is compiled for each shape of images when `put` first gets one; each thread has its own request."""

    def __init__(self, path: Path, dtype: Dtype, placement: Placement) -> None:
        self.model = core().read_model(path)
        self.settings = {
            "INFERENCE_PRECISION_HINT": HINTS[dtype],
            "INFERENCE_NUM_THREADS": placement.device.threads,
            "PERFORMANCE_HINT": "LATENCY",
        }
        if placement.streams > 1:
            self.settings |= {"PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": placement.streams}
        self.compiled: dict[tuple[int, ...], Any] = {}
        self.requests: dict[tuple[int, tuple[int, ...]], Any] = {}

    def put(self, images: Floats) -> Any:
        shape = images.shape
        if shape not in self.compiled:
            self.model.reshape(list(shape))
            self.compiled[shape] = core().compile_model(self.model, "CPU", self.settings)
        return np.ascontiguousarray(images)

    def run(self, images: Floats) -> Floats:
        key = get_ident(), images.shape
        if key not in self.requests:
            self.requests[key] = self.compiled[images.shape].create_infer_request()
        logits: Floats = self.requests[key].infer({0: images}, share_inputs=True)[0]
        return logits

    def get(self, logits: Floats) -> Floats:
        return logits


def write(trained: "Trained", folder: Path, dtype: Dtype, images: "Tensor | None") -> None:
    """Writes the network in OpenVINO's format, from its ONNX file; quantised for int8."""
    import openvino

    from atalho.engines import onnxruntime

    # NNCF and OpenVINO's converter from torch send usage statistics. Reading ONNX does not, and this variable stops NNCF.
    os.environ.setdefault("NNCF_CI", "1")
    source = folder / onnxruntime.FILE
    if not source.exists():
        onnxruntime.write(trained, folder, dtype, images)
    model = core().read_model(source)
    if dtype == "int8":
        import nncf

        assert images is not None  # int8 is calibrated
        calibration = nncf.Dataset(list(images.split(1)), lambda image: image.numpy())
        # Asymmetric activations: with them ResNet-50 misclassifies no more of a hundred images, with symmetric ones two more.
        mixed = nncf.QuantizationPreset.MIXED
        model = nncf.quantize(model, calibration, preset=mixed, subset_size=len(images))
    openvino.save_model(model, folder / files(dtype)[0], compress_to_fp16=False)


def opened(folder: Path, dtype: Dtype, placement: Placement) -> Session:
    """The network of a folder, ready to run."""
    return OpenVino(folder / files(dtype)[0], dtype, placement)


def files(dtype: Dtype) -> tuple[str, ...]:
    """The graph and its weights."""
    name = "openvino-int8" if dtype == "int8" else "openvino"
    return f"{name}.xml", f"{name}.bin"


WRITES = ("openvino", "onnx", "onnxscript")

OPENVINO = Engine(
    "openvino",
    {"float32": WRITES, "bf16": WRITES, "int8": (*WRITES, "nncf")},
    frozenset({"cpu"}),
    write,
    opened,
    files,
)
