"""Trains networks on data by a recipe, into run folders."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from atalho.api.loading import (
    DATA_DIR,
    BadImages,
    Copies,
    begins_from,
    load,
    load_data,
    say_scratch,
    training_precision,
)
from atalho.api.reporting import QUIET, Reporter
from atalho.errors import Stopped, printable, wrong_option
from atalho.files import safe_name
from atalho.recipes.recipe import Optimiser
from atalho.record import Record
from atalho.runtime.device import resolve_device
from atalho.runtime.precision import Precision


@dataclass(frozen=True)
class Runs:
    """Finished training runs of one network, one for each seed.

    Args:
        folders: of the runs, for `load`, `evaluate` and `predict`.
        tested: each run's top-1 accuracy on the test split, as a record.
        main: whether this process reports the result, of several that trained together.
    """

    network: str
    data: str
    folders: tuple[Path, ...]
    tested: tuple[Record, ...]
    main: bool = True

    def __str__(self) -> str:
        """`resnet20 on digits: test top-1 91.20 % …`: one seed with its interval, several with mean and standard deviation."""
        from atalho.training import seeds

        return f"{self.network} on {self.data}: {seeds.summary(self.tested)}"


def train(
    network: str,
    data: str = "digits",
    *,
    data_dir: str | Path = DATA_DIR,
    bad_images: BadImages = "error",
    copies: Copies = "similar",
    img_size: int | None = None,
    recipe: str | None = None,
    weights: str | Path | None = None,
    from_scratch: bool = False,
    new_head: bool | None = None,
    output: str | Path | None = None,
    resume: bool = False,
    allow_inexact: bool = False,
    epochs: float | None = None,
    steps: int | None = None,
    batch_size: int | None = None,
    opt: Optimiser | None = None,
    lr: float | None = None,
    momentum: float | None = None,
    weight_decay: float | None = None,
    auxiliary_weight: float | None = None,
    hold_out: bool | None = None,
    class_weights: bool = False,
    mirror: bool = True,
    seed: int = 0,
    seeds: Sequence[int] = (),
    device: str = "auto",
    precision: Literal["auto", Precision] = "auto",
    threads: int | None = None,
    workers: int | None = None,
    grad_accum_steps: int = 1,
    sync_bn: bool = False,
    compile: bool = False,
    save_every: float = 60.0,
    keep_every: int | None = None,
    tensorboard: bool = False,
    probe: int | None = None,
    reporter: Reporter = QUIET,
) -> Runs:
    """Trains a network on data by a recipe, into a run folder.

    Args:
        network: as `network` takes it.
        data: digits, cifar10, cifar100, or a folder of photos as CLASS/image.
        data_dir: where data sets are kept and downloaded to.
        bad_images: whether photos that cannot be read are an `error` or are left out (`skip`).
        copies: which photos stay in one split when a folder is divided: `exact`, equal files; `similar`, also photos that look
            alike; `off`, none.
        img_size: side of the input for photos, in pixels; the weights' or the paper's unless given.
        recipe: a paper's recipe, finetune, linear or quick; by the data unless given, and finetune with `weights`.
        from_scratch: whether all weights are drawn, though the data are photos and there are published weights.
        weights: to begin from: a published name as `tv_in1k`, a file, or a folder with config.json.
        new_head: whether their classifier is drawn anew; unless given only if the data have other classes.
        output: the run's folder, or with `seeds` the folder that holds a folder for each; below `runs` unless given.
        resume: whether a run in the folder is continued; a finished one is only read.
        allow_inexact: whether it is continued though its bits may differ.
        epochs, steps: the length, as one of the two; the recipe's unless given.
        batch_size, opt, lr, momentum, weight_decay, auxiliary_weight: in place of the recipe's.
        hold_out: whether the validation split is kept out of training; the recipe's unless given.
        class_weights: whether every class has the same weight in the loss, however many images it has.
        mirror: whether training images may be mirrored; False for signs and text.
        seeds: several seeds in place of `seed`, with a run for each.
        device, threads: as in `evaluate`.
        precision: float32, bf16, or auto: the usual one of the device, and in runs of a thousand steps or more the fastest that was
            timed here, with its memory format and number of threads. A run that was begun goes on in its own.
        workers: number of threads that decode photos.
        grad_accum_steps: number of parts that a batch is computed in, to save memory.
        sync_bn: whether BatchNorm's statistics are those of all processes' images.
        compile: whether the network is compiled first.
        save_every: seconds between checkpoints.
        keep_every: steps between checkpoints that are kept for good, for `audit`.
        tensorboard: whether the curves are written for TensorBoard too.
        probe: steps between measurements of gradients and responses, which are kept in the run's probe.jsonl.

    Raises:
        AtalhoError: as `Request`, `RecipeChanges`, `load`, `data.load` and `run.execute`.
        Stopped: by SIGINT or SIGTERM; the state is saved, and a call with `resume` continues.
    """
    if probe and weights:
        cause = "it looks at networks that are drawn anew, and goes without --weights"
        raise wrong_option("probe", cause)
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
        balanced=class_weights or None,
        mirror=mirror or False,
    )
    lines: list[str] = []  # for the main process, once it is known which one that is
    start_weights = begins_from(
        network,
        weights,
        data,
        recipe,
        from_scratch=from_scratch,
        reporter=Reporter(say=lines.append),
    )
    request = Request(network, data, start_weights, recipe, changes, new_head, img_size, seed)
    from atalho.networks.subjects import folder_name
    from atalho.runtime import world
    from atalho.training import deciding
    from atalho.training import seeds as several
    from atalho.training.listeners import Listeners

    resolved_device = resolve_device(device, threads)
    resolved_precision, why = training_precision(precision, resolved_device)
    with world.joined(resolved_device.torch, reporter.say) as processes, ExitStack() as stack:
        own_reporter = reporter if processes.main else QUIET
        for line in lines:
            own_reporter.say(line)
        start = None
        if start_weights:
            start = processes.first_here(
                lambda: load(
                    network,
                    start_weights,
                    input=(3, img_size, img_size) if img_size else None,
                    new_head=new_head is not False,
                    reporter=own_reporter,
                ),
                f"reading the weights of {network}",
            )
        framings = [framing(request, start)] if request.photos else []
        dataset = processes.first_here(
            lambda: load_data(
                data,
                data_dir,
                own_reporter,
                framings=framings,
                bad_images=bad_images,
                copies=copies,
            ),
            f"reading {printable(data)}",
        )
        if from_scratch:
            images = len(dataset.training(with_validation=True).labels)
            say_scratch(network, images, len(dataset.classes), own_reporter)
        resolved = resolve(request, dataset, start, resolved_device, resolved_precision)
        arguments = replace(
            resolved.arguments,
            parts=grad_accum_steps,
            sync_bn=sync_bn,
            compiled=compile,
            workers=workers,
            save_every=save_every,
            keep_every=keep_every,
            probe=probe,
            world=processes,
        )
        name, resolved_recipe = arguments.network, arguments.recipe
        numbers = seeds or [seed]
        assert resolved.data

        def folder(number: int) -> Path:
            if output:
                return Path(output) / f"seed-{number}" if seeds else Path(output)
            names = folder_name(name), safe_name(dataset.name), resolved_recipe.name
            return Path("runs") / "-".join((*names, str(number)))

        if precision == "auto":
            arguments, measured = deciding.decided(
                arguments,
                resolved.data,
                [*map(folder, numbers)],
                free_threads=threads is None,
                say=own_reporter.say,
            )
            why = f": {measured}" if measured else why
        listeners = Listeners(
            ready=lambda: own_reporter.say(
                f"{resolved_recipe.name} ({resolved_recipe.source}); precision {arguments.precision}{why}"
            ),
            progress=stack.enter_context(own_reporter.training(name)),
            warn=own_reporter.say,
            reading=stack.enter_context(own_reporter.reading(f"features by {name}")),
        )
        try:
            tested = several.execute(
                arguments,
                numbers,
                resolved.data,
                folder,
                tensorboard=tensorboard,
                resume=resume or world.restarted(),
                allow_inexact=allow_inexact,
                listeners=listeners,
            )
        except Stopped as stopped:
            if processes.main:
                raise
            raise SystemExit(stopped.exit) from None  # the main process reports it
        folders = tuple(map(folder, numbers))
        return Runs(name, dataset.name, folders, tuple(tested), processes.main)
