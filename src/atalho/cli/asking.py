"""Commands that ask a trained network: evaluate, predict, export."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atalho.cli import table
from atalho.cli.options import (
    DATA_DIR,
    BatchSize,
    Crops,
    DataDir,
    DeviceName,
    EngineName,
    EnginePrecision,
    FormatOption,
    MemoryFormatOption,
    NumClasses,
    PrecisionName,
    RunOrNetwork,
    Target,
    Threads,
    Weights,
)
from atalho.cli.progress import ImageProgress, say
from atalho.cli.resolved import (
    append_records,
    engine_request,
    for_inference,
    load_data,
    trained_network,
)
from atalho.cli.rows import export_row
from atalho.cli.table import Format
from atalho.errors import AtalhoError, Exit
from atalho.runtime.device import resolve_device

if TYPE_CHECKING:
    from atalho.data.copies import Kind
    from atalho.data.dataset import Dataset
    from atalho.engines.choosing import EngineRequest
    from atalho.record import Record
    from atalho.weights.trained import Trained


def evaluate(
    network: RunOrNetwork,
    weights: Weights = None,
    data: Annotated[
        str, typer.Option("--data", help="digits, cifar10, cifar100, or a folder of CLASS/image.")
    ] = "digits",
    data_dir: DataDir = DATA_DIR,
    split: Annotated[
        str | None,
        typer.Option(
            help="train, val or test of a data set, or of a folder that has them; test unless given."
        ),
    ] = None,
    crops: Annotated[
        Crops,
        typer.Option(
            help="Views of an image: its centre, 10 crops, GoogLeNet's 144, or all of it at 5 sizes."
        ),
    ] = "1",
    num_classes: NumClasses = None,
    batch_size: BatchSize = None,
    device: DeviceName = "auto",
    precision: PrecisionName = None,
    threads: Threads = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Top-1 and top-5 with a 95 % interval, accuracy per class, and the confusion matrix."""
    trained, inference = for_inference(
        network,
        weights,
        num_classes,
        device=device,
        precision=precision,
        threads=threads,
        batch=batch_size,
    )
    from atalho.data import DATASETS
    from atalho.evaluation import evaluating

    if data not in DATASETS and Path(data).is_dir():

        def load(copies: "Kind") -> "Dataset":
            framings = [trained.framing]
            return load_data(data, data_dir, framings=framings, bad_images="skip", copies=copies)

        folder, split = evaluating.choose(Path(data), split, trained.data, load, say)
        with ImageProgress(trained.network.name) as progress:
            found = evaluating.on_folder(trained, folder, inference, progress, crops, split)
    else:
        found = evaluating.on_dataset(
            trained, load_data(data, data_dir), split or "test", inference, crops
        )
    if format is Format.JSON:
        table.show_json(found.document())
    else:
        table.show(found.rows(), format, title=found.title())
    _fail_with(found.unreadable)


def predict(
    network: RunOrNetwork,
    images: Annotated[
        list[str],
        typer.Argument(metavar="IMAGE...", help="Files, folders, or - for one image's bytes."),
    ],
    weights: Weights = None,
    top: Annotated[int, typer.Option(min=1, help="How many labels an image gets.")] = 5,
    num_classes: NumClasses = None,
    batch_size: BatchSize = None,
    device: DeviceName = "auto",
    precision: PrecisionName = None,
    threads: Threads = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Labels with probabilities for pictures; one that cannot be read fails alone, and the exit code is 3 then."""
    trained, inference = for_inference(
        network,
        weights,
        num_classes,
        device=device,
        precision=precision,
        threads=threads,
        batch=batch_size,
    )
    from atalho.evaluation import predicting

    pictures = predicting.sources(images, sys.stdin.buffer)
    answers = [*predicting.predict(trained, pictures, inference, top=top)]
    failed = [each.answer for each in answers if isinstance(each.answer, AtalhoError)]
    rows = [row for answer in answers for row in answer.rows()]
    if format is Format.JSON:
        table.show_json([answer.document() for answer in answers])
    elif format is Format.CSV or failed:
        table.show(rows, format)
    else:
        table.show([{key: row[key] for key in row if key != "error"} for row in rows], format)
    if speed := predicting.speed(trained):
        say(speed)
    _fail_with(failed)


def export(
    network: RunOrNetwork,
    to: Annotated[Target, typer.Option("--to", help="The format.")],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="A file; a new folder for safetensors and timm."),
    ],
    weights: Weights = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            help="digits, cifar10, cifar100 or a folder of images, to compare on; a run's own unless given.",
        ),
    ] = None,
    data_dir: DataDir = DATA_DIR,
    num_classes: NumClasses = None,
    engine: EngineName = "auto",
    precision: EnginePrecision = None,
    memory_format: MemoryFormatOption = "channels_last",
    batch_size: Annotated[
        int, typer.Option("-b", "--batch-size", min=1, help="For which an engine is chosen.")
    ] = 1,
    device: DeviceName = "auto",
    threads: Threads = None,
    records: Annotated[
        Path | None, typer.Option(help="Add the comparison's records to a file.")
    ] = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """A file that others load, with classes and preprocessing where it can hold them, and the same answers on real images.

    It is read back as its readers would and compared for one image and for several; one that differs is not left behind.
    `--to engine` makes a folder that `atalho predict` runs on the engine that is fastest here, or on the one that is named.
    """
    trained = trained_network(network, weights, num_classes)
    from atalho import exports as exporting
    from atalho.data import DATASETS
    from atalho.exports import images

    compared_on = data
    if data is None and trained.data and trained.data.name in DATASETS:
        compared_on = trained.data.name
    if compared_on is None:
        raise AtalhoError(
            "DATA-MISSING",
            network,
            "what its weights were trained on is not known, and a file is compared on real images",
            next_step="--data with digits, cifar10, cifar100 or a folder of images",
            exit=Exit.USAGE,
        )
    photos = compared_on not in DATASETS and Path(compared_on).is_dir()
    machine = resolve_device(device if to == "engine" else "cpu", threads)
    if to == "engine":
        request = engine_request(engine, precision, memory_format, machine, [batch_size])
        measured, rows = _deployed(trained, output, request, compared_on, data_dir, photos=photos)
        usage = f"atalho predict {shlex.quote(str(output))} IMAGE"
    else:
        if photos:
            shown = images.of_folder(trained, Path(compared_on))
        else:
            shown = images.of_dataset(trained, load_data(compared_on, data_dir))
        found = exporting.export(trained, to, output, shown)
        measured = exporting.records(trained, to, found, machine, data=compared_on)
        rows = [export_row(trained.network.name, to, output, found)]
        usage = exporting.FORMATS[to].usage(trained, output)
    if records:
        append_records(records, measured)
    if format is Format.JSON:
        table.show_json([asdict(each) for each in measured])
    else:
        table.show(rows, format)
    say(f"read it by {usage}")


def _deployed(
    trained: "Trained",
    output: Path,
    request: "EngineRequest",
    data: str,
    data_dir: Path,
    *,
    photos: bool,
) -> "tuple[list[Record], list[dict[str, Any]]]":
    """Puts a network on its engine into a folder; how the engines did, as records and as rows."""
    from atalho.engines import choosing, deploy, samples
    from atalho.weights.fitting import check_data

    if photos:
        sample = samples.of_folder(trained, Path(data))
    else:
        dataset = load_data(data, data_dir)
        check_data(trained, dataset, "val")
        sample = samples.of_dataset(dataset)
    trials = deploy.deploy(trained, output, request, sample)
    return choosing.records(trained.network.name, trials, sample), choosing.rows(
        trials, request.batch
    )


def _fail_with(errors: Sequence[AtalhoError]) -> None:
    """Says what failed beside what was answered."""
    for error in errors:
        say(str(error))
    if errors:
        raise typer.Exit(errors[0].exit)
