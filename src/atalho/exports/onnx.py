"""ONNX: the network without auxiliary heads, from `images` to `logits` for any number of them, its config in the metadata."""

from pathlib import Path

import torch
from torch import Tensor

from atalho.data.batches import preprocess
from atalho.exports.format import Format, Reader
from atalho.exports.pt2 import program
from atalho.weights import config
from atalho.weights.trained import Trained


def exported(trained: Trained) -> torch.onnx.ONNXProgram:
    """The network as ONNX's operations, from `images` to `logits`, both for any number of images."""
    graph = torch.onnx.export(
        program(trained),
        input_names=["images"],
        output_names=["logits"],
        dynamic_shapes=({0: "batch"},),
        dynamo=True,
        verbose=False,
    )
    assert graph is not None  # it is None only with dynamo=False
    return graph


def write(trained: Trained, path: Path) -> None:
    """Writes one file: below ONNX's two gigabytes for every network of the catalogue."""
    graph = exported(trained)
    graph.model.metadata_props[config.FILE] = trained.config.embedded()
    graph.save(path)


def read(trained: Trained, path: Path) -> Reader:
    """The file as onnxruntime runs it on the processor."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    document = config.extracted(session.get_modelmeta().custom_metadata_map[config.FILE])

    def logits(images: Tensor) -> Tensor:
        floats = preprocess(images, document.preprocessing).contiguous()
        (output,) = session.run(["logits"], {"images": floats.numpy()})
        return torch.from_numpy(output)

    return Reader(logits, tuple(document.classes))


def usage(trained: Trained, path: Path) -> str:
    """The line that reads it."""
    return (
        f"onnxruntime.InferenceSession({str(path)!r})"
        f"  # classes and preprocessing: .get_modelmeta().custom_metadata_map[{config.FILE!r}]"
    )


ONNX = Format(write, read, usage, needs=("onnx", "onnxruntime", "onnxscript"))
