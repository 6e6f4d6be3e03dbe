"""The command that trains: train."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from atalho.cli.options import (
    DATA_DIR,
    BadPhotos,
    BatchSize,
    CopiesOption,
    DataDir,
    DeviceName,
    Epochs,
    HoldOut,
    ImgSize,
    NetworkName,
    Optimiser,
    RecipeName,
    Seed,
    Steps,
    Threads,
    Weights,
    seed_list,
)
from atalho.cli.progress import TrainingProgress, say
from atalho.cli.resolved import (
    load_data,
    trained_network,
    training_precision,
)
from atalho.files import safe_name
from atalho.runtime.device import resolve_device
from atalho.runtime.precision import Precision


def train(
    network: NetworkName,
    data: Annotated[
        str, typer.Option("--data", help="digits, cifar10, cifar100, or a folder of photos.")
    ] = "digits",
    data_dir: DataDir = DATA_DIR,
    bad_images: BadPhotos = "error",
    copies: CopiesOption = "similar",
    img_size: ImgSize = None,
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
    hold_out: HoldOut = None,
    seed: Seed = 0,
    seeds: Annotated[
        Any,
        typer.Option(parser=seed_list, metavar="N,N,…", help="Several seeds, a run each."),
    ] = None,
    device: DeviceName = "auto",
    precision: Annotated[
        Literal["auto", Precision],
        typer.Option(
            help="Of training and tests; auto: the fastest on this device, which it says."
        ),
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
    probe: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="STEPS",
            help="Every so many steps gradient norms and responses, into the run's probe.jsonl.",
        ),
    ] = None,
) -> None:
    """Train a network on data by a recipe, into a run folder.

    Under torchrun its processes share every batch: torchrun --nproc-per-node 2 --no-python atalho train NETWORK.
    """
    from atalho.recipes.changes import RecipeChanges
    from atalho.training.resolution import Request, framing, resolve

    changes = RecipeChanges(
        batch_size=batch_size,
        optimiser=opt,
        lr=lr,
        momentum=momentum,
        weight_decay=weight_decay,
        auxiliary_weight=auxiliary_weight,
        epochs=epochs,
        steps=steps,
        hold_out=hold_out,
    )
    request = Request(network, data, weights, recipe, changes, new_head, img_size, seed)
    if probe and weights:
        cause = "it looks at networks that are drawn anew, and goes without --weights"
        raise typer.BadParameter(cause, param_hint="--probe")
    from atalho.networks.subjects import folder_name
    from atalho.runtime import world
    from atalho.training import seeds as several
    from atalho.training.loop import Stopped

    machine = resolve_device(device, threads)
    chosen, why = training_precision(precision, machine)
    with world.joined(machine.torch) as place, ExitStack() as stack:
        tell = say if place.main else _silent
        start = trained_network(network, weights, None) if weights else None
        seen = [framing(request, start)] if request.photos else []
        dataset = place.first_here(
            lambda: load_data(data, data_dir, framings=seen, bad_images=bad_images, copies=copies)
        )
        resolved = resolve(request, dataset, start, machine, chosen)
        arguments = replace(
            resolved.arguments,
            parts=grad_accum_steps,
            sync_bn=sync_bn,
            compiled=compile,
            workers=workers,
            save_every=save_every,
            probe=probe,
            world=place,
        )
        name, used = arguments.network, arguments.recipe

        def folder(number: int) -> Path:
            if output:
                return output / f"seed-{number}" if seeds else output
            names = folder_name(name), safe_name(dataset.name), used.name
            return Path("runs") / "-".join((*names, str(number)))

        options: dict[str, Any] = {
            "resume": resume or world.restarted(),
            "ready": lambda: tell(f"{used.name} ({used.source}); precision {chosen}{why}"),
            "warn": tell,
        }
        if place.main:
            options["report"] = stack.enter_context(TrainingProgress(name))
        try:
            found = several.execute(
                arguments,
                seeds or [seed],
                resolved.data or dataset,
                folder,
                tensorboard=tensorboard,
                allow_inexact=allow_inexact,
                **options,
            )
        except Stopped as stopped:
            tell(f"{stopped}; the same command goes on with --resume")
            raise typer.Exit(stopped.exit) from None
    if place.main:
        say(f"runs kept in {', '.join(str(folder(each)) for each in seeds or [seed])}")
        print(f"{name} on {dataset.name}: {several.summary(found)}")


def _silent(message: str) -> None:
    """What processes beside the main one say."""
