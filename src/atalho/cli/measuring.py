"""Commands that measure networks: bench and diagnose."""

from pathlib import Path
from typing import Annotated, Any

import atalho
from atalho.cli import completing, table
from atalho.cli.declaring import Option
from atalho.cli.options import (
    DATA_DIR,
    BatchSizes,
    DataDir,
    DeviceName,
    EngineName,
    EnginePrecision,
    Epochs,
    FormatOption,
    HoldOut,
    Input,
    MemoryFormatOption,
    NetworkNames,
    NumClasses,
    RecipeName,
    Steps,
    Streams,
    Threads,
    moments_of,
    name_list,
    seed_list,
)
from atalho.cli.progress import screen
from atalho.cli.rows import bench_table, diagnosis_table


def bench(
    networks: NetworkNames,
    data: Annotated[
        Path | None,
        Option(
            "--data",
            help="A folder of photos, on whose files single requests are measured from file to label.",
        ),
    ] = None,
    input: Input = None,
    num_classes: NumClasses = None,
    batch_size: BatchSizes = [1, 16],  # noqa: B006 (the command gets a copy)
    streams: Streams = 1,
    engine: EngineName = "eager",
    precision: EnginePrecision = None,
    memory_format: MemoryFormatOption = "channels_last",
    device: DeviceName = "auto",
    threads: Threads = None,
    output: Annotated[Path | None, Option("-o", help="Add the records to a file.")] = None,
    format: FormatOption = "table",
) -> None:
    """Latency, throughput, peak memory and energy by batch size, with parameters and multiply-accumulates.

    Each network runs in a process of its own, with random weights, by turns with the others.
    """
    measured = atalho.bench(
        networks,
        data=data,
        input=input,
        num_classes=num_classes,
        batch_size=batch_size,
        streams=streams,
        engine=engine,
        precision=precision,
        memory_format=memory_format,
        device=device,
        threads=threads,
        output=output,
        reporter=screen(),
    )
    table.show(bench_table(measured), format)


def diagnose(
    networks: NetworkNames,
    data: Annotated[
        str,
        Option(
            "--data",
            complete=completing.data_sets,
            help="digits, cifar10, cifar100, or none for noise.",
        ),
    ] = "digits",
    data_dir: DataDir = DATA_DIR,
    at: Annotated[
        Any,
        Option(
            parser=moments_of,
            metavar="MOMENTS",
            help="After how many steps, as in 0,1,10,100,end; end: the end of a finished run.",
        ),
    ] = "0",
    seeds: Annotated[Any, Option(parser=seed_list, metavar="SEEDS", help="As in 0,1,2.")] = "0",
    measure: Annotated[
        Any,
        Option(
            parser=name_list,
            metavar="MEASURES",
            help="Some of flow, responses, shattering; paths, lesions, surface, which take minutes.",
        ),
    ] = "flow,responses,shattering",
    recipe: RecipeName = None,
    epochs: Epochs = None,
    steps: Steps = None,
    hold_out: HoldOut = None,
    runs: Annotated[
        list[Path],
        Option(
            complete=completing.runs,
            help="Finished runs, or folders of them; may be given several times.",
        ),
    ] = [],  # noqa: B006 (the command gets a copy)
    output: Annotated[Path, Option(help="The diagnosis's folder.")] = Path("diagnosis"),
    batch_size: Annotated[
        int,
        Option("-b", "--batch-size", min=2, help="Images that gradients are computed for."),
    ] = 64,
    device: DeviceName = "auto",
    threads: Threads = None,
    format: FormatOption = "table",
) -> None:
    """Why depth works: how gradients flow back, by which paths, and how layers respond, before and during training.

    Measurements that the folder holds already are not made again.
    """
    records = atalho.diagnose(
        networks,
        data,
        data_dir=data_dir,
        at=at,
        seeds=seeds,
        measure=measure,
        recipe=recipe,
        epochs=epochs,
        steps=steps,
        hold_out=hold_out,
        runs=runs,
        output=output,
        batch_size=batch_size,
        device=device,
        threads=threads,
        reporter=screen(),
    )
    table.show(diagnosis_table(records), format)
