"""onnxruntime on the processor, from the file that `atalho export --to onnx` writes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from atalho.engines.engine import Dtype, Engine, Floats, Placement, Session

if TYPE_CHECKING:
    from torch import Tensor

    from atalho.weights.trained import Trained

FILE = "model.onnx"


class OnnxRuntime:
    """An onnxruntime session as a `Session`."""

    def __init__(self, path: Path, placement: Placement) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = placement.threads_a_request
        self.session: Any = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )

    def put(self, images: Floats) -> Floats:
        return np.ascontiguousarray(images)

    def run(self, images: Floats) -> Floats:
        (logits,) = self.session.run(["logits"], {"images": images})
        floats: Floats = logits
        return floats

    def get(self, logits: Floats) -> Floats:
        return logits


def write(trained: "Trained", folder: Path, dtype: Dtype, images: "Tensor | None") -> None:
    """Writes the ONNX file."""
    from atalho.exports import onnx

    onnx.write(trained, folder / FILE)


def opened(folder: Path, dtype: Dtype, placement: Placement) -> Session:
    """The network of a folder, ready to run."""
    return OnnxRuntime(folder / FILE, placement)


def files(dtype: Dtype) -> tuple[str, ...]:
    """The ONNX file."""
    return (FILE,)


ONNXRUNTIME = Engine(
    "onnxruntime",
    {"float32": ("onnx", "onnxruntime", "onnxscript")},
    frozenset({"cpu"}),
    write,
    opened,
    files,
)
