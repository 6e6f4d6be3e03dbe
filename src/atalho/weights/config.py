"""`config.json`, which lies beside the weights of a network and holds what is needed to use them; in timm's style.

A config that has timm's `tag` was written by timm, or for it, and names the network as timm does: its `resnet50` is
`resnet50.v1_5`. Any other names it as the catalogue does.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor

from atalho.data import imagenet
from atalho.data.batches import Preprocessing
from atalho.data.copies import Kind
from atalho.data.dataset import DataIdentity
from atalho.data.image import RESAMPLING, WHITE, Framing
from atalho.errors import AtalhoError, Exit
from atalho.files import write_atomically
from atalho.grammar.shape import Shape, text
from atalho.networks import CATALOGUE, subjects
from atalho.networks.subjects import Subject
from atalho.runtime.precision import Precision
from atalho.seal import sealed, unsealed
from atalho.weights import tensorfile, transformers
from atalho.weights.calibration import Calibration
from atalho.weights.layouts import RULES, library_name

FILE = "config.json"
MEAN = "mean.safetensors"
"""The file beside it that holds a mean of every pixel."""

MOST_BYTES = 16 * 2**20
MOST_SIDE = 4096  # pixels of an input

Classes = Mapping[str, str]
"""Every class by its label, with the name that people read, in the order of the logits."""


@dataclass(frozen=True)
class Config:
    """The content of `config.json`, on the weights beside it.

    Args:
        architecture: the network's name in the catalogue, or in timm where `for_timm`.
        framing: how a picture is brought to the network's input.
        preprocessing: what is done to its pixels then.
        precision: what the network was tested in, and runs in by default; None where that is not known.
        data: what the weights were trained on; None where that is not known.
        weights: SHA-256 of the file of weights; None where the config does not have it.
        for_timm: whether the config is timm's, or is written for timm to read.
        calibration: of its probabilities; None where that is not known.
    """

    architecture: str
    framing: Framing
    preprocessing: Preprocessing
    classes: Classes
    precision: Precision | None = None
    data: DataIdentity | None = None
    weights: str | None = None
    for_timm: bool = False
    calibration: Calibration | None = None

    def network(self, path: Path, named: str) -> Subject:
        """The network that `architecture` names, for this input and these classes.

        Args:
            path: of the config, for errors.
            named: the network that the user named; a function in a Python file is called only if the user named it.

        Raises:
            AtalhoError: CODE-UNNAMED (exit 5), where it is a Python function that the user did not name; CHECKPOINT-CONFIG
                (exit 4), where there is no such network, or not for this input.
        """
        name = self.architecture
        if self.for_timm:
            ours = {library_name(own): own for own in RULES["timm"]}.get(name)
            # timm's own module, where the user names it or the catalogue has no such network.
            theirs = f"timm:{name}"
            name = theirs if named == theirs else ours or (name if name in CATALOGUE else theirs)
        if name != named and subjects.runs_code(name):
            raise AtalhoError(
                "CODE-UNNAMED",
                path,
                f"its network is code, {name}, which a folder of weights may not ask for; nothing was run",
                next_step="name it yourself: "
                f"atalho evaluate {shlex.quote(name)} --weights {shlex.quote(str(path.parent))}",
                exit=Exit.UNSAFE,
            )
        try:
            return subjects.get(name, input=self.framing.input, num_classes=len(self.classes))
        except AtalhoError as error:
            raise _wrong(path, f"{error.subject}: {error.cause}") from error

    def document(self) -> dict[str, Any]:
        """The config as a JSON object; a mean of every pixel is reduced to one a channel, for other readers of the file."""
        described = {label: name for label, name in self.classes.items() if name != label}
        document: dict[str, Any] = {
            "architecture": self.architecture,
            "num_classes": len(self.classes),
            "label_names": list(self.classes),
            **({"label_descriptions": described} if described else {}),
            "pretrained_cfg": {
                "input_size": list(self.framing.input),
                "mean": self.preprocessing.mean.mean(dim=(0, 1)).tolist(),
                "std": self.preprocessing.std.flatten().tolist(),
                "crop_pct": self.framing.crop_pct,
                "crop_mode": self.framing.crop_mode,
                "interpolation": self.framing.interpolation,
                **({"white": self.framing.white} if self.framing.white != WHITE else {}),
            },
            **({"precision": self.precision} if self.precision else {}),
            **({"data": asdict(self.data)} if self.data else {}),
            **({"calibration": self.calibration.document()} if self.calibration else {}),
            **({"sha256": self.weights} if self.weights else {}),
        }
        if self.for_timm:
            document["model_args"] = {"in_chans": self.framing.input[0]}
            document["pretrained_cfg"]["tag"] = "atalho"
        return document

    def embedded(self) -> str:
        """The config as text to put into another file: unlike in `document`, a mean of every pixel is in it."""
        document = self.document()
        if self.preprocessing.per_pixel:
            document["pixel_mean"] = self.preprocessing.mean.tolist()
        return _text(document)

    def write(self, folder: Path) -> None:
        """Writes `config.json`, and a mean of every pixel as `mean.safetensors`."""
        document = self.document()
        if self.preprocessing.per_pixel:
            tensorfile.write(folder / MEAN, {"mean": self.preprocessing.mean})
            document["mean_file"] = MEAN
        write_atomically(folder / FILE, _text(sealed(document)).encode())


def read(folder: Path) -> Config:
    """The config of a folder; all that is used of it has been checked for its type and range.

    Raises:
        AtalhoError: CHECKPOINT-CONFIG (exit 4), where it cannot be read or used.
    """
    path = folder / FILE
    try:
        with path.open("rb") as file:
            document = unsealed(json.loads(file.read(MOST_BYTES)))
        if transformers.is_theirs(document):
            document = transformers.in_timms_style(document, folder)
        config = _parsed(document)
        if "mean_file" not in document:
            return config
    except KeyError as error:
        raise _wrong(path, f"has no {error.args[0]}") from error
    except (
        OSError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise _wrong(path, str(error)) from error
    mean = _pixel_mean(folder / MEAN, config.framing.input)
    return replace(config, preprocessing=config.preprocessing._replace(mean=mean))


def extracted(embedded: str) -> Config:
    """The config of an `embedded` text, from a file that this program wrote."""
    document = json.loads(embedded)
    config = _parsed(document)
    if "pixel_mean" not in document:
        return config
    mean = torch.tensor(document["pixel_mean"])
    return replace(config, preprocessing=config.preprocessing._replace(mean=mean))


def numbered(count: int) -> Classes:
    """Classes without names: ImageNet's where there are a thousand, else by number."""
    names = imagenet.classes()
    return names if count == len(names) else {str(label): str(label) for label in range(count)}


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1)


def _parsed(document: Mapping[str, Any]) -> Config:
    """The config without a mean of every pixel; raises KeyError, TypeError, ValueError and others if it is invalid."""
    settings = document["pretrained_cfg"]
    architecture = document["architecture"]
    if not isinstance(architecture, str):
        raise ValueError(f"architecture {architecture} is no name")
    shape = _input(settings["input_size"])
    precision = document.get("precision")
    if precision not in (None, *get_args(Precision)):
        raise ValueError(f"precision {precision} is not {' or '.join(get_args(Precision))}")
    data = document.get("data")
    calibration = document.get("calibration")
    return Config(
        architecture,
        _framing(shape, settings),
        _preprocessing(settings, shape[0]),
        _classes(document, int(document["num_classes"])),
        precision,
        data and _identity(data),
        document.get("sha256"),
        "tag" in settings,
        calibration and Calibration.parsed(calibration),
    )


def _input(size: Any) -> Shape:
    channels, height, width = (int(each) for each in size)
    if channels not in (1, 3) or not (0 < height <= MOST_SIDE and 0 < width <= MOST_SIDE):
        raise ValueError(f"input_size {size} is no picture of 1 or 3 channels")
    return channels, height, width


def _classes(document: Mapping[str, Any], count: int) -> Classes:
    if "label_names" not in document:
        if not 0 < count <= len(imagenet.classes()):
            raise ValueError(f"num_classes is {count}, and there are no label_names")
        return numbered(count)
    labels = [str(label) for label in document["label_names"]]
    if len(set(labels)) != len(labels) or len(labels) != count:
        raise ValueError(f"{len(set(labels))} different label_names for num_classes {count}")
    described = document.get("label_descriptions") or {}
    return {label: str(described.get(label, label)) for label in labels}


def _identity(data: Mapping[str, Any]) -> DataIdentity:
    copies = data.get("copies")
    if copies not in (None, *get_args(Kind)):
        raise ValueError(f"copies {copies} is not {' or '.join(get_args(Kind))}")
    return DataIdentity(str(data["name"]), str(data["checksum"]), copies)


def _framing(input: Shape, settings: Mapping[str, Any]) -> Framing:
    """The framing; values that the config lacks are timm's defaults."""
    crop_pct = float(settings.get("crop_pct", 0.875))
    mode = settings.get("crop_mode", "center")
    interpolation = settings.get("interpolation", "bicubic")
    white = int(settings.get("white", WHITE))
    if not 0 < white <= WHITE:
        raise ValueError(f"white {white} is no grey level of 16 bits")
    if not 0 < crop_pct <= 1 or mode not in ("center", "squash") or interpolation not in RESAMPLING:
        raise ValueError(
            f"crop_pct {crop_pct}, crop_mode {mode} and interpolation {interpolation} are not understood"
        )
    return Framing(input, crop_pct, mode, interpolation, white)


def _preprocessing(settings: Mapping[str, Any], channels: int) -> Preprocessing:
    mean, std = ([float(each) for each in settings[key]] for key in ("mean", "std"))
    if len(mean) != channels or len(std) != channels:
        raise ValueError(f"mean and std are not of {channels} channels")
    if not all(map(isfinite, (*mean, *std))) or min(std) <= 0:
        raise ValueError("mean and std are no numbers, or a std is not above zero")
    return Preprocessing.per_channel(mean, std)


def _pixel_mean(path: Path, input: Shape) -> Tensor:
    """The mean of every pixel, (H, W, C)."""
    mean = tensorfile.read(path)[0].get("mean")
    channels, height, width = input
    if mean is None or mean.shape != (height, width, channels) or not mean.isfinite().all():
        raise _wrong(path, f"holds no mean of {text(input)} pixels")
    return mean.float()


def _wrong(path: Path, cause: str) -> AtalhoError:
    return AtalhoError(
        "CHECKPOINT-CONFIG",
        path,
        f"{cause}; nothing was loaded",
        next_step="write it as timm's save_for_hf does",
        exit=Exit.CHECKPOINT,
    )
