"""Pictures of where a network sees the class that it predicts: the picture as it sees it, beside the same with its map laid over."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from atalho.data.batches import preprocess
from atalho.data.folder import decoded
from atalho.errors import AtalhoError, Exit
from atalho.evaluation.predicting import Prediction, Source
from atalho.files import safe_name, write_atomically
from atalho.probes.activation_maps import ActivationMaps, activation_maps
from atalho.runtime.memory import memory_for
from atalho.weights.trained import Inference, Trained

FOR, AGAINST = np.array([[214, 60, 20], [40, 96, 200]], np.float32)
"""The colours of places that speak for the class and against it."""

_OPAQUE = 0.7  # of the strongest place
_LEAST_SIDE = 224  # pixels; smaller pictures are enlarged


def explain(
    trained: Trained,
    sources: Sequence[Source],
    predictions: Sequence[Prediction],
    inference: Inference,
    folder: Path,
) -> list[Path]:
    """Writes a picture for each prediction, of the most probable class: `NAME.png`, by the name of the source.

    Args:
        trained: its model is torch's, on the inference's device.
        sources: one for each prediction; those that could not be read have no picture.

    Returns:
        The paths of the pictures.

    Raises:
        AtalhoError: as `activation_maps`; OUTPUT (exit 2), where the folder cannot be written.
    """
    order = {label: index for index, label in enumerate(trained.classes)}
    readable = [
        (source, next(order[each.label] for each in prediction.outcome if each.label in order))
        for source, prediction in zip(sources, predictions, strict=True)
        if not isinstance(prediction.outcome, AtalhoError)
    ]
    size = inference.batch_size(trained.network.input)
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for start in range(0, len(readable), size):
            batch = readable[start : start + size]
            for (source, _), picture in zip(batch, _drawn(trained, batch, inference), strict=True):
                path = folder / f"{safe_name(source.path)}.png"
                write_atomically(path, _png(picture))
                paths.append(path)
    except OSError as error:
        raise AtalhoError(
            "OUTPUT",
            folder,
            f"cannot be written ({error.strerror})",
            next_step="--explain another folder",
            exit=Exit.USAGE,
        ) from error
    return paths


def _drawn(
    trained: Trained, batch: Sequence[tuple[Source, int]], inference: Inference
) -> Iterator[Image.Image]:
    """The pictures of a batch of sources, each with the index of its class."""
    pixels = [*decoded((source.content for source, _ in batch), trained.framing)]
    for each in pixels:
        if isinstance(each, AtalhoError):
            raise each
    images = torch.stack([each for each in pixels if isinstance(each, Tensor)])
    maps = scaled_maps(trained, images, [label for _, label in batch], inference.device)
    yield from (
        side_by_side(image.numpy(), part) for image, part in zip(images, maps.parts, strict=True)
    )


def scaled_maps(
    trained: Trained, images: Tensor, labels: Sequence[int], device: torch.device
) -> ActivationMaps:
    """Maps of one class for each image, on the processor, with parts in [-1, 1]: the strongest place of an image has 1 or -1.

    Args:
        trained: its model is torch's, on the device.
        images: (N, H, W, C) of 8 bits, framed.
        labels: N indices of classes.

    Raises:
        AtalhoError: as `activation_maps`; OUT-OF-MEMORY (exit 6).
    """
    classes = torch.tensor(labels, device=device)
    with memory_for(len(images)):
        prepared = preprocess(images.to(device), trained.preprocessing.to(device))
        maps = activation_maps(trained.model, prepared, classes, trained.network.name)
    parts = maps.parts.float().cpu()
    strongest = parts.abs().amax((1, 2), keepdim=True)
    return maps._replace(parts=parts / strongest.clamp_min(torch.finfo(torch.float32).tiny))


def side_by_side(pixels: NDArray[np.uint8], part: Tensor) -> Image.Image:
    """A picture beside the same in grey with a map over it; arguments as of `overlaid`."""
    picture, blended = overlaid(pixels, part, _LEAST_SIDE)
    width, height = picture.size
    both = Image.new("RGB", (2 * width, height))
    both.paste(picture, (0, 0))
    both.paste(blended, (width, 0))
    return both


def overlaid(
    pixels: NDArray[np.uint8], part: Tensor, least_side: int
) -> tuple[Image.Image, Image.Image]:
    """A picture, and the same in grey with a map over it.

    Args:
        pixels: (H, W, C) of 1 or 3 channels.
        part: (h, w) in [-1, 1], enlarged to the picture's size.
        least_side: pixels; smaller pictures are enlarged a whole number of times.
    """
    height, width = pixels.shape[:2]
    scale = max(1, -(-least_side // min(height, width)))
    size = (height * scale, width * scale)
    picture = Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels)
    resampling = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BILINEAR
    picture = picture.convert("RGB").resize((size[1], size[0]), resampling)
    weights = F.interpolate(part[None, None], size, mode="bilinear", align_corners=False)[0, 0]
    heat = weights.clamp(-1, 1).numpy()[..., None]
    grey = np.asarray(picture.convert("L").convert("RGB"), np.float32)
    colour = np.where(heat > 0, FOR, AGAINST)
    opacity = _OPAQUE * np.abs(heat)
    blended = ((1 - opacity) * grey + opacity * colour).round().astype(np.uint8)
    return picture, Image.fromarray(blended)


def _png(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
