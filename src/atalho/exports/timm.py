"""timm's folder: `model.safetensors` under timm's names, without auxiliary heads, and the `config.json` that timm reads."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from atalho.data.batches import Preprocessing, preprocess
from atalho.errors import AtalhoError, Exit
from atalho.exports.format import (
    OTHERS,
    Format,
    Reader,
    check_shapes,
    for_inference,
    name_in,
    state_in,
    unallocated,
)
from atalho.weights.trained import Trained
from atalho.weights.trained import write as write_folder


def write(trained: Trained, path: Path) -> None:
    """Writes the folder.

    Raises:
        AtalhoError: (exit 4) CHECKPOINT-LAYOUT or EXPORT-SHAPE, where timm does not have this network; EXPORT-PREPROCESSING,
            where timm cannot prepare its images.
    """
    network = trained.network
    state = state_in("timm", for_inference(trained))
    check_shapes(trained, "timm", unallocated(lambda: _construct(trained)), state)
    if trained.preprocessing.per_pixel:
        raise AtalhoError(
            "EXPORT-PREPROCESSING",
            network.name,
            "subtracts a mean of every pixel, and timm has one a channel; its logits would differ",
            next_step=OTHERS,
            exit=Exit.CHECKPOINT,
        )
    own_config = replace(trained.config, architecture=name_in("timm", network), for_timm=True)
    path.mkdir()
    write_folder(path, state, own_config)


def read(trained: Trained, path: Path) -> Reader:
    """timm's own module as timm makes it from the folder."""
    import timm
    from timm.data.config import resolve_model_data_config

    model: Any = timm.create_model(f"local-dir:{path}", pretrained=True).eval()
    settings = resolve_model_data_config(model)
    preprocessing = Preprocessing.per_channel(settings["mean"], settings["std"])
    return Reader(
        lambda images: model(preprocess(images, preprocessing)),
        tuple(model.pretrained_cfg["label_names"]),
    )


def usage(trained: Trained, path: Path) -> str:
    """The line that reads it."""
    return f"timm.create_model({f'local-dir:{path}'!r}, pretrained=True)"


def _construct(trained: Trained) -> nn.Module:
    import timm

    network = trained.network
    model: nn.Module = timm.create_model(
        name_in("timm", network), num_classes=network.num_classes, in_chans=network.input[0]
    )
    return model


TIMM = Format(write, read, usage, folder=True, needs=("timm",))
