"""What options name, made: devices, data, recipes, trained networks."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from atalho.cli.options import BadImages, Copies
from atalho.cli.progress import DownloadProgress, ImageProgress, say
from atalho.errors import AtalhoError, Exit, printable
from atalho.runtime.device import Device, resolve_device
from atalho.runtime.precision import Precision

if TYPE_CHECKING:
    from atalho.data.dataset import Dataset
    from atalho.data.image import Framing
    from atalho.engines.choosing import EngineRequest
    from atalho.engines.engine import Dtype, MemoryFormat
    from atalho.record import Record
    from atalho.weights.trained import Inference, Trained


def trained_network(name: str, weights: str | None, num_classes: int | None) -> "Trained":
    """A run's network, or one of the catalogue with weights."""
    if weights is None:
        from atalho.networks import CATALOGUE

        if num_classes is not None:
            raise typer.BadParameter("it goes with --weights", param_hint="--num-classes")
        if name in CATALOGUE and not Path(name).is_dir():
            raise AtalhoError(
                "WEIGHTS-MISSING",
                name,
                "is a network without weights",
                next_step="--weights with a published name as tv_in1k, a file or a folder",
                exit=Exit.USAGE,
            )
        from atalho.training import folder

        return folder.load(Path(name))
    from atalho.networks import subjects

    subjects.check_name(name)
    from atalho.weights import pretrained

    return pretrained.load(
        name, weights, num_classes=num_classes, progress=sys.stderr.isatty(), say=say
    )


def for_inference(
    network: str,
    weights: str | None,
    num_classes: int | None,
    *,
    device: str,
    precision: Precision | None,
    threads: int | None,
    batch: int | None,
) -> "tuple[Trained, Inference]":
    """A trained network ready for inference: on the engine that its folder names, or in the precision that it was tested in.

    Args:
        precision: another precision than the network was tested in, which is said; an engine has its own.
        batch: images at a time; the engine's, or by the size of the images, unless given.
    """
    trained = trained_network(network, weights, num_classes)
    from atalho.engines import engine_config
    from atalho.weights.trained import Inference

    machine = resolve_device(device, threads)
    folder = Path(weights or network)
    found = engine_config.read(folder)
    if found is None:
        trained = trained.to(machine.torch)
        tested = trained.precision
        if tested and precision and tested != precision:
            say(f"{trained.network.name} was tested in {tested}; it runs in {precision} now")
    elif precision:
        cause = f"{folder} runs on its engine, {found.backend}"
        raise typer.BadParameter(cause, param_hint="--precision")
    else:
        from atalho.engines.engine import Placement
        from atalho.engines.module import on_engine

        placement = Placement(machine, memory_format=found.memory_format)
        trained = on_engine(trained, folder, found.backend, placement)
        batch = batch or found.batch
    return trained, Inference(machine.torch, precision or trained.precision or "float32", batch)


def weights_by_network(networks: Sequence[str], given: Sequence[str]) -> dict[str, str]:
    """The weights that networks begin from, by the networks' names: `NETWORK=WEIGHTS`, or weights for all of them."""
    found: dict[str, str] = {}
    for each in given:
        name, known, rest = each.partition("=")
        if known and name not in networks:
            raise typer.BadParameter(f"{name} is not among the networks", param_hint="--weights")
        found |= dict.fromkeys([name] if known else networks, rest if known else each)
    return found


def load_data(
    name: str,
    data_dir: Path,
    *,
    framings: "Sequence[Framing]" = (),
    bad_images: BadImages = "error",
    copies: Copies = "similar",
) -> "Dataset":
    from atalho import data
    from atalho.data.photos import FRAMING

    kind = DownloadProgress if name in data.DATASETS else ImageProgress
    with kind(printable(name)) as progress:
        return data.load(
            name,
            data_dir,
            progress,
            framings=framings or (FRAMING,),
            bad_images=bad_images,
            copies=copies,
            say=progress.say,
        )


def training_precision(name: Literal["auto", Precision], device: Device) -> tuple[Precision, str]:
    """The precision, and why it was chosen where nobody named it."""
    if name != "auto":
        return name, ""
    from atalho.runtime.precision import fastest

    chosen, why = fastest(device.torch)
    return chosen, f": {why}"


def engine_request(
    engine: str,
    precision: "Dtype | None",
    memory_format: "MemoryFormat",
    device: Device,
    batches: Sequence[int],
) -> "EngineRequest":
    """The engine by name, on a device; auto is for the first batch size."""
    from atalho.engines.choosing import EngineRequest
    from atalho.engines.engine import Placement

    placement = Placement(device, memory_format=memory_format)
    return EngineRequest(engine, precision, placement, batches[0])


def limits_of(
    latency_ms: float | None,
    memory_mb: float | None,
    energy_j: float | None,
    size_mb: float | None,
    accuracy: float | None,
) -> dict[str, float]:
    """What a choice must keep to, by quantity in the records' units; the accuracy is the least."""
    given = {
        "top1": accuracy,
        "latency": latency_ms and latency_ms / 1e3,
        "peak_memory": memory_mb and memory_mb * 1e6,
        "energy": energy_j,
        "size": size_mb and size_mb * 1e6,
    }
    return {quantity: limit for quantity, limit in given.items() if limit is not None}


def append_records(path: Path, records: "Sequence[Record]") -> None:
    from atalho import record

    try:
        record.append(path, records)
    except OSError as error:
        raise AtalhoError(
            "OUTPUT",
            path,
            f"cannot be written ({error.strerror}); the records are lost",
            next_step="choose another file",
            exit=Exit.USAGE,
        ) from error
