"""onnxruntime on the processor, from the file that `atalho export --to onnx` writes."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from atalho.engines.engine import Dtype, Engine, Floats, Placement, Session
from atalho.errors import AtalhoError, Exit

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
    """The network of a folder, ready to run.

    Raises:
        AtalhoError: ENGINE-FILE (exit 5), where the file takes weights from other files, which may be any that the user can read.
    """
    import onnx

    path = folder / FILE
    model = onnx.load(path, load_external_data=False)
    for tensor in _tensors(model):
        if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise AtalhoError(
                "ENGINE-FILE",
                path,
                "takes weights from another file, as none that atalho writes; nothing was read of it",
                next_step="export the network again: atalho export RUN --to engine",
                exit=Exit.UNSAFE,
            )
    return OnnxRuntime(path, placement)


def _tensors(message: Any) -> Iterator[Any]:
    """Every tensor of an ONNX message, at any depth."""
    if message.DESCRIPTOR.name == "TensorProto":
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type:
            for each in [value] if hasattr(value, "ListFields") else value:
                yield from _tensors(each)


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
