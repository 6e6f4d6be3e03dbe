"""A network with weights, and what belongs to them: its classes by name and how a picture becomes its input.

A folder holds one as `model.safetensors` (or torch's `pytorch_model.bin`) with `config.json` in timm's style. A config that has
timm's `tag` was written by timm, whose names mean its own networks: its `resnet50` is `resnet50.v1_5`. Any other names the
network as the catalogue does.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from atalho.data import imagenet
from atalho.data.batches import Preprocessing
from atalho.data.dataset import Dataset
from atalho.data.image import RESAMPLING, Framing
from atalho.errors import AtalhoError, Exit
from atalho.grammar.network import Network
from atalho.grammar.shape import Shape, text
from atalho.networks import subjects
from atalho.networks.subjects import Subject
from atalho.runtime.precision import Precision
from atalho.weights import statedict, weightfile
from atalho.weights.layouts import RULES, library_name

FILES = ("model.safetensors", "pytorch_model.bin")
CONFIG = "config.json"
MEAN = "mean.safetensors"
MOST_CONFIG = 16 * 2**20  # bytes
MOST_SIDE = 4096  # pixels of an input

BATCH_IMAGES, BATCH_PIXELS = 500, 2_000_000
"""At most in a batch, unless its size is given: 39 images of 224×224."""

Classes = Mapping[str, str]
"""Every class by its label, with the name that people read, in the order of the logits."""


@dataclass(frozen=True)
class Trained:
    """A network that can be asked.

    Args:
        model: `network` as a module, in eval mode.
        framing: how a picture is brought to the network's input.
        preprocessing: what is done to its pixels then.
        weights: SHA-256 of the file that the weights are from.
    """

    network: Subject
    model: nn.Module
    framing: Framing
    preprocessing: Preprocessing
    classes: Classes
    weights: str

    def to(self, device: torch.device) -> "Trained":
        """The same, its model on a device, with channels last in memory."""
        model = self.model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return replace(self, model=model)


@dataclass(frozen=True)
class Inference:
    """How a network is run.

    Args:
        batch: images at a time; by their size unless given.
    """

    device: torch.device
    precision: Precision
    batch: int | None = None

    def batch_size(self, input: Shape) -> int:
        """Images at a time."""
        height, width = input[1:]
        return self.batch or max(1, min(BATCH_IMAGES, BATCH_PIXELS // (height * width)))


def read(folder: Path, *, named: str = "") -> Trained:
    """What a folder with `config.json` holds.

    Args:
        named: the network that the user named; a function in a file is called for no other reason.

    Raises:
        AtalhoError: CODE-UNNAMED (exit 5), where the config names somebody's code; CHECKPOINT-MISSING, CHECKPOINT-CONFIG or CHECKPOINT-DAMAGED (exit 4), or as `weightfile.read` and `restore`.
    """
    file = next((folder / name for name in FILES if (folder / name).exists()), None)
    if file is None or not (folder / CONFIG).exists():
        raise AtalhoError(
            "CHECKPOINT-MISSING",
            folder,
            f"holds no {CONFIG} with {' or '.join(FILES)}",
            next_step="give a finished run, or a folder as timm's save_for_hf writes it",
            exit=Exit.CHECKPOINT,
        )
    config = _config(folder / CONFIG, named)
    network, model = restore(config.network, weightfile.read(file, config.network))
    found = weightfile.sha256(file)
    if config.sha256 not in (None, found):
        raise AtalhoError(
            "CHECKPOINT-DAMAGED",
            file,
            f"has another checksum than {CONFIG} gives it; it was changed after it was written",
            next_step="take a copy that was not changed",
            exit=Exit.CHECKPOINT,
        )
    preprocessing = config.preprocessing
    if config.mean_file:
        preprocessing = preprocessing._replace(mean=_mean(folder / MEAN, config.network.input))
    return Trained(network, model, config.framing, preprocessing, config.classes, found)


def restore(network: Subject, state: statedict.State) -> tuple[Subject, nn.Module]:
    """The network in eval mode with weights in any known layout; without its auxiliary heads, where the weights lack them.

    Floating-point weights become float32. Memory is asked for once keys and shapes are known to be the network's.

    Raises:
        AtalhoError: (exit 4) as `weights.to_atalho` and `weights.load`.
    """
    if isinstance(network, Network):
        state = statedict.to_atalho(network, state)
        if len(statedict.without_auxiliary(network, state)) == len(state):
            network = network.without_auxiliary()
    else:
        state = statedict.plain(state)
    model = subjects.skeleton(network)
    statedict.check_shapes(model, state)
    if isinstance(network, Network):  # a foreign module may have buffers that no file holds
        model = model.to_empty(device="cpu")
    own = model.state_dict()
    statedict.load(model, {key: _as(own[key], tensor) for key, tensor in state.items()})
    return network, model.eval()


def head(network: Subject) -> frozenset[str]:
    """The names of the tensors that grow with the number of classes: those of its classifiers."""
    shapes, larger = (
        {
            key: tensor.shape
            for key, tensor in subjects.skeleton(
                _sized(network, network.input, network.num_classes + more)
            )
            .state_dict()
            .items()
        }
        for more in (0, 1)
    )
    return frozenset(key for key in shapes if shapes[key] != larger[key])


def with_new_head(trained: Trained, classes: Classes, seed: int) -> Trained:
    """The same network for other classes: its classifiers are drawn anew from `seed`, all else is kept."""
    asked = trained.network
    network = _sized(asked, asked.input, len(classes))
    model = subjects.build(network, seed=seed)
    drawn, kept, anew = model.state_dict(), trained.model.state_dict(), head(network)
    statedict.load(model, {key: drawn[key] if key in anew else kept[key] for key in drawn})
    return replace(trained, network=network, model=model.eval(), classes=classes)


def for_data(trained: Trained, data: Dataset, *, new_head: bool, seed: int) -> Trained:
    """The same weights as a beginning for a data set's images and classes.

    Raises:
        AtalhoError: WEIGHTS-CLASSES (exit 4), for other classes without a new head; as `for_input`.
    """
    if not new_head and tuple(trained.classes) != data.classes:
        raise AtalhoError(
            "WEIGHTS-CLASSES",
            trained.network.name,
            f"its weights are for {len(trained.classes)} classes ({', '.join([*trained.classes][:3])}, …), "
            f"{data.name} has {len(data.classes)} ({', '.join(data.classes[:3])}, …)",
            next_step="--new-head, to draw the classifier anew and keep the rest",
            exit=Exit.CHECKPOINT,
        )
    sized = for_input(trained, data.input)
    classes = {name: name for name in data.classes}
    return with_new_head(sized, classes, seed) if new_head else sized


def for_input(trained: Trained, input: Shape) -> Trained:
    """The same weights for images of another size.

    Raises:
        AtalhoError: INPUT-SHAPE (exit 2), as of the network; CHECKPOINT-SHAPE (exit 4), where weights grow with the input.
    """
    network = _sized(trained.network, input, trained.network.num_classes)
    model = subjects.build(network)
    statedict.load(model, trained.model.state_dict())
    framing = replace(trained.framing, input=input)
    return replace(trained, network=network, model=model.eval(), framing=framing)


def _sized(network: Subject, input: Shape, num_classes: int) -> Subject:
    """The same network for another input and number of classes, with auxiliary heads where it has them."""
    whole = subjects.get(network.name, input=input, num_classes=num_classes)
    return whole if isinstance(network, Network) and network.taps else whole.without_auxiliary()


def check_data(trained: Trained, data: Dataset, split: str) -> None:
    """Whether a network can be asked about a data set's split.

    Raises:
        AtalhoError: DATA-OTHER (exit 3) for other images or classes; DATA-SPLIT (exit 2) for an unknown split.
    """
    network = trained.network
    if data.input != network.input or data.classes != tuple(trained.classes):
        own = ", ".join([*trained.classes][:3])
        raise AtalhoError(
            "DATA-OTHER",
            data.name,
            f"has {len(data.classes)} classes ({', '.join(data.classes[:3])}, …) of {text(data.input)} images; "
            f"{network.name} was trained for {network.num_classes} ({own}, …) of {text(network.input)}",
            next_step="--data with the data set that it was trained on, or a folder of photos",
            exit=Exit.DATA,
        )
    if split not in data.splits:
        raise AtalhoError(
            "DATA-SPLIT",
            split,
            f"{data.name} has the splits {', '.join(data.splits)}",
            next_step="--split test",
            exit=Exit.USAGE,
        )


def numbered(count: int) -> Classes:
    """Classes without names: ImageNet's where there are a thousand, else by number."""
    known = imagenet.classes()
    return known if count == len(known) else {str(label): str(label) for label in range(count)}


def normalisation(mean: list[float], std: list[float]) -> Preprocessing:
    """The preprocessing by one mean and one standard deviation a channel, of pixels in [0, 1]."""
    return Preprocessing(*(torch.tensor(each).reshape(1, 1, -1) for each in (mean, std)))


# config.json


@dataclass(frozen=True)
class _Config:
    network: Subject
    framing: Framing
    preprocessing: Preprocessing
    classes: Classes
    mean_file: bool
    sha256: str | None


def _config(path: Path, named: str) -> _Config:
    """The config, once all in it that is used has the right type and range."""
    try:
        with path.open("rb") as file:
            config = json.loads(file.read(MOST_CONFIG))
        settings = config["pretrained_cfg"]
        shape = _input(settings["input_size"])
        classes = _classes(config, int(config["num_classes"]))
        name = config["architecture"]
        if "tag" in settings:
            name = {library_name(own): own for own in RULES["timm"]}.get(name, name)
        if name != named and subjects.runs_code(name):
            raise _unnamed(path, name)
        network = subjects.get(name, input=shape, num_classes=len(classes))
        return _Config(
            network,
            _framing(shape, settings),
            _normalisation(settings, shape[0]),
            classes,
            "mean_file" in config,
            config.get("sha256"),
        )
    except KeyError as error:
        raise _wrong(path, f"has no {error.args[0]}") from error
    except AtalhoError as error:  # a network that is not in the catalogue, or not for this input
        if error.exit is Exit.UNSAFE:
            raise
        raise _wrong(path, f"{error.subject}: {error.cause}") from error
    except (
        OSError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise _wrong(path, str(error)) from error


def _input(size: Any) -> Shape:
    channels, height, width = (int(each) for each in size)
    if channels not in (1, 3) or not (0 < height <= MOST_SIDE and 0 < width <= MOST_SIDE):
        raise ValueError(f"input_size {size} is no picture of 1 or 3 channels")
    return channels, height, width


def _classes(config: Mapping[str, Any], count: int) -> Classes:
    if "label_names" not in config:
        if not 0 < count <= len(imagenet.classes()):
            raise ValueError(f"num_classes is {count}, and there are no label_names")
        return numbered(count)
    labels = [str(label) for label in config["label_names"]]
    if len(set(labels)) != len(labels) or len(labels) != count:
        raise ValueError(f"{len(set(labels))} different label_names for num_classes {count}")
    described = config.get("label_descriptions") or {}
    return {label: str(described.get(label, label)) for label in labels}


def _framing(shape: Shape, settings: Mapping[str, Any]) -> Framing:
    """The framing; what the config does not say is as in timm."""
    crop_pct = float(settings.get("crop_pct", 0.875))
    mode = settings.get("crop_mode", "center")
    interpolation = settings.get("interpolation", "bicubic")
    if not 0 < crop_pct <= 1 or mode not in ("center", "squash") or interpolation not in RESAMPLING:
        raise ValueError(
            f"crop_pct {crop_pct}, crop_mode {mode} and interpolation {interpolation} are not understood"
        )
    return Framing(shape, crop_pct, mode, interpolation)


def _normalisation(settings: Mapping[str, Any], channels: int) -> Preprocessing:
    mean, std = ([float(each) for each in settings[key]] for key in ("mean", "std"))
    if len(mean) != channels or len(std) != channels:
        raise ValueError(f"mean and std are not of {channels} channels")
    if not all(map(isfinite, (*mean, *std))) or min(std) <= 0:
        raise ValueError("mean and std are no numbers, or a std is not above zero")
    return normalisation(mean, std)


def _unnamed(path: Path, name: str) -> AtalhoError:
    return AtalhoError(
        "CODE-UNNAMED",
        path,
        f"its network is code, {name}, which a folder of weights may not ask for; nothing was run",
        next_step=f"name it yourself: atalho evaluate {name} --weights {path.parent}",
        exit=Exit.UNSAFE,
    )


def _wrong(path: Path, cause: str) -> AtalhoError:
    return AtalhoError(
        "CHECKPOINT-CONFIG",
        path,
        f"{cause}; nothing was loaded",
        next_step="write it as timm's save_for_hf does",
        exit=Exit.CHECKPOINT,
    )


def _mean(path: Path, shape: Shape) -> Tensor:
    """The mean of every pixel, (H, W, C)."""
    mean = statedict.read(path)[0].get("mean")
    channels, height, width = shape
    if mean is None or mean.shape != (height, width, channels) or not mean.isfinite().all():
        raise _wrong(path, f"holds no mean of {text(shape)} pixels")
    return mean.float()


def _as(own: Tensor, foreign: Tensor) -> Tensor:
    """`foreign` in the precision of `own`; integers stay what they are."""
    both_floating = own.is_floating_point() and foreign.is_floating_point()
    return foreign.detach().to(own.dtype) if both_floating else foreign.detach()
