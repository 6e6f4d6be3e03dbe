"""The commands that train, and that check a training: train and audit."""

from pathlib import Path
from typing import Annotated, Any, Literal

import click

import atalho
from atalho.cli import completing
from atalho.cli.declaring import Argument, Option
from atalho.cli.options import (
    DATA_DIR,
    BadPhotos,
    BatchSize,
    ClassWeights,
    CopiesOption,
    DataDir,
    DeviceName,
    Epochs,
    FromScratch,
    HoldOut,
    ImgSize,
    Mirror,
    NetworkName,
    Optimiser,
    RecipeName,
    Seed,
    Steps,
    Threads,
    Weights,
    seed_list,
)
from atalho.cli.progress import say, screen
from atalho.cli.stopping import resumable
from atalho.errors import Exit
from atalho.runtime.precision import Precision

Workers = Annotated[
    int | None, Option("-j", "--workers", min=1, help="Threads that decode photos.")
]


def train(
    network: NetworkName,
    data: Annotated[
        str,
        Option(
            "--data",
            complete=completing.data_sets,
            help="digits, cifar10, cifar100, or a folder of photos.",
        ),
    ] = "digits",
    data_dir: DataDir = DATA_DIR,
    bad_images: BadPhotos = "error",
    copies: CopiesOption = "similar",
    img_size: ImgSize = None,
    recipe: RecipeName = None,
    weights: Weights = None,
    from_scratch: FromScratch = False,
    new_head: Annotated[
        bool | None,
        Option(
            "--new-head/--keep-head",
            help="Draw the classifier of --weights anew; unless given only for other classes.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        Option(help="The run's folder; with --seeds the folder of the runs' folders."),
    ] = None,
    resume: Annotated[bool, Option("--resume", help="Continue where the run stopped.")] = False,
    allow_inexact: Annotated[
        bool, Option("--allow-inexact", help="Resume though the bits may differ.")
    ] = False,
    epochs: Epochs = None,
    steps: Steps = None,
    batch_size: BatchSize = None,
    opt: Annotated[Optimiser | None, Option(help="The optimiser.")] = None,
    lr: Annotated[float | None, Option(min=0.0)] = None,
    momentum: Annotated[float | None, Option(min=0.0, max=1.0)] = None,
    weight_decay: Annotated[float | None, Option(min=0.0)] = None,
    auxiliary_weight: Annotated[
        float | None, Option(min=0.0, help="Of each auxiliary head's loss.")
    ] = None,
    hold_out: HoldOut = None,
    class_weights: ClassWeights = False,
    mirror: Mirror = True,
    seed: Seed = 0,
    seeds: Annotated[
        Any,
        Option(parser=seed_list, metavar="N,N,…", help="Several seeds, with a run for each."),
    ] = None,
    device: DeviceName = "auto",
    precision: Annotated[
        Literal["auto", Precision],
        Option(help="Of training and tests; auto: the fastest, timed in long runs."),
    ] = "auto",
    threads: Threads = None,
    workers: Workers = None,
    grad_accum_steps: Annotated[
        int, Option(min=1, help="Parts that a batch is computed in, to save memory.")
    ] = 1,
    sync_bn: Annotated[
        bool,
        Option("--sync-bn", help="BatchNorm's statistics over the images of all processes."),
    ] = False,
    compile: Annotated[
        bool, Option("--compile", help="Compile the network first (torch.compile).")
    ] = False,
    save_every: Annotated[
        float,
        Option(min=0.0, help="Seconds between checkpoints, the most that a crash can lose."),
    ] = 60.0,
    keep_every: Annotated[
        int | None,
        Option(
            min=1,
            metavar="STEPS",
            help="Keep a checkpoint every so many steps for good, for `atalho audit`.",
        ),
    ] = None,
    tensorboard: Annotated[
        bool, Option("--tensorboard", help="Curves for TensorBoard too, in the run's folder.")
    ] = False,
    probe: Annotated[
        int | None,
        Option(
            min=1,
            metavar="STEPS",
            help="Measure gradients and responses every so many steps, into the run's probe.jsonl.",
        ),
    ] = None,
) -> None:
    """Train a network on data by a recipe, into a run folder.

    Under torchrun several processes share every batch: torchrun --nproc-per-node 2 --no-python atalho train NETWORK.
    """
    with resumable("the same command goes on with --resume"):
        runs = atalho.train(
            network,
            data,
            data_dir=data_dir,
            bad_images=bad_images,
            copies=copies,
            img_size=img_size,
            recipe=recipe,
            weights=weights,
            from_scratch=from_scratch,
            new_head=new_head,
            output=output,
            resume=resume,
            allow_inexact=allow_inexact,
            epochs=epochs,
            steps=steps,
            batch_size=batch_size,
            opt=opt,
            lr=lr,
            momentum=momentum,
            weight_decay=weight_decay,
            auxiliary_weight=auxiliary_weight,
            hold_out=hold_out,
            class_weights=class_weights,
            mirror=mirror,
            seed=seed,
            seeds=seeds or (),
            device=device,
            precision=precision,
            threads=threads,
            workers=workers,
            grad_accum_steps=grad_accum_steps,
            sync_bn=sync_bn,
            compile=compile,
            save_every=save_every,
            keep_every=keep_every,
            tensorboard=tensorboard,
            probe=probe,
            reporter=screen(),
        )
    if runs.main:
        say(f"runs kept in {', '.join(map(str, runs.folders))}")
        print(runs)


def audit(
    run: Annotated[
        Path,
        Argument(
            metavar="RUN", complete=completing.runs, help="The folder of a run with --keep-every."
        ),
    ],
    spans: Annotated[int, Option(min=1, help="How many spans are replayed.")] = 3,
    steps: Annotated[int, Option(min=1, help="The least length of a span.")] = 20,
    data: Annotated[
        str | None,
        Option(
            complete=completing.data_sets,
            help="Where the run's photos are now; its own data unless given.",
        ),
    ] = None,
    data_dir: DataDir = DATA_DIR,
    seed: Annotated[
        int | None,
        Option(min=0, help="Of the choice of spans; another every time if absent."),
    ] = None,
    workers: Workers = None,
) -> None:
    """Replay random spans between a run's kept checkpoints, and compare every bit; exit code 1 where one differs.

    It takes the run's own device, threads and precision. Where the machine or the versions are others, it says so: exit 6.
    """
    with resumable("nothing was changed"):
        audited = atalho.audit(
            run,
            spans=spans,
            steps=steps,
            data=data,
            data_dir=data_dir,
            seed=seed,
            workers=workers,
            reporter=screen(),
        )
    print(audited)
    if not audited.holds:
        raise click.exceptions.Exit(Exit.CHECK_FAILED)
