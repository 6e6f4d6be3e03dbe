"""Hugging Face's `config.json` of a residual network → timm's style, which the rest of the program reads."""

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
    """The config in timm's style; what it does not say is as in `transformers`.

    Args:
        folder: in which `preprocessor_config.json` may say how pictures are prepared.

    Raises:
        ValueError: for a network that is not in the catalogue. OSError, KeyError, TypeError and others, where something is
            not what it should be.
    """
    kind, depths = document.get("layer_type", "bottleneck"), tuple(document["depths"])
    known = NETWORKS.get((kind, depths)) if document["model_type"] == "resnet" else None
    usual = (
        document.get("embedding_size", 64) == 64
        and document.get("hidden_sizes") == WIDTHS.get(kind)
        and not document.get("downsample_in_first_stage")
        and not document.get("downsample_in_bottleneck")
    )
    if known is None or not usual:
        raise ValueError(f"a {document['model_type']} of {depths} blocks is not in the catalogue")
    names = [str(document["id2label"][str(index)]) for index in range(len(document["id2label"]))]
    said: dict[str, Any] = {}
    if (path := folder / PREPROCESSOR).exists():
        with path.open("rb") as file:
            said = json.loads(file.read(MOST_BYTES))
    size = said.get("size", 224)
    if isinstance(size, int):
        size = {"shortest_edge": size}
    side = size.get("shortest_edge")
    shape = (side, side) if side else (size["height"], size["width"])
    unique = len(set(names)) == len(names)
    return {
        "architecture": known,
        "num_classes": len(names),
        **({"label_names": names} if unique and len(names) != len(imagenet.classes()) else {}),
        "pretrained_cfg": {
            "input_size": [document.get("num_channels", 3), *shape],
            "mean": said.get("image_mean", imagenet.MEAN),
            "std": said.get("image_std", imagenet.STD),
            # From 384 pixels on nothing is cut off.
            "crop_pct": said.get("crop_pct", 0.875) if side and side < 384 else 1.0,
            "crop_mode": "center" if side and side < 384 else "squash",
            "interpolation": RESAMPLING[said.get("resample", 3)],
        },
    }
