"""ONNX files that take their weights from other files: outside the folder, through links, from devices."""

import json
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from atalho.engines import Backend, engine_config
from atalho.engines.engine import Placement
from atalho.engines.module import on_engine
from atalho.grammar.module import build
from atalho.grammar.network import Network
from atalho.runtime.device import Device
from atalho.weights import config, trained
from campaign import attempts
from campaign.attempts import Bounds, attempt
from campaign.counts import Counts

HERE = Placement(Device("cpu", 1))

SIZE = 64
"""Numbers in the other file."""


def locations(folder: Path, secret: Path) -> list[str]:
    """Where weights may be said to lie, seen from a folder: some are there and whole, so that a careless reader uses them."""
    (folder / "inside.bin").write_bytes(secret.read_bytes())
    (folder / "link.bin").symlink_to(secret)
    (folder / "hard.bin").hardlink_to(secret)
    (folder / "root").symlink_to("/")
    return [
        *(f"../{secret.name}", str(secret), f"sub/../../{secret.name}", f"root{secret}"),
        *("inside.bin", "link.bin", "hard.bin", "/dev/zero", "/proc/self/environ"),
        *("/etc/passwd", f"{'../' * 20}etc/passwd", f"file://{secret}", "\0", "", "a" * 5000),
    ]


def models(location: str) -> Iterator[tuple[str, bytes]]:
    """ONNX files that take a tensor from there: as a weight, as a constant, and as one inside a branch."""
    onnx: Any = import_module("onnx")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    tensor = onnx.TensorProto(name="w", data_type=floats, dims=[SIZE])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": "0", "length": str(4 * SIZE)}.items():
        tensor.external_data.add(key=key, value=value)
    constant = helper.make_node("Constant", [], ["w"], value=tensor)
    branch = helper.make_graph(
        [constant], "branch", [], [helper.make_tensor_value_info("w", floats, [SIZE])]
    )
    yes = helper.make_tensor("yes", onnx.TensorProto.BOOL, [], [True])
    choice = helper.make_node("If", ["yes"], ["w"], then_branch=branch, else_branch=branch)
    for place, nodes, weights in (
        ("weight", [], [tensor]),
        ("constant", [constant], []),
        ("branch", [choice], [yes]),
    ):
        graph = helper.make_graph(
            [*nodes, helper.make_node("Add", ["images", "w"], ["logits"])],
            "graph",
            [helper.make_tensor_value_info("images", floats, ["n", SIZE])],
            [helper.make_tensor_value_info("logits", floats, ["n", SIZE])],
            weights,
        )
        opset = helper.make_opsetid("", 18)
        yield (
            place,
            helper.make_model(graph, opset_imports=[opset], ir_version=9).SerializeToString(),
        )


def engine_folder(folder: Path, network: Network) -> Path:
    """A folder of a network for onnxruntime, of whose graph no checksum is known; returns where the graph belongs."""
    folder.mkdir()
    classes = {str(each): str(each) for each in range(10)}
    preprocessing = trained.Preprocessing.per_channel([0.5], [0.5])
    framing = config.Framing(network.input)
    settings = config.Config(network.name, framing, preprocessing, classes)
    trained.write(folder, build(network, seed=0).state_dict(), settings)
    document = {"engine": "onnxruntime", "dtype": "float32", "threads": 1, "batch": 1}
    (folder / engine_config.FILE).write_text(json.dumps(document))
    return folder / "model.onnx"


def external_weights(network: Network, folder: Path) -> Counts:
    """Every location at every place; all must be refused, since atalho writes no such file."""
    counts = Counts("hostile: weights of ONNX in other files", attempts.DETECTS)
    if any(find_spec(name) is None for name in ("onnx", "onnxruntime", "onnxscript")):
        return counts
    own, secret = folder / "engine", folder / "secret"
    secret.write_bytes(torch.arange(float(SIZE)).numpy().tobytes())
    path = engine_folder(own, network)
    bounds = Bounds((folder,), secret)

    def opened() -> None:
        on_engine(trained.read(own), own, Backend("onnxruntime", "float32"), HERE)

    with counts.timed():
        for location in locations(own, secret):
            for place, content in models(location):
                path.write_bytes(content)
                example = f"{place} from {location[:60]!r}"
                ended = attempt(counts, example, opened, bounds)
                counts.end("refused" if ended.refused else "read")
                if not ended.refused:
                    counts.fault("reads_outside", example)
    return counts
