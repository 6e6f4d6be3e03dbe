"""Foreign networks, which are any `nn.Module`: `timm:NAME`, `torchvision:NAME` and `FILE.py:FUNCTION`.

They are measured, trained and compared like networks of the catalogue. They have no table, and so neither a paper's rows nor
a drawing; their cost is counted on the module by torch's own counter.
"""

import inspect
import shlex
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atalho.errors import AtalhoError, Exit
from atalho.grammar.shape import Shape, text
from atalho.networks import userfile

if TYPE_CHECKING:  # torch is loaded by the functions that make a module
    from torch import nn

INPUT: Shape = (3, 224, 224)
CLASSES = 1000


@dataclass(frozen=True)
class Foreign:
    """A network that is a constructor of a module.

    Args:
        name: as the user wrote it, `timm:resnet18d`; records and runs have the same name.
        input: (C, H, W) of one image.
        num_classes: the number of logits; 0 as long as it is not known, before the module has run on an image.
        construct: constructs the module, initialised by torch's global generator.
        file: that the constructor is in, for `FILE.py:FUNCTION`.
    """

    name: str
    input: Shape
    num_classes: int
    construct: Callable[[], "nn.Module"]
    file: Path | None = None

    def without_auxiliary(self) -> "Foreign":
        """The same network: its module returns logits alone."""
        return self


def get(name: str, *, input: Shape | None = None, num_classes: int | None = None) -> Foreign:
    """The foreign network called `name`, checked by running it on one image.

    Args:
        input: (C, H, W); by default the library's for this network, or else ImageNet's.
        num_classes: by default those of the library, of the function's default argument or of the logits.

    Raises:
        AtalhoError: FOREIGN-MISSING (exit 6), where the prefix's package is not installed; NETWORK-UNKNOWN (exit 2);
            FOREIGN-FAILED (exit 2), where it cannot be constructed or does not return (1, classes) logits for an image.
    """
    prefix, _, model = name.partition(":")
    if prefix == "timm":
        network = _timm(name, model, input, num_classes)
    elif prefix == "torchvision":
        network = _torchvision(name, model, input, num_classes)
    else:
        network = _file(name, input, num_classes)
    return _checked(network)


def build(network: Foreign, *, seed: int) -> "nn.Module":
    """The module as its own code initialises it, from `seed` alone; torch's global generator is not changed.

    Lazy layers have been initialised by an image of the network's input. The module can be copied.
    """
    import torch
    from torch.nn.parameter import is_lazy

    with torch.random.fork_rng(devices=[]), _running(network):
        torch.manual_seed(seed)
        model = network.construct()
        if any(map(is_lazy, (*model.parameters(), *model.buffers()))):
            training = model.training
            with torch.no_grad():
                model.eval()(torch.zeros(1, *network.input))
            model.train(training)
    for part in model.modules():
        for name, value in vars(part).items():
            # torch.nn.utils.weight_norm keeps what it computed last, which cannot be copied, and computes it anew.
            if isinstance(value, torch.Tensor) and value.grad_fn is not None:
                setattr(part, name, value.detach())
    return model


def check_trainable(network: Foreign) -> None:
    """Checks that a training step is possible: in training mode the module returns only logits, which have gradients.

    Raises:
        AtalhoError: FOREIGN-FAILED (exit 2).
    """
    import torch

    model = build(network, seed=0).train()
    try:
        with torch.random.fork_rng(devices=[]), _running(network):
            # Two images: BatchNorm has no variance of one value a channel.
            output = model(torch.rand(2, *network.input))
            if _is_logits(output, 2, network.num_classes):
                output.float().sum().backward()
                return
    except Exception as error:  # any that the foreign code raises
        raise _failed(
            network.name, f"cannot be trained on {text(network.input)}: {_line(error)}"
        ) from error
    raise _failed(
        network.name,
        f"in training mode returns {_described(output)} for two images, not 2x{network.num_classes} logits",
        "let it return the logits alone in training mode too",
    )


def _running(network: Foreign) -> AbstractContextManager[None]:
    """The context in which the network's code runs."""
    return userfile.running(network.file) if network.file else nullcontext()


def costs(network: Foreign) -> dict[str, int]:
    """`params`, `macs` and `activations` of one image, as in `document`."""
    counted = document(network)
    return {quantity: counted[quantity] for quantity in ("params", "macs", "activations")}


def document(network: Foreign) -> dict[str, Any]:
    """The network as one JSON object like that of `describe.document`, counted on the module, with a row for each child.

    `macs` are half of what `FlopCounterMode` counts: convolutions and matrix products, attention included.
    `activations` are the elements of the outputs of all modules without children.
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
    # Not in inference mode, in which the counter cannot see into weights that are computed (torch.nn.utils.parametrize).
    with torch.no_grad(), FlopCounterMode(display=False) as counter, _running(network):
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


def _timm(name: str, model_name: str, input: Shape | None, num_classes: int | None) -> Foreign:
    timm = _package("timm", name)
    _check_listed(name, model_name, timm.list_models())
    own = timm.models.get_pretrained_cfg(model_name)
    shape = input or (tuple(own.input_size) if own else INPUT)
    classes = num_classes or (own.num_classes if own else CLASSES)

    def construct() -> "nn.Module":
        model: nn.Module = timm.create_model(model_name, num_classes=classes, in_chans=shape[0])
        return model

    return Foreign(name, shape, classes, construct)


def _torchvision(
    name: str, model_name: str, input: Shape | None, num_classes: int | None
) -> Foreign:
    models = _package("torchvision.models", name)
    _check_listed(name, model_name, models.list_models(module=models))
    classes = num_classes or CLASSES
    builder = models.get_model_builder(model_name)
    # With auxiliary heads the module would not return logits alone in training mode.
    options = {"aux_logits": False} if model_name in ("googlenet", "inception_v3") else {}
    if options:
        options["init_weights"] = True

    def construct() -> "nn.Module":
        model: nn.Module = builder(weights=None, num_classes=classes, **options)
        return model

    return Foreign(name, input or INPUT, classes, construct)


def _file(name: str, input: Shape | None, num_classes: int | None) -> Foreign:
    file, _, function = name.rpartition(":")
    path = Path(file)
    shape = input or INPUT
    if not path.is_file():
        raise _failed(name, f"there is no Python file {file}", "name a file that is there")
    try:
        make = userfile.function(path, function)
        takes = inspect.signature(make).parameters
    except userfile.EndedError as error:
        raise _failed(
            name,
            f"cannot be imported: {error}",
            "put what the file does when it is run under `if __name__ == '__main__':`",
        ) from error
    except Exception as error:  # whatever the user's own code raises
        raise _failed(name, f"cannot be imported: {_line(error)}", "mend the file") from error
    arguments: dict[str, int] = {}
    if "num_classes" in takes:
        default = takes["num_classes"].default
        if num_classes or default is inspect.Parameter.empty:
            arguments = {"num_classes": num_classes or CLASSES}

    def construct() -> "nn.Module":
        from torch import nn

        model = make(**arguments)
        if not isinstance(model, nn.Module):
            raise TypeError(f"{function} returns a {type(model).__name__} and not an nn.Module")
        return model

    return Foreign(name, shape, arguments.get("num_classes", num_classes or 0), construct, path)


def _package(package: str, name: str) -> Any:
    try:
        return import_module(package)
    except ImportError as error:
        distribution = package.partition(".")[0]
        raise AtalhoError(
            "FOREIGN-MISSING",
            name,
            f"needs the package {distribution}, which is not installed",
            next_step="pip install 'atalho[timm]'"
            if package == "timm"
            else "pip install torchvision",
            exit=Exit.RESOURCES,
        ) from error


def _check_listed(name: str, model_name: str, models: list[str]) -> None:
    if model_name.partition(".")[0] not in models:
        from difflib import get_close_matches

        near = ", ".join(get_close_matches(model_name, models, n=3)) or "none is near"
        raise AtalhoError(
            "NETWORK-UNKNOWN",
            name,
            f"{name.partition(':')[0]} has no such network; nearest: {near}",
            next_step="atalho list, for the catalogue",
            exit=Exit.USAGE,
        )


def _checked(network: Foreign) -> Foreign:
    """Returns the network after one image has run through it; the number of logits becomes `num_classes` where it was 0."""
    import torch

    try:
        model = build(network, seed=0).eval()
        with torch.inference_mode(), _running(network):
            output = model(torch.zeros(1, *network.input))
    except Exception as error:  # any that the foreign code raises
        raise _failed(network.name, f"cannot take {text(network.input)}: {_line(error)}") from error
    if not network.num_classes and isinstance(output, torch.Tensor) and output.dim() == 2:
        network = replace(network, num_classes=output.shape[1])
    if not _is_logits(output, 1, network.num_classes):
        raise _failed(
            network.name,
            f"returns {_described(output)} for one image, not 1x{network.num_classes or 'CLASSES'} logits",
        )
    return network


def _is_logits(output: Any, images: int, classes: int) -> bool:
    import torch

    return isinstance(output, torch.Tensor) and output.shape == (images, classes)


def _described(output: Any) -> str:
    """The type and size of a module's output, in words."""
    import torch

    if isinstance(output, torch.Tensor):
        return text(output.shape) or "a single number"
    length = f" of {len(output)}" if isinstance(output, tuple | list | dict) else ""
    return f"a {type(output).__name__}{length}"


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def _failed(name: str, cause: str, next_step: str = "") -> AtalhoError:
    show = f"atalho show {shlex.quote(name)} --input 3x32x32 --num-classes 10"
    return AtalhoError(
        "FOREIGN-FAILED",
        name,
        cause,
        next_step=next_step or f"{show}, or as it takes them",
        exit=Exit.USAGE,
    )
