"""Commands of a comparison: compare, and recheck on what it has chosen."""

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
    BatchSizes,
    ClassWeights,
    CopiesOption,
    DataDir,
    DeviceName,
    EngineName,
    EnginePrecision,
    Epochs,
    FormatOption,
    FromScratch,
    GroupBy,
    ImgSize,
    Margin,
    MaxEnergy,
    MaxEngineLoss,
    MaxLatency,
    MaxMemory,
    MaxSize,
    MemoryFormatOption,
    MinAccuracy,
    Mirror,
    NetworkNames,
    On,
    Optimise,
    RecipeName,
    Seed,
    Steps,
    Streams,
    Threads,
    TimeBudget,
    Unknown,
    seed_list,
)
from atalho.cli.progress import say, screen
from atalho.cli.rows import comparison_table
from atalho.cli.stopping import resumable
from atalho.errors import Exit


def compare(
    networks: NetworkNames = [],  # noqa: B006 (the command gets a copy)
    data: Annotated[
        str,
        Option(
            "--data",
            complete=completing.data_sets,
            help="digits, cifar10, cifar100, a folder of photos, or none for no training.",
        ),
    ] = "digits",
    data_dir: DataDir = DATA_DIR,
    bad_images: BadPhotos = "error",
    copies: CopiesOption = "similar",
    img_size: ImgSize = None,
    weights: Annotated[
        list[str],
        Option(
            metavar="[NETWORK=]WEIGHTS",
            help="Weights to fine-tune, for one network or for all; may be given several times.",
        ),
    ] = [],  # noqa: B006 (the command gets a copy)
    from_scratch: FromScratch = False,
    recipe: RecipeName = None,
    as_published: Annotated[
        bool,
        Option(
            "--as-published",
            help="Without training: the photos' classes are those of the published weights.",
        ),
    ] = False,
    optimise: Optimise = "accuracy",
    class_weights: ClassWeights = False,
    mirror: Mirror = True,
    group_by: GroupBy = None,
    output: Annotated[Path, Option(help="The comparison's folder.")] = Path("comparison"),
    epochs: Epochs = None,
    steps: Steps = None,
    batch_size: BatchSizes = [1, 32],  # noqa: B006 (the command gets a copy)
    streams: Streams = 1,
    engine: EngineName = "eager",
    precision: EnginePrecision = None,
    memory_format: MemoryFormatOption = "channels_last",
    max_engine_loss: MaxEngineLoss = 1.0,
    max_latency_ms: MaxLatency = None,
    max_memory_mb: MaxMemory = None,
    max_energy_j: MaxEnergy = None,
    max_size_mb: MaxSize = None,
    min_accuracy: MinAccuracy = None,
    margin: Margin = 1.0,
    seed: Seed = 0,
    seeds: Annotated[
        Any,
        Option(
            parser=seed_list,
            metavar="N,N,…",
            help="Several seeds, with a training of each network for each; the choice accounts for their spread.",
        ),
    ] = None,
    device: DeviceName = "auto",
    threads: Threads = None,
    time_budget: TimeBudget = None,
    keep_thumbnails: Annotated[
        bool,
        Option(
            "--thumbnails/--no-thumbnails",
            help="Keep and show small pictures of mistakes; not for private ones.",
        ),
    ] = True,
    unknown: Unknown = None,
    on: On = None,
    measure_on: Annotated[
        str | None,
        Option(
            "--measure-on",
            metavar="WORKER",
            help="The scheduler's worker that measures all costs, alone, by its name or address; this machine unless given.",
        ),
    ] = None,
    plan: Annotated[
        bool,
        Option(
            "--plan",
            help="Only print the tasks, with their time, memory and disk by a few steps of each.",
        ),
    ] = False,
    format: FormatOption = "table",
) -> None:
    """Cost, training, accuracy, latency, memory and energy of several networks, the choice, and the page that shows them.

    Without names: plain and residual networks of 20 and 56 layers and a small GoogLeNet, on real handwritten digits.
    Measurements that the folder holds already are not made again.
    """
    settings: Any = {
        "data_dir": data_dir,
        "bad_images": bad_images,
        "copies": copies,
        "img_size": img_size,
        "weights": _by_network(weights, networks),
        "from_scratch": from_scratch,
        "recipe": recipe,
        "as_published": as_published,
        "optimise": optimise,
        "class_weights": class_weights,
        "mirror": mirror,
        "group_by": group_by,
        "output": output,
        "epochs": epochs,
        "steps": steps,
        "batch_size": batch_size,
        "seed": seed,
        "seeds": seeds or (),
        "device": device,
        "threads": threads,
        "time_budget": time_budget,
        "on": on,
        "reporter": screen(),
    }
    if plan:
        table.show(atalho.plan(networks, data, **settings).table, format)
        return
    with resumable("the same command goes on"):
        compared = atalho.compare(
            networks,
            data,
            **settings,
            streams=streams,
            engine=engine,
            precision=precision,
            memory_format=memory_format,
            max_engine_loss=max_engine_loss,
            max_latency_ms=max_latency_ms,
            max_memory_mb=max_memory_mb,
            max_energy_j=max_energy_j,
            max_size_mb=max_size_mb,
            min_accuracy=min_accuracy,
            margin=margin,
            keep_thumbnails=keep_thumbnails,
            unknown=unknown,
            measure_on=measure_on,
        )
    table.show(comparison_table(compared.comparison, compared.records), format)
    if compared.choice and compared.chosen:
        from atalho.networks.subjects import predict_command

        name = compared.choice.chosen.network
        say(f"{name} is ready in {compared.chosen}: {predict_command(name, compared.chosen)}")
    elif compared.limits and not compared.choice:
        say("no network is known to keep to the limits; the page says what each fails by")
    say(compared.page.resolve().as_uri())


def recheck(
    chosen: Annotated[Path, Argument(help="The folder that `atalho compare` writes.")],
    data: Annotated[
        str | None,
        Option(
            "--data",
            complete=completing.data_sets,
            help="Labelled images to check the accuracy on: digits, cifar10, cifar100, or a folder of CLASS/image, tar shards or Parquet.",
        ),
    ] = None,
    data_dir: DataDir = DATA_DIR,
    records: Annotated[Path | None, Option(help="Add what is measured to a file.")] = None,
    format: FormatOption = "table",
) -> None:
    """What a chosen system promises, held against this machine; exit code 1 where a promise does not hold.

    A folder of which a file has another checksum than when the promises were made is refused.
    """
    outcome = atalho.recheck(chosen, data, data_dir=data_dir, records=records, reporter=screen())
    table.show(outcome.table, format)
    if not outcome.holds:
        raise click.exceptions.Exit(Exit.CHECK_FAILED)


def _by_network(weights: Sequence[str], networks: Sequence[str]) -> dict[str, str]:
    """Weights by network, from texts `NETWORK=WEIGHTS` or `WEIGHTS`, which is for all networks."""
    by_network: dict[str, str] = {}
    for each in weights:
        name, equals, own_weights = each.partition("=")
        by_network |= {name: own_weights} if equals else dict.fromkeys(networks, each)
    return by_network
