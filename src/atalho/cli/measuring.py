"""Commands that measure networks: bench, compare, diagnose."""

import shlex
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from atalho.cli import table
from atalho.cli.options import (
    DATA_DIR,
    BadPhotos,
    BatchSizes,
    CopiesOption,
    DataDir,
    DeviceName,
    EngineName,
    EnginePrecision,
    Epochs,
    FormatOption,
    HoldOut,
    ImgSize,
    Input,
    MaxEnergy,
    MaxLatency,
    MaxMemory,
    MaxSize,
    MemoryFormatOption,
    MinAccuracy,
    NetworkNames,
    NumClasses,
    RecipeName,
    Seed,
    Steps,
    Threads,
    moments_of,
    name_list,
    seed_list,
)
from atalho.cli.progress import TrainingProgress, say
from atalho.cli.resolved import (
    append_records,
    engine_request,
    limits_of,
    load_data,
    trained_network,
    training_precision,
    weights_by_network,
)
from atalho.cli.rows import bench_rows, comparison_rows, diagnosis_rows
from atalho.cli.table import Format
from atalho.runtime.device import resolve_device


def bench(
    networks: Annotated[list[str], typer.Argument(metavar="NETWORK...")],
    input: Input = None,
    num_classes: NumClasses = None,
    batch_size: BatchSizes = [1, 16],  # noqa: B006 (typer copies it)
    engine: EngineName = "eager",
    precision: EnginePrecision = None,
    memory_format: MemoryFormatOption = "channels_last",
    device: DeviceName = "auto",
    threads: Threads = None,
    output: Annotated[Path | None, typer.Option("-o", help="Add the records to a file.")] = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Latency, throughput, peak memory and energy by batch size, with parameters and multiply-accumulates.

    Each network runs in a process of its own, with random weights, by turns with the others.
    """
    from atalho.networks import subjects

    tables = [subjects.get(name, input=input, num_classes=num_classes) for name in networks]
    from atalho.benchmark.bench import Bench, Entry
    from atalho.tasks import carry_out

    machine = resolve_device(device, threads)
    request = engine_request(engine, precision, memory_format, machine, batch_size)
    request.candidates(calibrated=False)
    with (
        TemporaryDirectory() as folder,
        Bench(request, Path(folder) / "engines", say) as room,
    ):
        steps = [*room.steps([*map(Entry.untrained, tables)], batch_size)]
        measured = carry_out(steps, Path(folder) / "records", say)
    if output:
        append_records(output, measured)
    if format is Format.JSON:
        table.show_json([asdict(each) for each in measured])
        return
    table.show(bench_rows(measured), format)


def compare(
    networks: NetworkNames = None,
    data: Annotated[
        str,
        typer.Option(
            "--data",
            help="digits, cifar10, cifar100, a folder of photos, or none for no training.",
        ),
    ] = "digits",
    data_dir: DataDir = DATA_DIR,
    bad_images: BadPhotos = "error",
    copies: CopiesOption = "similar",
    img_size: ImgSize = None,
    weights: Annotated[
        list[str],
        typer.Option(
            metavar="[NETWORK=]WEIGHTS",
            help="Weights to fine-tune, of one network or of all; may be given several times.",
        ),
    ] = [],  # noqa: B006 (typer copies it)
    recipe: RecipeName = None,
    output: Annotated[Path, typer.Option(help="The comparison's folder.")] = Path("comparison"),
    epochs: Epochs = None,
    steps: Steps = None,
    batch_size: BatchSizes = [1, 32],  # noqa: B006 (typer copies it)
    engine: EngineName = "eager",
    precision: EnginePrecision = None,
    memory_format: MemoryFormatOption = "channels_last",
    max_latency_ms: MaxLatency = None,
    max_memory_mb: MaxMemory = None,
    max_energy_j: MaxEnergy = None,
    max_size_mb: MaxSize = None,
    min_accuracy: MinAccuracy = None,
    seed: Seed = 0,
    device: DeviceName = "auto",
    threads: Threads = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Cost, training, accuracy, latency, memory and energy of several networks, the choice, and the page that shows them.

    Without names: plain and residual networks of 20 and 56 layers and a small GoogLeNet, on real handwritten digits.
    What the folder holds already is not measured again.
    """
    from atalho.choice.choosing import choose
    from atalho.comparison import DEMONSTRATION
    from atalho.recipes.changes import RecipeChanges
    from atalho.training.resolution import NO_DATA, Request, framing, resolve

    started = weights_by_network(networks or (), weights)
    changes = RecipeChanges(epochs=epochs, steps=steps)
    requests = [
        Request(name, data, started.get(name), recipe, changes, None, img_size, seed)
        for name in networks or DEMONSTRATION
    ]
    from atalho.comparison import comparing
    from atalho.page import publish
    from atalho.ranking import comparison
    from atalho.training.loop import Stopped

    machine = resolve_device(device, threads)
    starts = [
        trained_network(each.network, each.weights, None) if each.weights else None
        for each in requests
    ]
    pairs = [*zip(requests, starts, strict=True)]
    seen = [framing(each, start) for each, start in pairs if each.photos]
    dataset = (
        None
        if data == NO_DATA
        else load_data(data, data_dir, framings=seen, bad_images=bad_images, copies=copies)
    )
    trained_in, _ = training_precision("auto", machine)
    request = comparing.Comparison(
        [resolve(each, dataset, start, machine, trained_in) for each, start in pairs],
        batch_size,
        engine_request(engine, precision, memory_format, machine, batch_size),
    )
    request.engine.candidates(calibrated=dataset is not None)
    with TrainingProgress("training") as progress:
        try:
            records = comparing.compare(request, output, say=progress.say, report=progress)
        except Stopped as stopped:
            say(f"{stopped}; the same command goes on")
            raise typer.Exit(stopped.exit) from None
    limits = limits_of(max_latency_ms, max_memory_mb, max_energy_j, max_size_mb, min_accuracy)
    page = publish(records, output / "report.html", limits)
    compared = comparison(records)
    if format is Format.JSON:
        table.show_json([asdict(each) for each in records])
    else:
        table.show(comparison_rows(compared), format)
    found = choose(compared, limits)
    chosen = found.chosen.network if found else None
    if comparing.keep(chosen, request.engine, output):
        kept = shlex.quote(str(output / comparing.CHOSEN))
        say(f"{chosen} is ready in {kept}: atalho predict {kept} IMAGE")
    elif limits and chosen is None:
        say("no network is known to keep to the limits; the page says what each fails by")
    say(page)


def diagnose(
    networks: Annotated[list[str], typer.Argument(metavar="NETWORK...")],
    data: Annotated[
        str,
        typer.Option("--data", help="digits, cifar10, cifar100, or none for noise."),
    ] = "digits",
    data_dir: DataDir = DATA_DIR,
    at: Annotated[
        Any,
        typer.Option(
            parser=moments_of,
            metavar="MOMENTS",
            help="Steps of the recipe's run, as in 0,1,10,100,end; end is a finished run's.",
        ),
    ] = "0",
    seeds: Annotated[
        Any, typer.Option(parser=seed_list, metavar="SEEDS", help="As in 0,1,2.")
    ] = "0",
    measure: Annotated[
        Any,
        typer.Option(
            parser=name_list,
            metavar="MEASURES",
            help="Of flow, responses, shattering; and of paths, lesions, surface, which take minutes.",
        ),
    ] = "flow,responses,shattering",
    recipe: RecipeName = None,
    epochs: Epochs = None,
    steps: Steps = None,
    hold_out: HoldOut = None,
    runs: Annotated[
        list[Path],
        typer.Option(help="Finished runs, or folders of them; may be given several times."),
    ] = [],  # noqa: B006 (typer copies it)
    output: Annotated[Path, typer.Option(help="The diagnosis's folder.")] = Path("diagnosis"),
    batch_size: Annotated[
        int, typer.Option("-b", "--batch-size", min=2, help="Images that gradients are taken of.")
    ] = 64,
    device: DeviceName = "auto",
    threads: Threads = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Why depth works: how gradients flow back, by which paths, and how layers respond, before and during training.

    What the folder holds already is not measured again.
    """
    from atalho.recipes.changes import RecipeChanges
    from atalho.training.resolution import NO_DATA, Request, resolve

    changes = RecipeChanges(epochs=epochs, steps=steps, hold_out=hold_out)
    requests = [Request(name, data, recipe=recipe, changes=changes) for name in networks]
    from atalho.diagnosis import diagnosing

    dataset = None if data == NO_DATA else load_data(data, data_dir)
    machine = resolve_device(device, threads)
    diagnosis = diagnosing.Diagnosis(
        [resolve(each, dataset, None, machine, "float32") for each in requests],
        moments=at,
        seeds=seeds,
        measures=measure,
        batch=batch_size,
        runs=runs,
    )
    records = diagnosing.diagnose(diagnosis, output, say=say)
    if format is Format.JSON:
        table.show_json([asdict(each) for each in records])
    else:
        table.show(diagnosis_rows(records), format)
