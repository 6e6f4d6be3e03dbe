"""The engine `eager`: torch runs the module, one operation after another."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atalho.engines.engine import Dtype, Engine, Floats, Placement, Session, torch_format

if TYPE_CHECKING:
    from torch import Tensor

    from atalho.weights.trained import Trained

WEIGHTS = "model.safetensors"


class Torch:
    """A torch module as a `Session`."""

    def __init__(self, model: Callable[..., Any], dtype: Dtype, placement: Placement) -> None:
        import torch

        from atalho.runtime.precision import whole_float32

        torch.set_num_threads(placement.threads_a_request)
        whole_float32()
        self.model = model
        self.device = placement.device.torch
        self.memory_format = torch_format(placement.memory_format)
        self.precision = torch.autocast(
            self.device.type, torch.bfloat16, enabled=dtype == "bf16", cache_enabled=False
        )

    def put(self, images: Floats) -> "Tensor":
        import torch

        return torch.from_numpy(images).to(self.device, memory_format=self.memory_format)

    def run(self, images: "Tensor") -> "Tensor":
        import torch

        with torch.inference_mode(), self.precision:
            logits: Tensor = self.model(images)
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return logits

    def get(self, logits: "Tensor") -> Floats:
        floats: Floats = logits.float().cpu().numpy()
        return floats


def write(trained: "Trained", folder: Path, dtype: Dtype, images: "Tensor | None") -> None:
    """Writes nothing: the engine reads the weights that are there."""


def module(folder: Path, placement: Placement) -> Any:
    """The network of a folder on the device, in eval mode."""

    from atalho.exports.format import for_inference
    from atalho.weights.trained import read

    model = for_inference(read(folder, named=placement.named)).to(placement.device.torch).model
    return model.to(memory_format=torch_format(placement.memory_format))


def opened(folder: Path, dtype: Dtype, placement: Placement) -> Session:
    """The network of a folder, ready to run."""
    return Torch(module(folder, placement), dtype, placement)


def files(dtype: Dtype) -> tuple[str, ...]:
    """The weights."""
    return (WEIGHTS,)


EAGER = Engine(
    "eager", {"float32": (), "bf16": ()}, frozenset({"cpu", "cuda"}), write, opened, files
)
