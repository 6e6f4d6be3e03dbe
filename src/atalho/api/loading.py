"""Loads or resolves what a call names: data sets, trained networks, precisions and engines."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from atalho.api.reporting import QUIET, Reporter
from atalho.errors import AtalhoError, Exit, printable, wrong_option
from atalho.runtime.device import Device, resolve_device
from atalho.runtime.precision import Precision

if TYPE_CHECKING:
    from atalho.data.dataset import Dataset
    from atalho.data.image import Framing
    from atalho.engines.choosing import EngineRequest
    from atalho.engines.engine import Dtype, MemoryFormat
    from atalho.grammar.shape import Shape
    from atalho.weights.trained import Inference, Trained

DATA_DIR = Path("data")
"""The folder in which data sets are kept, unless another one is given."""

BadImages = Literal["error", "skip"]
Copies = Literal["exact", "similar", "off"]


def load(
    network: str | Path,
    weights: str | Path | None = None,
    *,
    num_classes: int | None = None,
    input: "Shape | None" = None,
    new_head: bool = False,
    reporter: Reporter = QUIET,
) -> "Trained":
    """A trained network, with its classes and its preprocessing; `evaluate` and `predict` take it.

    Args:
        network: the folder of a finished run or of any weights with a config.json, or such a folder on the Hugging Face Hub as
            `hf-hub:OWNER/NAME`; or a network's name, with `weights`.
        weights: a published name as `tv_in1k`, a file, a folder with config.json, or `hf-hub:OWNER/NAME`.
        num_classes: how many classes the weights must have.
        input: (C, H, W) of images, for a network `FILE.py:FUNCTION` with a file of weights that does not say it.
        new_head: whether a file of weights may lack the classifier, since it will be drawn anew.

    Raises:
        AtalhoError: (exit 2) NETWORK-UNKNOWN, WEIGHTS-MISSING, WEIGHTS-UNKNOWN; (exit 4) RUN-UNFINISHED, RUN-DAMAGED; as
            `pretrained.load` (exit 4 and 5).
    """
    from atalho.networks import CATALOGUE, subjects

    name = str(network)
    if weights is not None:
        subjects.check_name(name)
        from atalho.weights import pretrained

        return pretrained.load(
            name,
            str(weights),
            num_classes=num_classes,
            input=input,
            new_head=new_head,
            progress=reporter.bars,
            say=reporter.say,
        )
    if num_classes is not None:
        raise wrong_option("num-classes", "it goes with --weights")
    if name in CATALOGUE and not Path(name).is_dir():
        raise AtalhoError(
            "WEIGHTS-MISSING",
            name,
            "is a network without weights",
            next_step="--weights with a published name as tv_in1k, a file or a folder",
            exit=Exit.USAGE,
        )
    from atalho.training import folder
    from atalho.weights import hub

    if name.startswith(hub.PREFIX):
        return folder.load(hub.folder(name, progress=reporter.bars, say=reporter.say))
    return folder.load(Path(name))


def begins_from(
    network: str,
    weights: str | Path | None,
    data: str,
    recipe: str | None,
    *,
    from_scratch: bool,
    reporter: Reporter,
) -> str | None:
    """The weights that a training begins from: those that are named, or with photos the network's published ones.

    Args:
        recipe: the one that the user names; one that draws all weights, as the papers' do, is a training from scratch.
        from_scratch: whether all weights are drawn, though the data are photos.

    Returns:
        None where all weights are drawn.

    Raises:
        AtalhoError: USAGE (exit 2), for weights and `from_scratch`; WEIGHTS-NONE (exit 2), where none are published.
    """
    if weights is not None:
        if from_scratch:
            raise wrong_option("from-scratch", "it goes without --weights")
        return str(weights)
    if from_scratch or not is_folder(data) or recipe not in (None, "finetune", "linear"):
        return None
    from atalho.weights.pretrained import offered

    if tags := offered(network):
        reporter.say(
            f"{network} begins from published weights, {tags[0]} (--from-scratch: without)"
        )
        return tags[0]
    raise AtalhoError(
        "WEIGHTS-NONE",
        network,
        f"has no published weights, and would have to learn all from the photos in {data}",
        next_step="--weights with a file or a folder, a network with published weights as resnet50, or --from-scratch",
        exit=Exit.USAGE,
    )


def say_scratch(network: str, images: int, classes: int, reporter: Reporter) -> None:
    """Says what is to be expected of a network that learns all from so few photos."""
    if images < FEW * classes:
        reporter.say(
            f"{network} learns all from {images:,} photos, {images // classes} a class: expect far less than from published "
            f"weights, which need seconds; from scratch takes some {FEW:,} a class"
        )


FEW = 1000
"""Images a class below which a training from scratch is warned of: ImageNet has 1,300, CIFAR-10 has 5,000."""


def for_inference(
    network: "str | Path | Trained",
    weights: str | Path | None,
    num_classes: int | None,
    reporter: Reporter,
    *,
    device: str,
    precision: Precision | None,
    threads: int | None,
    batch: int | None,
    input: "Shape | None" = None,
) -> "tuple[Trained, Inference]":
    """A trained network ready for inference: on its folder's engine, or by torch in the precision that it was tested in.

    Args:
        network, weights, num_classes, input: as in `load`; or a network that is loaded.
        precision: the one that it was tested in unless given; if it is another one, the reporter says so. Must be None for a
            folder with an engine, which has its own precision.
        device, threads: those that the engine was chosen on, where the folder has one, unless given.
        batch: images at a time; the engine's, or by the size of the images, unless given.

    Raises:
        AtalhoError: as `load` and `resolve_device`; USAGE (exit 2), for a precision where an engine has its own.
    """
    _check_precision(precision)
    trained = (
        load(network, weights, num_classes=num_classes, input=input, reporter=reporter)
        if isinstance(network, str | Path)
        else network
    )
    folder = trained.folder
    from atalho.engines import engine_config
    from atalho.engines.engine import Placement
    from atalho.engines.module import on_engine
    from atalho.weights.trained import Inference

    config = engine_config.read(folder, trained.weights) if folder else None
    if config:
        device = config.device if device == "auto" else device
        threads = threads or config.threads
    resolved_device = resolve_device(device, threads)
    if config is None:
        trained = trained.to(resolved_device.torch)
        tested = trained.precision
        if tested and precision and tested != precision:
            reporter.say(
                f"{trained.network.name} was tested in {tested}; it runs in {precision} now"
            )
    elif precision:
        raise wrong_option("precision", f"{folder} runs on its engine, {config.backend}")
    else:
        assert folder
        placement = Placement(resolved_device, memory_format=config.memory_format)
        trained = on_engine(trained, folder, config.backend, placement)
        batch = batch or config.batch
    return trained, Inference(
        resolved_device.torch, precision or trained.precision or "float32", batch
    )


def load_data(
    name: str,
    data_dir: str | Path,
    reporter: Reporter,
    *,
    framings: "Sequence[Framing]" = (),
    bad_images: BadImages = "error",
    copies: Copies = "similar",
    group_by: "str | Path | None" = None,
    to_learn: bool = True,
) -> "Dataset":
    """A data set or a folder of photos, as `data.load`; the reporter is called with the progress of downloading or reading.

    Args:
        to_learn: whether there must be images of every class to learn from, to validate and to test on.

    Raises:
        AtalhoError: as `data.load`, and as `trainable.check_divided`.
    """
    from atalho import data
    from atalho.data.photos import FRAMING
    from atalho.data.trainable import check_divided

    bar = reporter.downloading if name in data.DATASETS else reporter.reading
    with bar(printable(name)) as progress:
        dataset = data.load(
            name,
            Path(data_dir),
            progress,
            framings=framings or (FRAMING,),
            bad_images=bad_images,
            copies=copies,
            group_by=Path(group_by) if group_by else None,
            say=reporter.say,
        )
    if to_learn:
        check_divided(dataset, Path(name))
    return dataset


def is_folder(data: str) -> bool:
    """Whether `data` is a folder of photos rather than the name of a data set."""
    if not Path(data).is_dir():
        return False
    from atalho.data import DATASETS

    return data not in DATASETS


def training_precision(name: Literal["auto", Precision], device: Device) -> tuple[Precision, str]:
    """The named precision or, for auto, the fastest on the device; and the end of a sentence that says why, or an empty text."""
    if name != "auto":
        _check_precision(name)
        return name, ""
    from atalho.runtime.precision import fastest

    precision, why = fastest(device.torch)
    return precision, f": {why}"


def _check_precision(name: str | None) -> None:
    """Raises USAGE (exit 2) for a precision that torch does not train and evaluate in."""
    if name is not None and name not in get_args(Precision):
        raise wrong_option("precision", f"{name!r} is none of {', '.join(get_args(Precision))}")


def engine_request(
    engine: str,
    precision: "Dtype | None",
    memory_format: "MemoryFormat",
    device: Device,
    batches: Sequence[int],
    max_loss: float = 1.0,
) -> "EngineRequest":
    """The request for an engine by name on a device; auto chooses for the first batch size.

    Args:
        max_loss: the top-1 accuracy that bf16 and int8 may lose, in points.
    """
    from atalho.engines.choosing import EngineRequest
    from atalho.engines.engine import Placement

    placement = Placement(device, memory_format=memory_format)
    return EngineRequest(engine, precision, placement, batches[0], max_loss / 100)
