"""Classifies images with the network of this folder, without atalho: python run.py IMAGE…

It needs numpy, Pillow and the engine that engine.json names: torch for eager and compiled, or onnxruntime, or openvino.
Each image is opened, turned as EXIF states, put on white where it is transparent, resized, cropped and normalised as
config.json says, and one line is printed for it: its most probable class and how probable that is.
"""

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from math import floor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

FOLDER = Path(__file__).parent
Images = Any
"""(N, C, H, W) or (H, W, C) arrays."""


@cache
def config() -> dict[str, Any]:
    """What config.json says of the network, its classes and its input."""
    document: dict[str, Any] = json.loads((FOLDER / "config.json").read_text(encoding="utf-8"))
    return document


@cache
def engine() -> dict[str, Any]:
    """What engine.json says of the engine."""
    document: dict[str, Any] = json.loads((FOLDER / "engine.json").read_text(encoding="utf-8"))
    return document


def covered() -> tuple[int, int]:
    """(width, height) that a resized image covers before the crop is cut from it."""
    how = config()["pretrained_cfg"]
    _, height, width = how["input_size"]
    return floor(width / how["crop_pct"]), floor(height / how["crop_pct"])


def upright(path: Path) -> Image.Image:
    """An image as RGB, the right side up, on white, of 8 bits."""
    image: Image.Image = Image.open(path)
    smaller = next((each for each in (8, 4, 2) if each * max(covered()) <= min(image.size)), 1)
    if smaller > 1:  # a JPEG is decoded at the smallest scale that covers what is needed
        image.draft(None, (image.width // smaller, image.height // smaller))
    image.load()
    with suppress(Exception):  # damaged EXIF does not affect the pixels
        ImageOps.exif_transpose(image, in_place=True)
    if image.mode.startswith(("I", "F")):  # grey of 16 bits
        white = config()["pretrained_cfg"].get("white", 65535)
        levels = (510 * np.asarray(image).astype(np.uint32) + white) // (2 * white)
        image = Image.fromarray(levels.clip(max=255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        opaque = Image.new("RGB", image.size, "white")
        opaque.paste(image, mask=image.getchannel("A"))
        return opaque
    return image.convert("RGB")


def framed(image: Image.Image) -> Images:
    """(H, W, C) of 8 bits: an image in the network's size and channels."""
    how = config()["pretrained_cfg"]
    channels, crop_height, crop_width = how["input_size"]
    width, height = covered()
    if how["crop_mode"] == "center":  # the smallest in its own proportions that covers this size
        if image.width * height <= image.height * width:
            height = max(height, width * image.height // image.width)
        else:
            width = max(width, height * image.width // image.height)
    image = image.resize((width, height), Image.Resampling[how["interpolation"].upper()])
    left, top = (width - crop_width) // 2, (height - crop_height) // 2
    image = image.crop((left, top, left + crop_width, top + crop_height))
    grey_or_rgb = image.convert("L" if channels == 1 else "RGB")
    return np.array(grey_or_rgb).reshape(crop_height, crop_width, channels)


def mean() -> Images:
    """(1, 1, C), or (H, W, C) where the network was trained with a mean for every pixel."""
    if "mean_file" not in config():
        return np.array(config()["pretrained_cfg"]["mean"], np.float32).reshape(1, 1, -1)
    content = (
        FOLDER / config()["mean_file"]
    ).read_bytes()  # safetensors: a length, a header, numbers
    begin = 8 + int.from_bytes(content[:8], "little")
    shape = json.loads(content[8:begin])["mean"]["shape"]
    return np.frombuffer(content[begin:], "<f4").reshape(shape)


def prepared(path: Path) -> Images:
    """(1, C, H, W) floats: an image as the network takes it."""
    pixels = framed(upright(path)).astype(np.float32) / np.float32(255)
    std = np.array(config()["pretrained_cfg"]["std"], np.float32).reshape(1, 1, -1)
    return np.ascontiguousarray(((pixels - mean()) / std).transpose(2, 0, 1)[None])


def network() -> Callable[[Images], Images]:
    """The network on its engine: from (N, C, H, W) floats to (N, classes) logits."""
    return {"onnxruntime": by_onnxruntime, "openvino": by_openvino}.get(
        engine()["engine"], by_torch
    )()


def by_onnxruntime() -> Callable[[Images], Images]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = engine()["threads"]
    session = onnxruntime.InferenceSession(
        FOLDER / "model.onnx", options, providers=["CPUExecutionProvider"]
    )
    return lambda images: session.run(["logits"], {"images": images})[0]


def by_openvino() -> Callable[[Images], Images]:
    import openvino

    dtype = engine()["dtype"]
    name = "openvino-int8.xml" if dtype == "int8" else "openvino.xml"
    settings = {
        "INFERENCE_PRECISION_HINT": "f32" if dtype == "float32" else "bf16",
        "INFERENCE_NUM_THREADS": engine()["threads"],
        "PERFORMANCE_HINT": "LATENCY",
    }
    core = openvino.Core()

    def logits(images: Images) -> Images:
        model = core.read_model(FOLDER / name)
        model.reshape(list(images.shape))
        return core.compile_model(model, "CPU", settings)(images)[0]

    return logits


def by_torch() -> Callable[[Images], Images]:
    import torch

    torch.set_num_threads(engine()["threads"])
    device = torch.device(engine()["device"])
    layout = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}[
        engine()["memory_format"]
    ]
    model: Any = torch.export.load(FOLDER / "model.pt2").module().to(device)
    model = model.to(memory_format=layout)
    if engine()["engine"] == "compiled":
        model = torch.compile(model)
    bf16 = torch.autocast(device.type, torch.bfloat16, enabled=engine()["dtype"] == "bf16")

    def logits(images: Images) -> Images:
        with torch.inference_mode(), bf16:
            tensor = torch.from_numpy(images).to(device, memory_format=layout)
            array: Images = model(tensor).float().cpu().numpy()
            return array

    return logits


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    run = network()
    temperature = config().get("calibration", {}).get("temperature", 1.0)
    for name in sys.argv[1:]:
        (logits,) = run(prepared(Path(name))).astype(float) / temperature
        odds = np.exp(logits - logits.max())
        best = int(odds.argmax())
        print(f"{name}: {config()['label_names'][best]} ({odds[best] / odds.sum():.1%})")


if __name__ == "__main__":
    main()
