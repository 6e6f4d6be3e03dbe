"""Commands that ask a trained network: evaluate, predict, export."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from atalho import screen
from atalho.cli.options import (
    DATA_DIR,
    BatchSize,
    Crops,
    DataDir,
    DeviceName,
    FormatOption,
    NumClasses,
    PrecisionName,
    RunOrNetwork,
    Target,
    Threads,
    Weights,
)
from atalho.cli.resolved import (
    append_records,
    device_named,
    load_data,
    precision_named,
    trained_network,
)
from atalho.errors import AtalhoError, Exit
from atalho.screen import Format


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
    precision: PrecisionName = "float32",
    threads: Threads = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Top-1 and top-5 with a 95 % interval, accuracy per class, and the confusion matrix."""
    trained = trained_network(network, weights, num_classes)
    from atalho import evaluate as evaluating
    from atalho.data import DATASETS
    from atalho.trained import Inference

    machine = device_named(device, threads)
    inference = Inference(machine, precision_named(precision), batch_size)
    if data not in DATASETS and Path(data).is_dir():
        framing, run = trained.framing, Path(weights or network)
        load = partial(load_data, data, data_dir, framing=framing, bad_images="skip")
        folder, split = evaluating.choose(Path(data), split, run, load, screen.say)
        with screen.ImageProgress(trained.network.name) as progress:
            found = evaluating.on_folder(
                trained.to(machine), folder, inference, progress, crops, split
            )
    else:
        found = evaluating.on_dataset(
            trained.to(machine), load_data(data, data_dir), split or "test", inference, crops
        )
    if format is Format.JSON:
        screen.show_json(found.document())
    else:
        screen.show(found.rows(), format, title=found.title())
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
    precision: PrecisionName = "float32",
    threads: Threads = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Labels with probabilities for pictures; one that cannot be read fails alone, and the exit code is 3 then."""
    trained = trained_network(network, weights, num_classes)
    from atalho import predict as predicting
    from atalho.trained import Inference

    machine = device_named(device, threads)
    inference = Inference(machine, precision_named(precision), batch_size)
    pictures = predicting.sources(images, sys.stdin.buffer)
    answers = [*predicting.predict(trained.to(machine), pictures, inference, top=top)]
    failed = [each.answer for each in answers if isinstance(each.answer, AtalhoError)]
    rows = [row for answer in answers for row in answer.rows()]
    if format is Format.JSON:
        screen.show_json([answer.document() for answer in answers])
    elif format is Format.CSV or failed:
        screen.show(rows, format)
    else:
        screen.show([{key: row[key] for key in row if key != "error"} for row in rows], format)
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
    records: Annotated[
        Path | None, typer.Option(help="Add the comparison's records to a file.")
    ] = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """A file that others load, with classes and preprocessing where it can hold them, and the same answers on real images.

    It is read back as its readers would and compared for one image and for several; one that differs is not left behind.
    """
    trained = trained_network(network, weights, num_classes)
    from atalho import export as exporting
    from atalho import run
    from atalho.data import DATASETS
    from atalho.export import images

    compared_on = data or (run.trained_on(Path(network)) if weights is None else None)
    if compared_on is None:
        raise AtalhoError(
            "DATA-MISSING",
            network,
            "what its weights were trained on is not known, and a file is compared on real images",
            next_step="--data with digits, cifar10, cifar100 or a folder of images",
            exit=Exit.USAGE,
        )
    if compared_on not in DATASETS and Path(compared_on).is_dir():
        asked = images.of_folder(trained, Path(compared_on))
    else:
        asked = images.of_dataset(trained, load_data(compared_on, data_dir))
    found = exporting.export(trained, to, output, asked)
    measured = exporting.records(trained, to, found, data=compared_on)
    if records:
        append_records(records, measured)
    if format is Format.JSON:
        screen.show_json([asdict(each) for each in measured])
    else:
        screen.show([screen.export_row(trained.network.name, to, output, found)], format)
    screen.say(f"read it by {exporting.FORMATS[to].usage(trained, output)}")


def _fail_with(errors: Sequence[AtalhoError]) -> None:
    """Says what failed beside what was answered."""
    for error in errors:
        screen.say(str(error))
    if errors:
        raise typer.Exit(errors[0].exit)
