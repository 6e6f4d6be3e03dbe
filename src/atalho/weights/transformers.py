"""Converts Hugging Face's `config.json` of a residual network to timm's style, which the rest of the program reads."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from atalho.data import imagenet

PREPROCESSOR = "preprocessor_config.json"
MOST_BYTES = 2**20

#            layer_type, blocks by stage: our name
NETWORKS = {
    ("basic", (2, 2, 2, 2)): "resnet18.b",
    ("basic", (3, 4, 6, 3)): "resnet34.b",
    ("bottleneck", (3, 4, 6, 3)): "resnet50.v1_5",
    ("bottleneck", (3, 4, 23, 3)): "resnet101.v1_5",
    ("bottleneck", (3, 8, 36, 3)): "resnet152.v1_5",
}
WIDTHS = {"basic": [64, 128, 256, 512], "bottleneck": [256, 512, 1024, 2048]}
RESAMPLING = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}
"""Pillow's numbers."""


def is_theirs(document: Mapping[str, Any]) -> bool:
    """Whether a config is as `PreTrainedModel.save_pretrained` writes it."""
    return "model_type" in document and "architecture" not in document


def in_timms_style(document: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The config in timm's style; values that it lacks are the defaults of `transformers`.

    Args:
        folder: in which `preprocessor_config.json` may say how pictures are prepared.

    Raises:
        ValueError: for a network that is not in the catalogue. OSError, KeyError, TypeError and others, where a value is
            missing or has the wrong type.
    """
    kind, depths = document.get("layer_type", "bottleneck"), tuple(document["depths"])
    architecture = NETWORKS.get((kind, depths)) if document["model_type"] == "resnet" else None
    usual = (
        document.get("embedding_size", 64) == 64
        and document.get("hidden_sizes") == WIDTHS.get(kind)
        and not document.get("downsample_in_first_stage")
        and not document.get("downsample_in_bottleneck")
    )
    if architecture is None or not usual:
        raise ValueError(f"a {document['model_type']} of {depths} blocks is not in the catalogue")
    names = [str(document["id2label"][str(index)]) for index in range(len(document["id2label"]))]
    preprocessor: dict[str, Any] = {}
    if (path := folder / PREPROCESSOR).exists():
        with path.open("rb") as file:
            preprocessor = json.loads(file.read(MOST_BYTES))
    size = preprocessor.get("size", 224)
    if isinstance(size, int):
        size = {"shortest_edge": size}
    side = size.get("shortest_edge")
    shape = (side, side) if side else (size["height"], size["width"])
    unique = len(set(names)) == len(names)
    return {
        "architecture": architecture,
        "num_classes": len(names),
        **({"label_names": names} if unique and len(names) != len(imagenet.classes()) else {}),
        "pretrained_cfg": {
            "input_size": [document.get("num_channels", 3), *shape],
            "mean": preprocessor.get("image_mean", imagenet.MEAN),
            "std": preprocessor.get("image_std", imagenet.STD),
            # From 384 pixels on nothing is cut off.
            "crop_pct": preprocessor.get("crop_pct", 0.875) if side and side < 384 else 1.0,
            "crop_mode": "center" if side and side < 384 else "squash",
            "interpolation": RESAMPLING[preprocessor.get("resample", 3)],
        },
    }
