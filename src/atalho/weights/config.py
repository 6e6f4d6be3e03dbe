"""What is written beside a network's weights: `config.json` in timm's style, with its classes and its preprocessing."""

import hashlib
import json
from pathlib import Path
from typing import Any

import safetensors.torch

from atalho.data.batches import Preprocessing
from atalho.data.image import Framing
from atalho.files import write_atomically
from atalho.weights.statedict import State
from atalho.weights.trained import CONFIG, FILES, MEAN, Classes


def document(
    architecture: str, framing: Framing, preprocessing: Preprocessing, classes: Classes
) -> dict[str, Any]:
    """What the config says; a mean of every pixel is there as its mean over the pixels, for readers."""
    described = {label: name for label, name in classes.items() if name != label}
    return {
        "architecture": architecture,
        "num_classes": len(classes),
        "label_names": list(classes),
        **({"label_descriptions": described} if described else {}),
        "pretrained_cfg": {
            "input_size": list(framing.input),
            "mean": preprocessing.mean.mean(dim=(0, 1)).tolist(),
            "std": preprocessing.std.flatten().tolist(),
            "crop_pct": framing.crop_pct,
            "crop_mode": framing.crop_mode,
            "interpolation": framing.interpolation,
        },
    }


def per_pixel(preprocessing: Preprocessing) -> bool:
    """Whether every pixel has a mean of its own."""
    return preprocessing.mean.shape[:2] != (1, 1)


def save(folder: Path, state: State, config: dict[str, Any], preprocessing: Preprocessing) -> str:
    """Writes `model.safetensors` and `config.json`, and a mean of every pixel as `mean.safetensors`; answers the weights' SHA-256."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    data = safetensors.torch.save(tensors, {"format": "pt"})
    checksum = hashlib.sha256(data).hexdigest()
    config = {**config, "sha256": checksum}
    if per_pixel(preprocessing):
        mean = safetensors.torch.save({"mean": preprocessing.mean.contiguous()})
        write_atomically(folder / MEAN, mean)
        config["mean_file"] = MEAN
    write_atomically(folder / FILES[0], data)
    write_atomically(folder / CONFIG, text(config).encode())
    return checksum


def text(config: dict[str, Any]) -> str:
    """The config as JSON."""
    return json.dumps(config, ensure_ascii=False, indent=1)
