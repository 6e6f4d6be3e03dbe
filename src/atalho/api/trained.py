"""Trained networks: evaluated on data, applied to pictures, and exported to files of other formats."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from atalho.api.loading import (
    DATA_DIR,
    BadImages,
    Copies,
    engine_request,
    for_inference,
    is_folder,
    load,
    load_data,
)
from atalho.api.records import add_records
from atalho.api.reporting import QUIET, Reporter
from atalho.errors import AtalhoError, wrong_option
from atalho.explain.table import Table
from atalho.networks.subjects import runs_code
from atalho.record import Record
from atalho.runtime.device import resolve_device
from atalho.runtime.precision import Precision

if TYPE_CHECKING:
    from atalho.data.dataset import Dataset
    from atalho.engines.choosing import Sample
    from atalho.engines.engine import Dtype, MemoryFormat
    from atalho.evaluation.evaluating import Evaluation
    from atalho.weights.trained import Inference, Trained


def evaluate(
    network: "str | Path | Trained",
    data: str = "digits",
    *,
    weights: str | Path | None = None,
    data_dir: str | Path = DATA_DIR,
    split: str | None = None,
    crops: str = "1",
    num_classes: int | None = None,
    batch_size: int | None = None,
    device: str = "auto",
    precision: Precision | None = None,
    threads: int | None = None,
    output: str | Path | None = None,
    unknown: str | Path | None = None,
    reporter: Reporter = QUIET,
) -> "Evaluation":
    """Top-1 and top-5 with a 95 % interval, accuracy per class, and the confusion matrix.

    Args:
        network, weights, num_classes: as in `load`; or a network that `load` returned.
        data: digits, cifar10, cifar100, or a folder of CLASS/image.
        data_dir: where data sets are kept and downloaded to.
        split: train, val or test, of data that have splits; test unless given.
        crops: views of an image that are averaged: `1`, its centre; `10`; GoogLeNet's `144`; or `full`, the whole image at five sizes.
        batch_size: images at a time; by their size unless given.
        device: auto, cpu, cuda or cuda:N.
        precision: float32 or bf16; the one that the network was tested in unless given.
        threads: number of processor threads; one for each core unless given.
        output: a file that the accuracy's records are added to.
        unknown: a folder of images that are none of the classes: how unsure the network is of them is measured. Unless given the
            folder `unknown` beside those of the classes or splits, where there is one.

    Raises:
        AtalhoError: as `load`, `data.load`, `evaluating.on_dataset` and `evaluating.on_folder`; OUTPUT (exit 2); as `unknown.measure`.
    """
    dataset = None
    if weights and not is_folder(data) and runs_code(str(network)):
        dataset = load_data(
            data, data_dir, reporter
        )  # the size of its images is the network's input
    trained, inference = for_inference(
        network,
        weights,
        num_classes,
        reporter,
        device=device,
        precision=precision,
        threads=threads,
        batch=batch_size,
        input=dataset.input if dataset else None,
    )
    evaluation = _evaluated(
        trained, inference, data, dataset, Path(data_dir), split, crops, reporter
    )
    if unknown is None and is_folder(data):
        from atalho.data.layout import layout

        unknown = layout(Path(data), trained.classes).unknown
    if unknown is not None:
        from atalho.evaluation.unknown import measure

        known = evaluation.accuracy.outcomes.confidence
        measured = measure(trained, known, Path(unknown), inference, reporter.say)
        evaluation = replace(evaluation, unknown=measured)
    if output:
        add_records(output, evaluation.records(inference, resolve_device(device, threads)))
    return evaluation


def _evaluated(
    trained: "Trained",
    inference: "Inference",
    data: str,
    dataset: "Dataset | None",
    data_dir: Path,
    split: str | None,
    crops: str,
    reporter: Reporter,
) -> "Evaluation":
    """The evaluation of a network that is ready for inference; `dataset` is None where the data are not loaded yet."""
    from atalho.evaluation import evaluating
    from atalho.weights import fitting

    if not is_folder(data):
        dataset = dataset or load_data(data, data_dir, reporter)
        return evaluating.on_dataset(trained, dataset, split or "test", inference, crops)

    if trained.out_of_fold:
        if crops != "1":
            raise wrong_option("crops", "out-of-fold answers are of one view")
        from atalho.evaluation import promised

        with reporter.reading(trained.network.name) as progress:
            return promised.on_photos(trained, Path(data), split, inference, progress, reporter.say)

    def load_folder(kind: "Copies") -> "Dataset":
        framings = [trained.framing]
        return load_data(
            data, data_dir, reporter, framings=framings, bad_images="skip", copies=kind
        )

    folder, split = evaluating.choose(
        Path(data), split, trained.data, load_folder, reporter.say, trained.classes
    )
    trained = fitting.named(trained, folder.classes, reporter.say)
    with reporter.reading(trained.network.name) as progress:
        return evaluating.on_folder(trained, folder, inference, progress, crops, split)


@dataclass(frozen=True)
class Exported:
    """An exported network.

    Args:
        path: the file or folder.
        table: how closely its outputs agree with the network's.
        records: the same as records.
        usage: the code or command that reads it.
    """

    path: Path
    table: Table
    records: list[Record]
    usage: str


def export(
    network: str | Path,
    to: str,
    output: str | Path,
    *,
    weights: str | Path | None = None,
    data: str | None = None,
    data_dir: str | Path = DATA_DIR,
    bad_images: BadImages = "skip",
    num_classes: int | None = None,
    engine: str = "auto",
    precision: "Dtype | None" = None,
    memory_format: "MemoryFormat" = "channels_last",
    max_engine_loss: float = 1.0,
    batch_size: int = 1,
    device: str = "auto",
    threads: int | None = None,
    with_preprocessing: bool = False,
    records: str | Path | None = None,
    reporter: Reporter = QUIET,
) -> Exported:
    """Writes a network to a file for other programs, with classes and preprocessing where the format can hold them.

    The file is read back as those programs would read it, and its outputs are compared with the network's on real images, one
    at a time and several at once; a file whose outputs differ is removed.

    Args:
        network, weights, num_classes: as in `load`.
        to: onnx, safetensors, torchvision, timm or pt2; `hub-folder`, for the Hugging Face Hub, with a model card made from the run's
            records; or `engine`, for a folder that `predict` runs on an engine.
        output: a file; a new folder for safetensors, timm, hub-folder and engine.
        data: the images that outputs are compared on, as in `evaluate`; unless given those that a run was trained on, or else
            scikit-learn's two photos. For `engine` these are the validation images of a data set or a folder, divided as
            a run of it divides them; int8 is calibrated on its training images, and test images are not read.
        bad_images: for `engine` on a folder of photos, as in `train`; what a training may leave out is left out here by default.
        engine: for `engine`: eager, compiled, onnxruntime, openvino, or auto, the fastest here that agrees.
        precision: of the engine: float32, bf16 or int8; unless given float32, or with auto any.
        memory_format: of images and weights in torch's engines: channels_last or contiguous.
        max_engine_loss: the points of top-1 that bf16 and int8 may lose beside float32 eager: labelled images that nothing was
            trained, calibrated or tested on must exclude more with 95 %. bf16 by its name is used all the same, and said.
        batch_size: images at a time, for which an engine is chosen.
        device, threads: where the engine runs, as in `evaluate`.
        with_preprocessing: for onnx: whether the file takes RGB pictures of 8 bits and any size, which it resizes, crops and normalises
            itself, and returns labels too.
        records: a file that the comparison's records are added to.

    Raises:
        AtalhoError: as `load`, `exports.export`, `deploy.deploy`.
    """
    if with_preprocessing and to != "onnx":
        raise wrong_option("with-preprocessing", "it goes with --to onnx")
    trained = load(network, weights, num_classes=num_classes, reporter=reporter)
    from atalho import exports
    from atalho.data import DATASETS
    from atalho.engines import samples
    from atalho.exports import images

    path, subject = Path(output), trained.network.name
    compared_on = data
    if data is None and trained.data and trained.data.name in DATASETS:
        compared_on = trained.data.name
    resolved_device = resolve_device(device if to == "engine" else "cpu", threads)
    if to == "engine":
        from atalho.engines import choosing, deploy
        from atalho.networks.subjects import predict_command

        request = engine_request(
            engine, precision, memory_format, resolved_device, [batch_size], max_engine_loss
        )
        sample = _sample(trained, compared_on, data_dir, bad_images, reporter)
        trials = deploy.deploy(trained, path, request, sample)
        if trials[0].unproven:
            reporter.say(choosing.sentence(trials, request.batch))
        measured = choosing.records(subject, trials, sample)
        rows = choosing.rows(trials, request.batch)
        usage = predict_command(subject, path)
    else:
        to = exports.FROM_PIXELS if with_preprocessing else to
        if compared_on is None:
            sample = samples.of_photos(trained.framing)
            compared_on, pictures = sample.name, sample.images
        elif is_folder(compared_on):
            pictures = images.of_folder(trained, Path(compared_on))
        else:
            pictures = images.of_dataset(trained, load_data(compared_on, data_dir, reporter))
        agreement = exports.export(trained, to, path, pictures)
        measured = exports.records(trained, to, agreement, resolved_device, data=compared_on)
        rows = exports.rows(trained, to, path, agreement)
        usage = exports.FORMATS[to].usage(trained, path)
    if records:
        add_records(records, measured)
    document = [asdict(each) for each in measured]
    return Exported(path, Table(rows, document), measured, usage)


def _sample(
    trained: "Trained",
    data: str | None,
    data_dir: str | Path,
    bad_images: BadImages,
    reporter: Reporter,
) -> "Sample":
    """Real images on which engines are compared: of a folder too few to be divided, every second one."""
    from atalho.data.folder import labels_among
    from atalho.engines import samples
    from atalho.training import arguments
    from atalho.weights.fitting import check_data

    if data is None:
        return samples.of_photos(trained.framing)
    run = arguments.read(trained.folder) if trained.folder else None
    trained_on_val = bool(run and run.recipe["with_validation"])
    if not is_folder(data):
        dataset = load_data(data, data_dir, reporter)
        check_data(trained, dataset, "val")
        return samples.of_dataset(dataset, trained_on_val=trained_on_val)
    copies = (trained.data and trained.data.copies) or "similar"
    try:
        dataset = load_data(
            data,
            data_dir,
            reporter,
            framings=[trained.framing],
            bad_images=bad_images,
            copies=copies,
        )
    except AtalhoError as error:
        if error.code not in ("DATA-FEW", "DATA-CLASSES"):
            raise
        return samples.of_folder(trained, Path(data))
    classes = labels_among(dataset.classes, trained.classes, trained.network.name, Path(data))
    return samples.of_dataset(dataset, classes, trained_on_val=trained_on_val)
