"""Anybody's `nn.Module` under the same commands: `timm:NAME`, `torchvision:NAME` and `FILE.py:FUNCTION`.

It is measured, trained and compared like a network of the catalogue. What only a table can say (the paper's rows, the
drawing) it does not have; its cost is counted on the module, by torch's own counter.
"""

import importlib.util
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atalho.errors import AtalhoError, Exit
from atalho.grammar.shape import Shape, text

if TYPE_CHECKING:  # torch is loaded by the functions that make a module
    from torch import nn

INPUT: Shape = (3, 224, 224)
CLASSES = 1000


@dataclass(frozen=True)
class Foreign:
    """A network that is a constructor of a module.

    Args:
        name: as the user wrote it, `timm:resnet18d`; it is the name in its records and runs.
        construct: makes the module, with torch's global generator.
    """

    name: str
    input: Shape
    num_classes: int
    construct: Callable[[], "nn.Module"]

    def without_auxiliary(self) -> "Foreign":
        """The same network: its module returns logits alone."""
        return self


def get(name: str, *, input: Shape | None = None, num_classes: int | None = None) -> Foreign:
    """The network of a prefixed name, checked on one image.

    Raises:
        AtalhoError: FOREIGN-MISSING (exit 6), where the prefix's package is not installed; NETWORK-UNKNOWN (exit 2);
            FOREIGN-FAILED (exit 2), where it cannot be made or does not return (1, classes) logits for an image.
    """
    prefix, _, what = name.partition(":")
    if prefix == "timm":
        found = _timm(name, what, input, num_classes)
    elif prefix == "torchvision":
        found = _torchvision(name, what, input, num_classes)
    else:
        found = _file(name, input, num_classes)
    _check(found)
    return found


def build(network: Foreign, *, seed: int) -> "nn.Module":
    """The module as its own code initialises it, from `seed` alone: torch's global generator is left as it was."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return network.construct()


def costs(network: Foreign) -> dict[str, int]:
    """`params`, `macs` and `activations` of one image, as in `document`."""
    counted = document(network)
    return {quantity: counted[quantity] for quantity in ("params", "macs", "activations")}


def document(network: Foreign) -> dict[str, Any]:
    """The network as one JSON object, like `describe.document`, counted on the module; a row for each of its children.

    `macs` are half of what `FlopCounterMode` counts: convolutions and matrix products, attention included.
    `activations` are the elements that its modules without children write.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    model = build(network, seed=0).eval()
    outputs: dict[nn.Module, Shape] = {}
    written = 0

    def note(module: "nn.Module", inputs: Any, output: Any) -> None:
        nonlocal written
        if isinstance(output, torch.Tensor):
            outputs[module] = tuple(output.shape[1:])
            written += output.numel() * (not [*module.children()])

    for module in model.modules():
        module.register_forward_hook(note)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, *network.input))
    flops = {name: sum(each.values()) for name, each in counter.get_flop_counts().items()}
    rows = [
        {
            "name": name,
            "kind": type(child).__name__,
            "output": list(outputs[child]),
            "params": _parameters(child),
            "macs": flops.get(f"{type(model).__name__}.{name}", 0) // 2,
        }
        for name, child in model.named_children()
        if child in outputs
    ]
    total = counter.get_total_flops()
    return {
        "network": network.name,
        "input": list(network.input),
        "num_classes": network.num_classes,
        "params": _parameters(model),
        "macs": total // 2,
        "flops": total,
        "activations": written,
        "rows": rows,
    }


def _parameters(module: "nn.Module") -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _timm(name: str, what: str, input: Shape | None, num_classes: int | None) -> Foreign:
    timm = _package("timm", name)
    _known(name, what, timm.list_models())
    own = timm.models.get_pretrained_cfg(what)
    shape = input or (tuple(own.input_size) if own else INPUT)
    classes = num_classes or (own.num_classes if own else CLASSES)

    def construct() -> "nn.Module":
        model: nn.Module = timm.create_model(what, num_classes=classes, in_chans=shape[0])
        return model

    return Foreign(name, shape, classes, construct)


def _torchvision(name: str, what: str, input: Shape | None, num_classes: int | None) -> Foreign:
    models = _package("torchvision.models", name)
    _known(name, what, models.list_models(module=models))
    classes = num_classes or CLASSES
    builder = models.get_model_builder(what)
    # Auxiliary heads would make its answer in training something else than logits.
    options = {"aux_logits": False} if what in ("googlenet", "inception_v3") else {}
    if options:
        options["init_weights"] = True

    def construct() -> "nn.Module":
        model: nn.Module = builder(weights=None, num_classes=classes, **options)
        return model

    return Foreign(name, input or INPUT, classes, construct)


def _file(name: str, input: Shape | None, num_classes: int | None) -> Foreign:
    file, _, function = name.rpartition(":")
    path = Path(file)
    spec = importlib.util.spec_from_file_location(path.stem, path) if path.is_file() else None
    if spec is None or spec.loader is None:
        raise _failed(name, f"there is no Python file {file}")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        make = getattr(module, function)
        takes = inspect.signature(make).parameters
    except Exception as error:  # whatever the user's own code raises
        raise _failed(name, f"{type(error).__name__}: {error}") from error
    classes = num_classes or CLASSES
    given = {"num_classes": classes} if "num_classes" in takes else {}

    def construct() -> "nn.Module":
        from torch import nn

        model = make(**given)
        if not isinstance(model, nn.Module):
            raise TypeError(f"{function} returns a {type(model).__name__}, not an nn.Module")
        return model

    return Foreign(name, input or INPUT, classes, construct)


def _package(package: str, name: str) -> Any:
    try:
        return import_module(package)
    except ImportError as error:
        distribution = package.partition(".")[0]
        raise AtalhoError(
            "FOREIGN-MISSING",
            name,
            f"needs the package {distribution}, which is not installed",
            next_step=f"pip install {distribution}",
            exit=Exit.RESOURCES,
        ) from error


def _known(name: str, what: str, models: list[str]) -> None:
    if what.partition(".")[0] not in models:
        near = ", ".join(get_close_matches(what, models, n=3)) or "none is near"
        raise AtalhoError(
            "NETWORK-UNKNOWN",
            name,
            f"{name.partition(':')[0]} has no such network; nearest: {near}",
            next_step="atalho list, for the catalogue",
            exit=Exit.USAGE,
        )


def _check(network: Foreign) -> None:
    """Checks that it can be made and returns logits for an image."""
    import torch

    try:
        model = build(network, seed=0).eval()
        with torch.inference_mode():
            answer = model(torch.zeros(1, *network.input))
    except Exception as error:  # whatever somebody else's code raises
        raise _failed(
            network.name,
            f"cannot take {text(network.input)}: {type(error).__name__}: {str(error).splitlines()[0]}",
        ) from error
    if not isinstance(answer, torch.Tensor) or answer.shape != (1, network.num_classes):
        tensor = isinstance(answer, torch.Tensor)
        shape = text(answer.shape) if tensor else type(answer).__name__
        raise _failed(
            network.name,
            f"returns {shape} for one image, not 1x{network.num_classes} logits",
        )


def _failed(name: str, cause: str) -> AtalhoError:
    return AtalhoError(
        "FOREIGN-FAILED",
        name,
        cause,
        next_step="--input and --num-classes as it takes them, or mend the function",
        exit=Exit.USAGE,
    )
