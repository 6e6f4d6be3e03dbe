"""The command line: parses, calls one function a command, and shows what it answers."""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from atalho import __version__, screen
from atalho.errors import AtalhoError, Exit, printable
from atalho.footprint import Dtype
from atalho.screen import Format
from atalho.shape import Shape

if TYPE_CHECKING:
    import torch

    from atalho.data.dataset import Dataset
    from atalho.diagnose import When
    from atalho.image import Framing
    from atalho.precision import Precision
    from atalho.recipes.recipe import Facts, Recipe
    from atalho.record import Record
    from atalho.trained import Trained

app = typer.Typer(
    name="atalho",
    help="The classic convolutional networks as their papers print them: explained, trained and compared.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


# Types of arguments and options that several commands share.


def _input_shape(text: str) -> Shape:
    try:
        channels, height, width = (int(part) for part in text.lower().replace("×", "x").split("x"))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not CxHxW, as in 3x224x224") from None
    return channels, height, width


def _moments(text: str) -> "list[When]":
    try:
        return ["end" if each == "end" else _whole(each) for each in text.split(",")]
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not as 0,1,10,end") from None


def _seeds(text: str) -> list[int]:
    try:
        return [_whole(each) for each in text.split(",")]
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not as 0,1,2") from None


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(text)
    return int(text)


def _names(text: str) -> list[str]:
    return text.split(",")


NetworkName = Annotated[
    str,
    typer.Argument(
        metavar="NETWORK",
        help="A name of `atalho list`, timm:NAME, torchvision:NAME or FILE.py:FUNCTION.",
    ),
]
NetworkNames = Annotated[list[str] | None, typer.Argument(metavar="NETWORK...", show_default=False)]
RunOrNetwork = Annotated[
    str,
    typer.Argument(
        metavar="RUN|NETWORK", help="A finished run's folder, or a name with --weights."
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(help="A published name as tv_in1k, a file, or a folder with config.json."),
]
Input = Annotated[
    Any,
    typer.Option(parser=_input_shape, metavar="CxHxW", help="Input; the paper's unless given."),
]
NumClasses = Annotated[int | None, typer.Option(min=1, help="Classes; the paper's unless given.")]
FormatOption = Annotated[Format, typer.Option("--format", help="How the answer is printed.")]
DataDir = Annotated[
    Path, typer.Option(help="Where data sets are kept and downloaded to.", envvar="ATALHO_DATA")
]
RecipeName = Annotated[
    str | None,
    typer.Option("--recipe", help="A paper's recipe, finetune or quick; by the data unless given."),
]
BatchSize = Annotated[int | None, typer.Option("-b", "--batch-size", min=1)]
BatchSizes = Annotated[
    list[int], typer.Option("-b", "--batch-size", min=1, help="May be given several times.")
]
Epochs = Annotated[float | None, typer.Option(min=0.01, help="Length in epochs.")]
Steps = Annotated[int | None, typer.Option(min=1, help="Length in iterations.")]
Seed = Annotated[int, typer.Option(min=0)]
DeviceName = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]
PrecisionName = Annotated[str, typer.Option("--precision", help="float32 or bf16.")]
Threads = Annotated[
    int | None, typer.Option("-t", "--threads", min=1, help="Processor threads; all unless given.")
]
DATA_DIR = Path("data")
Crops = Literal["1", "10", "144", "full"]
BadImages = Literal["error", "skip"]
Optimiser = Literal["sgd", "adamw"]
Target = Literal["onnx", "safetensors", "torchvision", "timm", "pt2"]


def _version(wanted: bool) -> None:
    if wanted:
        print(f"atalho {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    pass


@app.command("list")
def list_networks(
    pattern: Annotated[str, typer.Argument(help="As in resnet*, or a part of a name.")] = "*",
    format: FormatOption = Format.TABLE,
) -> None:
    """The catalogue: parameters, multiply-accumulates, depth, input, year, source and published weights."""
    from atalho.cost import network_depth, totals
    from atalho.networks import CATALOGUE, get
    from atalho.published import PUBLISHED

    names = [name for name in CATALOGUE if fnmatch(name, pattern) or pattern in name]
    if not names:
        get(pattern)  # says which names are near
    rows: list[dict[str, Any]] = []
    for name in names:
        network = get(name)
        cost = totals(network)
        rows.append(
            {
                "network": name,
                "params": cost.params,
                "macs": cost.macs,
                "depth": network_depth(network),
                "input": list(network.input),
                "year": network.source.year,
                "source": network.source.authors,
                "weights": list(PUBLISHED.get(name, ())),
                "changes": network.changes,
            }
        )
    if format is Format.JSON:
        screen.show_json(rows)
        return
    for row in rows:
        row["input"] = screen.shape(row["input"])
        row["weights"] = ", ".join(row["weights"])
        if format is Format.TABLE:
            row["source"] = f"{row['source']} {row.pop('year')}"
            del row["changes"]  # wider than a terminal, and `show` has it
    screen.show(rows, format, scaled={"params": "", "macs": ""})


@app.command()
def show(
    network: NetworkName,
    input: Input = None,
    num_classes: NumClasses = None,
    cost: Annotated[
        bool, typer.Option("--cost", help="Receptive field, operations and bytes of every row.")
    ] = False,
    dtype: Annotated[
        Dtype | None, typer.Option(help="Of the bytes, float32 unless given; implies --cost.")
    ] = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """The paper's table, recomputed row by row beside what the paper printed; or the cost of every row."""
    from atalho import breakdown, describe, foreign, subjects

    found = subjects.get(network, input=input, num_classes=num_classes)
    if isinstance(found, foreign.Foreign):
        counted = foreign.document(found)
        if format is Format.JSON:
            screen.show_json(counted)
        else:
            screen.show(screen.foreign_rows(counted), format, title=found.name)
        return
    kept = dtype or Dtype.FLOAT32
    title = f"{found.name}: {found.source}"
    if format is Format.JSON:
        screen.show_json(describe.document(found, kept))
    elif cost or dtype:
        screen.show(
            breakdown.table(found, kept),
            format,
            title=title,
            notes=breakdown.notes(found, kept),
            scaled=breakdown.UNITS,
        )
    else:
        screen.show(describe.table(found), format, title=title, notes=describe.notes(found))


@app.command()
def inception(
    input: Annotated[Any, typer.Argument(parser=_input_shape, metavar="CxHxW", show_default=False)],
    conv1x1: Annotated[int, typer.Argument(metavar="#1x1", min=1, show_default=False)],
    reduce3x3: Annotated[int, typer.Argument(metavar="#3x3reduce", min=1, show_default=False)],
    conv3x3: Annotated[int, typer.Argument(metavar="#3x3", min=1, show_default=False)],
    reduce5x5: Annotated[int, typer.Argument(metavar="#5x5reduce", min=1, show_default=False)],
    conv5x5: Annotated[int, typer.Argument(metavar="#5x5", min=1, show_default=False)],
    pool_proj: Annotated[int, typer.Argument(metavar="pool", min=1, show_default=False)],
    format: FormatOption = Format.TABLE,
) -> None:
    """One Inception module, each branch with and without its 1x1 reduction; the numbers as in GoogLeNet's Table 1.

    Module 4a is `atalho inception 480x14x14 192 96 208 16 48 64`.
    """
    from atalho import inception as module
    from atalho.networks.googlenet import Filters

    filters = Filters(conv1x1, reduce3x3, conv3x3, reduce5x5, conv5x5, pool_proj)
    if format is Format.JSON:
        screen.show_json(module.document(input, filters))
        return
    title = f"Inception module with {', '.join(map(str, filters))} filters"
    screen.show(
        module.table(input, filters), format, title=title, notes=module.notes(input, filters)
    )


@app.command()
def train(
    network: NetworkName,
    data: Annotated[
        str, typer.Option("--data", help="digits, cifar10, cifar100, or a folder of photos.")
    ] = "digits",
    data_dir: DataDir = DATA_DIR,
    bad_images: Annotated[
        BadImages, typer.Option(help="What is done about photos that cannot be read.")
    ] = "error",
    img_size: Annotated[
        int | None, typer.Option(min=1, help="Side of the input for photos; the paper's if absent.")
    ] = None,
    recipe: RecipeName = None,
    weights: Weights = None,
    new_head: Annotated[
        bool | None,
        typer.Option(
            "--new-head/--keep-head",
            help="Draw the classifier of --weights anew; finetune does, for other classes.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="The run's folder; for --seeds, of their folders.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run stopped.")] = False,
    allow_inexact: Annotated[
        bool, typer.Option("--allow-inexact", help="Resume though the bits may differ.")
    ] = False,
    epochs: Epochs = None,
    steps: Steps = None,
    batch_size: BatchSize = None,
    opt: Annotated[Optimiser | None, typer.Option(help="The optimiser.")] = None,
    lr: Annotated[float | None, typer.Option(min=0.0)] = None,
    momentum: Annotated[float | None, typer.Option(min=0.0, max=1.0)] = None,
    weight_decay: Annotated[float | None, typer.Option(min=0.0)] = None,
    auxiliary_weight: Annotated[
        float | None, typer.Option(min=0.0, help="Of each auxiliary head's loss.")
    ] = None,
    hold_out: Annotated[
        bool | None,
        typer.Option(help="Keep the validation split out of training; the recipe's if absent."),
    ] = None,
    seed: Seed = 0,
    seeds: Annotated[
        Any,
        typer.Option(parser=_seeds, metavar="N,N,…", help="Several seeds, a run each."),
    ] = None,
    device: DeviceName = "auto",
    precision: Annotated[
        str, typer.Option(help="float32, bf16, or auto: the fastest on this device, which it says.")
    ] = "auto",
    threads: Threads = None,
    workers: Annotated[
        int | None, typer.Option("-j", "--workers", min=1, help="Threads that decode photos.")
    ] = None,
    grad_accum_steps: Annotated[
        int, typer.Option(min=1, help="Parts that a batch is computed in, to save memory.")
    ] = 1,
    sync_bn: Annotated[
        bool, typer.Option("--sync-bn", help="BatchNorm over the images of all processes.")
    ] = False,
    compile: Annotated[
        bool, typer.Option("--compile", help="Compile the network first (torch.compile).")
    ] = False,
    save_every: Annotated[
        float, typer.Option(min=0.0, help="Seconds between checkpoints: what a crash can cost.")
    ] = 60.0,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Curves for TensorBoard too, in the run's folder.")
    ] = False,
) -> None:
    """Train a network on data by a recipe, into a run folder.

    Under torchrun its processes share every batch: torchrun --nproc-per-node 2 -m atalho train NETWORK.
    """
    overrides = {
        "batch_size": batch_size,
        "optimiser": opt,
        "lr": lr,
        "momentum": momentum,
        "weight_decay": weight_decay,
        "auxiliary_weight": auxiliary_weight,
        "with_validation": None if hold_out is None else not hold_out,
        **_length(epochs, steps),
    }
    if new_head is not None and not weights:
        raise typer.BadParameter("it goes with --weights", param_hint="--new-head")
    from atalho import recipes, subjects

    subjects.check_name(network)
    if recipe:
        recipes.known(recipe)
    from atalho import seeds as several
    from atalho import world
    from atalho.arguments import Arguments
    from atalho.data import DATASETS
    from atalho.train import Stopped

    if img_size and data in DATASETS:
        raise typer.BadParameter("it goes with a folder of photos", param_hint="--img-size")
    machine = _device(device, threads)
    chosen, why = _training_precision(precision, machine)
    with world.joined(machine) as place, ExitStack() as stack:
        say = screen.say if place.main else _silent
        start = _trained(network, weights, None) if weights else None
        framing = None if data in DATASETS else _framing(network, start, img_size)

        def load() -> "Dataset":
            return _load(data, data_dir, framing=framing, bad_images=bad_images)

        dataset = place.first_here(load)
        if start:
            network = start.network.name  # the variant that the weights belong to
            if new_head is None:
                other = tuple(start.classes) != dataset.classes
                new_head = other and recipe in (None, "finetune")
        subject = subjects.for_data(network, dataset)
        named = recipe or ("finetune" if start else recipes.default(data))
        resolved = _recipe(named, overrides)(subjects.facts(subject))
        arguments = Arguments(
            network,
            resolved,
            seed,
            machine,
            chosen,
            start=start,
            new_head=bool(new_head),
            parts=grad_accum_steps,
            sync_bn=sync_bn,
            compiled=compile,
            workers=workers,
            save_every=save_every,
            world=place,
        )

        def folder(number: int) -> Path:
            if output:
                return output / f"seed-{number}" if seeds else output
            name = f"{network}-{dataset.name}-{resolved.name}-{number}"
            return Path("runs") / name.replace("/", "_")

        options: dict[str, Any] = {
            "resume": resume or world.restarted(),
            "ready": lambda: say(f"{resolved.name} ({resolved.source}); precision {chosen}{why}"),
            "warn": say,
        }
        if place.main:
            options["report"] = stack.enter_context(screen.TrainingProgress(network))
        try:
            found = several.execute(
                arguments,
                seeds or [seed],
                dataset,
                folder,
                tensorboard=tensorboard,
                allow_inexact=allow_inexact,
                **options,
            )
        except Stopped as stopped:
            say(f"{stopped}; the same command goes on with --resume")
            raise typer.Exit(stopped.exit) from None
    if place.main:
        screen.say(f"runs kept in {', '.join(str(folder(each)) for each in seeds or [seed])}")
        print(f"{network} on {dataset.name}: {several.summary(found)}")


@app.command()
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
    trained = _trained(network, weights, num_classes)
    from atalho import evaluate as evaluating
    from atalho.data import DATASETS
    from atalho.trained import Inference

    machine = _device(device, threads)
    inference = Inference(machine, _precision(precision), batch_size)
    if data not in DATASETS and Path(data).is_dir():
        framing, run = trained.framing, Path(weights or network)
        load = partial(_load, data, data_dir, framing=framing, bad_images="skip")
        folder, split = evaluating.choose(Path(data), split, run, load, screen.say)
        with screen.ImageProgress(trained.network.name) as progress:
            found = evaluating.on_folder(
                trained.to(machine), folder, inference, progress, crops, split
            )
    else:
        found = evaluating.on_dataset(
            trained.to(machine), _load(data, data_dir), split or "test", inference, crops
        )
    if format is Format.JSON:
        screen.show_json(found.document())
    else:
        screen.show(found.rows(), format, title=found.title())
    _fail_with(found.unreadable)


@app.command()
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
    trained = _trained(network, weights, num_classes)
    from atalho import predict as predicting
    from atalho.trained import Inference

    machine = _device(device, threads)
    inference = Inference(machine, _precision(precision), batch_size)
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


def _append(path: Path, records: "Sequence[Record]") -> None:
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


def _fail_with(errors: Sequence[AtalhoError]) -> None:
    """Says what failed beside what was answered."""
    for error in errors:
        screen.say(str(error))
    if errors:
        raise typer.Exit(errors[0].exit)


@app.command()
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
    trained = _trained(network, weights, num_classes)
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
        asked = images.of_dataset(trained, _load(compared_on, data_dir))
    found = exporting.export(trained, to, output, asked)
    measured = exporting.records(trained, to, found, data=compared_on)
    if records:
        _append(records, measured)
    if format is Format.JSON:
        screen.show_json([asdict(each) for each in measured])
    else:
        screen.show([screen.export_row(trained.network.name, to, output, found)], format)
    screen.say(f"read it by {exporting.FORMATS[to].usage(trained, output)}")


@app.command()
def bench(
    networks: Annotated[list[str], typer.Argument(metavar="NETWORK...")],
    input: Input = None,
    num_classes: NumClasses = None,
    batch_size: BatchSizes = [1, 16],  # noqa: B006 (typer copies it)
    device: DeviceName = "auto",
    precision: PrecisionName = "float32",
    threads: Threads = None,
    output: Annotated[Path | None, typer.Option("-o", help="Add the records to a file.")] = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Latency, throughput and peak memory by batch size, with parameters and multiply-accumulates."""
    from atalho import subjects

    tables = [subjects.get(name, input=input, num_classes=num_classes) for name in networks]
    from atalho import compare as comparing

    machine = _device(device, threads)
    measured = []
    for table in tables:
        for step in comparing.machine_steps(table, batch_size, machine, _precision(precision)):
            screen.say(f"{step.subject}: {step.name}")
            measured += list(step.measure())
    if output:
        _append(output, measured)
    if format is Format.JSON:
        screen.show_json([asdict(each) for each in measured])
        return
    screen.show(screen.bench_rows(measured), format)


@app.command()
def compare(
    networks: NetworkNames = None,
    data: Annotated[
        str, typer.Option("--data", help="digits, cifar10, cifar100, or none for no training.")
    ] = "digits",
    data_dir: DataDir = DATA_DIR,
    recipe: RecipeName = None,
    output: Annotated[Path, typer.Option(help="The comparison's folder.")] = Path("comparison"),
    epochs: Epochs = None,
    steps: Steps = None,
    batch_size: BatchSizes = [1, 32],  # noqa: B006 (typer copies it)
    seed: Seed = 0,
    device: DeviceName = "auto",
    precision: PrecisionName = "float32",
    threads: Threads = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Cost, training, accuracy, latency and memory of several networks, and the page that shows them.

    Without names: plain and residual networks of 20 and 56 layers and a small GoogLeNet, on real handwritten digits.
    What the folder holds already is not measured again.
    """
    from atalho import subjects

    for name in networks or ():
        subjects.check_name(name)
    from atalho import compare as comparing
    from atalho.choice import comparison
    from atalho.recipes import default
    from atalho.train import Stopped

    machine = _device(device, threads)
    wanted = comparing.Comparison(
        networks=networks or comparing.DEMONSTRATION,
        data=None if data == "none" else _load(data, data_dir),
        recipe=_recipe(recipe or default(data), _length(epochs, steps)),
        batches=batch_size,
        seed=seed,
        device=machine,
        precision=_precision(precision),
    )
    with screen.TrainingProgress("training") as progress:
        try:
            records = comparing.compare(wanted, output, say=progress.say, report=progress)
        except Stopped as stopped:
            screen.say(f"{stopped}; the same command goes on")
            raise typer.Exit(stopped.exit) from None
    page = _publish(records, output / "report.html")
    if format is Format.JSON:
        screen.show_json([asdict(each) for each in records])
        return
    screen.show(screen.comparison_rows(comparison(records)), format)
    screen.say(page)


@app.command()
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
            parser=_moments,
            metavar="MOMENTS",
            help="Steps of the recipe's run, as in 0,1,10,100,end; end is a finished run's.",
        ),
    ] = "0",
    seeds: Annotated[Any, typer.Option(parser=_seeds, metavar="SEEDS", help="As in 0,1,2.")] = "0",
    measure: Annotated[
        Any,
        typer.Option(
            parser=_names,
            metavar="MEASURES",
            help="Of flow, responses, shattering; and of paths, lesions, surface, which take minutes.",
        ),
    ] = "flow,responses,shattering",
    recipe: RecipeName = None,
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
    from atalho import subjects

    for name in networks:
        subjects.check_name(name)
    from atalho import diagnose as diagnosing
    from atalho.recipes import default

    wanted = diagnosing.Diagnosis(
        networks=networks,
        data=None if data == "none" else _load(data, data_dir),
        recipe=_recipe(recipe or default(data), {}),
        moments=at,
        seeds=seeds,
        measures=measure,
        batch=batch_size,
        runs=runs,
        device=_device(device, threads),
    )
    records = diagnosing.diagnose(wanted, output, say=screen.say)
    if format is Format.JSON:
        screen.show_json([asdict(each) for each in records])
    else:
        screen.show(screen.diagnosis_rows(records), format)


@app.command()
def report(
    records: Annotated[
        list[Path], typer.Argument(metavar="RECORDS...", help="Files of records, one or more.")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The page; charts/ and summary.csv go beside it.")
    ] = Path("report.html"),
) -> None:
    """The page again, from records alone, with charts/ and summary.csv beside it."""
    from atalho import record

    screen.say(_publish([each for file in records for each in record.read(file)], output))


def _publish(records: "Sequence[Record]", page: Path) -> str:
    """Writes the page, with a drawing of each network of the catalogue, and answers its address."""
    from atalho.draw import draw
    from atalho.networks import CATALOGUE, get
    from atalho.report import write_report

    drawings = {
        each.subject: draw([get(each.subject, input=tuple(each.conditions["input"]))])
        for each in records
        if each.quantity == "params" and each.subject in CATALOGUE
    }
    diagnosed = {
        each.subject: tuple(each.conditions["input"])
        for each in records
        if each.quantity == "gradient_norm" and each.subject in CATALOGUE
    }
    by_row = {
        name: draw([get(name, input=shape)], expand=True) for name, shape in diagnosed.items()
    }
    write_report(records, page, drawings=drawings, by_row=by_row)
    return page.resolve().as_uri()


@app.command()
def draw(
    networks: Annotated[list[str], typer.Argument(metavar="NETWORK...")],
    output: Annotated[Path, typer.Option("-o", "--output", help="A file, .svg or .png.")],
    row: Annotated[str | None, typer.Option(help="One row of each network alone.")] = None,
    input: Input = None,
    num_classes: NumClasses = None,
    expand: Annotated[bool, typer.Option("--expand", help="Draw repeated rows too.")] = False,
) -> None:
    """Networks side by side as their papers draw them, from their tables alone."""
    from atalho import draw as drawing
    from atalho import networks as catalogue

    tables = [catalogue.get(name, input=input, num_classes=num_classes) for name in networks]
    drawing.write(drawing.draw(tables, row=row, expand=expand), output)


@app.command()
def verify(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID...", help="As in L24; all unless given.")
    ] = None,
    records: Annotated[
        Path | None, typer.Option(help="A folder with records, for what was trained or measured.")
    ] = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Every claim of the sources with its verdict; exit 1 when one is not the verdict recorded beside the claim."""
    from atalho import claims, record

    files = sorted(records.rglob("*.jsonl")) if records else []
    found = claims.verify(ids or (), [each for file in files for each in record.read(file)])
    rows = [finding.to_dict() for finding in found]
    if format is Format.JSON:
        screen.show_json(rows)
    elif format is Format.TABLE:
        screen.show_findings(rows)
    else:
        screen.show(rows, format)
    unexpected = [finding.claim.id for finding in found if not finding.as_recorded]
    if unexpected:
        screen.say(f"the verdict has changed for {', '.join(unexpected)}")
        raise typer.Exit(Exit.CHECK_FAILED)


def _length(epochs: float | None, steps: int | None) -> dict[str, Any]:
    """A recipe's length, where flags give it."""
    if epochs is not None and steps is not None:
        raise typer.BadParameter("the length is given in epochs or in steps", param_hint="--steps")
    if epochs is None and steps is None:
        return {}
    return {"epochs": epochs, "steps": steps}


def _recipe(name: str, overrides: dict[str, Any]) -> "Callable[[Facts], Recipe]":
    """The recipe by name, with what flags override."""
    from atalho import recipes

    given = {key: value for key, value in overrides.items() if value is not None}
    if "epochs" in overrides:
        given |= {key: overrides[key] for key in ("epochs", "steps")}

    def resolved(network: "Facts") -> "Recipe":
        found = replace(recipes.get(name, network), **given)
        if found.with_validation and found.chooses:
            cause = f"{name} chooses by the validation split"
            raise typer.BadParameter(cause, param_hint="--no-hold-out")
        return found

    return resolved


def _trained(name: str, weights: str | None, num_classes: int | None) -> "Trained":
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
        from atalho import run

        return run.load(Path(name))
    from atalho import subjects

    subjects.check_name(name)
    from atalho import pretrained

    return pretrained.load(
        name, weights, num_classes=num_classes, progress=sys.stderr.isatty(), say=screen.say
    )


def _load(
    name: str,
    data_dir: Path,
    *,
    framing: "Framing | None" = None,
    bad_images: BadImages = "error",
) -> "Dataset":
    from atalho import data

    kind = screen.DownloadProgress if name in data.DATASETS else screen.ImageProgress
    with kind(printable(name)) as progress:
        return data.load(
            name, data_dir, progress, framing=framing, bad_images=bad_images, warn=progress.say
        )


def _framing(network: str, start: "Trained | None", side: int | None) -> "Framing":
    """How photos are brought to a network's input: as its weights were, where it has some."""
    from atalho import subjects
    from atalho.image import Framing

    framing = start.framing if start else Framing(subjects.get(network).input)
    channels, *_ = framing.input
    return replace(framing, input=(channels, side, side)) if side else framing


def _device(name: str, threads: int | None) -> "torch.device":
    """The device by name, with the processor's threads set."""
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda":
        name = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"  # torchrun's: each process has a GPU
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
        if device.type == "cuda":
            torch.cuda.set_device(device)
    except (RuntimeError, AssertionError) as error:
        raise AtalhoError(
            "DEVICE",
            name,
            f"cannot be used ({str(error).splitlines()[0]})",
            next_step="--device cpu",
            exit=Exit.RESOURCES,
        ) from error
    return device


def _precision(name: str) -> "Precision":
    if name == "float32":
        return "float32"
    if name == "bf16":
        return "bf16"
    raise typer.BadParameter(f"{name!r} is neither float32 nor bf16", param_hint="--precision")


def _training_precision(name: str, device: "torch.device") -> tuple["Precision", str]:
    """The precision, and why it was chosen where nobody named it."""
    if name != "auto":
        return _precision(name), ""
    from atalho.precision import fastest

    chosen, why = fastest(device)
    return chosen, f": {why}"


def _silent(message: str) -> None:
    """What processes beside the main one say."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; every failure is one line on standard error and a documented exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    try:
        answer = app([each for each in given if each != "--debug"], standalone_mode=False)
        return answer if isinstance(answer, int) else Exit.DONE
    except AtalhoError as error:
        if debug:
            raise
        screen.say(str(error))
        return error.exit
    except typer.TyperException as error:
        if debug:
            raise
        where = getattr(error, "ctx", None)
        command = where.command_path if where else "atalho"
        cause = printable(error.format_message()).rstrip(".")
        screen.say(f"error[USAGE] {command}: {cause}. Next: {command} --help")
        return Exit.USAGE
    except (typer.Abort, KeyboardInterrupt):
        return Exit.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader has left; there is nobody to tell
        return Exit.DONE
