"""Commands that ask a trained network: evaluate, predict, export."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

import atalho
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
from atalho.cli.progress import say, screen
from atalho.cli.rows import predictions_table
from atalho.cli.table import Format
from atalho.errors import AtalhoError
from atalho.explain.table import Table


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
    found = atalho.evaluate(
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
        reporter=screen(),
    )
    table.show(Table(found.rows(), found.document(), found.title()), format)
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
    answers = atalho.predict(
        network,
        images,
        weights=weights,
        top=top,
        num_classes=num_classes,
        batch_size=batch_size,
        device=device,
        precision=precision,
        threads=threads,
        reporter=screen(),
    )
    table.show(predictions_table(answers, format), format)
    _fail_with([each.outcome for each in answers if isinstance(each.outcome, AtalhoError)])


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
    found = atalho.export(
        network,
        to,
        output,
        weights=weights,
        data=data,
        data_dir=data_dir,
        num_classes=num_classes,
        engine=engine,
        precision=precision,
        memory_format=memory_format,
        batch_size=batch_size,
        device=device,
        threads=threads,
        records=records,
        reporter=screen(),
    )
    table.show(found.table, format)
    say(f"read it by {found.usage}")


def _fail_with(errors: Sequence[AtalhoError]) -> None:
    """Says what failed, and ends the command with the first failure's exit code."""
    for error in errors:
        say(str(error))
    if errors:
        raise typer.Exit(errors[0].exit)
