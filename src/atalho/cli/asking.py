"""Commands that use a trained network: evaluate, predict, export."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import click

import atalho
from atalho.cli import completing, table
from atalho.cli.declaring import Argument, Option
from atalho.cli.options import (
    DATA_DIR,
    BadPhotos,
    BatchSize,
    Crops,
    DataDir,
    DeviceName,
    EngineName,
    EnginePrecision,
    FormatOption,
    MaxEngineLoss,
    MemoryFormatOption,
    NumClasses,
    On,
    PrecisionName,
    RunOrNetwork,
    Target,
    Threads,
    Unknown,
    Weights,
)
from atalho.cli.progress import say, screen
from atalho.cli.rows import predictions_table
from atalho.cli.stopping import resumable
from atalho.errors import AtalhoError, Exit, wrong_option
from atalho.explain.table import Table


def evaluate(
    network: RunOrNetwork,
    weights: Weights = None,
    data: Annotated[
        str,
        Option(
            "--data",
            complete=completing.data_sets,
            help="digits, cifar10, cifar100, or a folder of CLASS/image, tar shards or Parquet.",
        ),
    ] = "digits",
    data_dir: DataDir = DATA_DIR,
    split: Annotated[
        str | None,
        Option(
            help="train, val or test of a data set, or of a folder that has them; test unless given."
        ),
    ] = None,
    crops: Annotated[
        Crops,
        Option(
            help="Views that are averaged: the centre, 10 crops, GoogLeNet's 144, or all at 5 sizes."
        ),
    ] = "1",
    num_classes: NumClasses = None,
    batch_size: BatchSize = None,
    device: DeviceName = "auto",
    precision: PrecisionName = None,
    threads: Threads = None,
    output: Annotated[Path | None, Option("-o", help="Add the records to a file.")] = None,
    unknown: Unknown = None,
    format: FormatOption = "table",
) -> None:
    """Top-1 and top-5 with a 95 % interval, accuracy per class, and the confusion matrix."""
    evaluation = atalho.evaluate(
        network,
        data,
        weights=weights,
        data_dir=data_dir,
        split=split,
        crops=crops,
        num_classes=num_classes,
        batch_size=batch_size,
        device=device,
        precision=precision,
        threads=threads,
        output=output,
        unknown=unknown,
        reporter=screen(),
    )
    notes = evaluation.unknown.notes() if evaluation.unknown else []
    shown = Table(evaluation.rows(), evaluation.document(), evaluation.title(), notes)
    table.show(shown, format)
    _fail_with(evaluation.unreadable)


def predict(
    network: RunOrNetwork,
    images: Annotated[
        list[str],
        Argument(metavar="IMAGE...", help="Files, folders, or - for one image's bytes."),
    ],
    weights: Weights = None,
    top: Annotated[int, Option(min=1, help="How many labels an image gets.")] = 5,
    num_classes: NumClasses = None,
    batch_size: BatchSize = None,
    device: DeviceName = "auto",
    precision: PrecisionName = None,
    threads: Threads = None,
    max_error: Annotated[
        float | None,
        Option(
            metavar="SHARE",
            help="Say `unsure` of an image, so that at most this share of the labels is wrong, with 95 % confidence; as 0.02.",
        ),
    ] = None,
    explain: Annotated[
        Path | None,
        Option(
            metavar="FOLDER",
            help="Write pictures of where the network sees the most probable class: red speaks for it, blue against it.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        Option(
            "-o",
            "--output",
            help="A .csv, .jsonl or .parquet file that is written as the answers come, and gone on with.",
        ),
    ] = None,
    on: On = None,
    format: FormatOption = "table",
) -> None:
    """Labels with probabilities for pictures; if one cannot be read the others are still shown, and the exit code is 3."""
    settings: Any = {
        "weights": weights,
        "top": top,
        "num_classes": num_classes,
        "batch_size": batch_size,
        "device": device,
        "precision": precision,
        "threads": threads,
        "max_error": max_error,
        "reporter": screen(),
    }
    if output and explain:
        raise wrong_option("explain", "it goes with answers on the screen, not in a file")
    if on and not output:
        raise wrong_option(
            "on", "it goes with --output and a file, which all workers see the folder of"
        )
    if output:
        with resumable("the same command goes on"):
            predicted = atalho.predict_to_file(network, images, output, on=on, **settings)
        say(f"{output}: {predicted.continued + predicted.pictures:,} pictures")
        if predicted.unreadable:
            say(f"{predicted.unreadable:,} of them could not be read; their lines say why")
            raise click.exceptions.Exit(Exit.DATA)
        return
    predictions = atalho.predict(network, images, explain=explain, **settings)
    table.show(predictions_table(predictions, format), format)
    _fail_with([each.outcome for each in predictions if isinstance(each.outcome, AtalhoError)])


def export(
    network: RunOrNetwork,
    to: Annotated[Target, Option("--to", help="The format.")],
    output: Annotated[
        Path,
        Option("-o", "--output", help="A file; a new folder for safetensors, timm and hub-folder."),
    ],
    weights: Weights = None,
    data: Annotated[
        str | None,
        Option(
            "--data",
            complete=completing.data_sets,
            help="digits, cifar10, cifar100 or a folder of images, to compare on; a run's own unless given.",
        ),
    ] = None,
    data_dir: DataDir = DATA_DIR,
    bad_images: BadPhotos = "skip",
    num_classes: NumClasses = None,
    engine: EngineName = "auto",
    precision: EnginePrecision = None,
    memory_format: MemoryFormatOption = "channels_last",
    max_engine_loss: MaxEngineLoss = 1.0,
    batch_size: Annotated[
        int,
        Option(
            "-b", "--batch-size", min=1, help="Images at a time, for which an engine is chosen."
        ),
    ] = 1,
    device: DeviceName = "auto",
    threads: Threads = None,
    with_preprocessing: Annotated[
        bool,
        Option(
            "--with-preprocessing",
            help="With --to onnx: a file that takes pictures of 8 bits and any size, and returns labels too.",
        ),
    ] = False,
    records: Annotated[Path | None, Option(help="Add the comparison's records to a file.")] = None,
    format: FormatOption = "table",
) -> None:
    """Write a network to a file for other programs, with classes and preprocessing where the format can hold them.

    The file is read back as those programs would, and its outputs are compared on real images; a file that differs is removed.
    `--to engine` makes a folder that `atalho predict` runs on the fastest engine here, or on the one given by --engine.
    """
    exported = atalho.export(
        network,
        to,
        output,
        weights=weights,
        data=data,
        data_dir=data_dir,
        bad_images=bad_images,
        num_classes=num_classes,
        engine=engine,
        precision=precision,
        memory_format=memory_format,
        max_engine_loss=max_engine_loss,
        batch_size=batch_size,
        device=device,
        threads=threads,
        with_preprocessing=with_preprocessing,
        records=records,
        reporter=screen(),
    )
    table.show(exported.table, format)
    say(f"read it by {exported.usage}")


def _fail_with(errors: Sequence[AtalhoError]) -> None:
    """Prints the errors, and ends the command with the first one's exit code; returns where there are none."""
    for error in errors:
        say(str(error))
    if errors:
        raise click.exceptions.Exit(errors[0].exit)
