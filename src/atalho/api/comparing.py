"""Networks compared on data: their costs, trainings, accuracies and latencies, the choice, and the page."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from atalho.api.loading import (
    DATA_DIR,
    BadImages,
    Copies,
    engine_request,
)
from atalho.api.measuring import check_streams
from atalho.api.mistakes import keep_mistakes, unknown_folder, with_unknown
from atalho.api.preparing import Setup
from atalho.api.reporting import QUIET, Reporter
from atalho.api.units import Units
from atalho.errors import wrong_option
from atalho.record import Record
from atalho.runtime.cluster import Cluster

if TYPE_CHECKING:
    from atalho.choice.choosing import Choice, Limits
    from atalho.engines.engine import Dtype, MemoryFormat
    from atalho.ranking import Comparison


@dataclass(frozen=True)
class Compared:
    """The result of a comparison.

    Args:
        records: all of the comparison's folder.
        comparison: the records that are ranked, the most accurate network first.
        limits: that the choice keeps to, by quantity in the records' units.
        choice: the network to take, and among which it was chosen; None where no network is known to keep to the limits.
        chosen: the folder with that network, ready for `predict`; None where nothing was chosen or trained.
        page: the path of the report.
    """

    records: list[Record]
    comparison: "Comparison"
    limits: "Limits"
    choice: "Choice | None"
    chosen: Path | None
    page: Path


def compare(
    networks: str | Sequence[str] = (),
    data: str = "digits",
    *,
    data_dir: str | Path = DATA_DIR,
    bad_images: BadImages = "error",
    copies: Copies = "similar",
    img_size: int | None = None,
    weights: str | Mapping[str, str] | None = None,
    from_scratch: bool = False,
    recipe: str | None = None,
    as_published: bool = False,
    optimise: str = "accuracy",
    class_weights: bool = False,
    mirror: bool = True,
    group_by: str | Path | None = None,
    output: str | Path = "comparison",
    epochs: float | None = None,
    steps: int | None = None,
    batch_size: int | Sequence[int] = (1, 32),
    streams: int = 1,
    engine: str = "eager",
    precision: "Dtype | None" = None,
    memory_format: "MemoryFormat" = "channels_last",
    max_engine_loss: float = 1.0,
    max_latency_ms: float | None = None,
    max_memory_mb: float | None = None,
    max_energy_j: float | None = None,
    max_size_mb: float | None = None,
    min_accuracy: float | None = None,
    margin: float = 1.0,
    seed: int = 0,
    seeds: Sequence[int] = (),
    device: str = "auto",
    threads: int | None = None,
    time_budget: float | None = None,
    keep_thumbnails: bool = True,
    unknown: str | Path | None = None,
    on: str | None = None,
    reporter: Reporter = QUIET,
) -> Compared:
    """Cost, training, accuracy, latency, memory and energy of several networks, the choice, and the page that shows them.

    Measurements that the folder holds already are not made again.

    Args:
        networks: as `network` takes them; plain and residual networks of 20 and 56 layers and a small GoogLeNet unless given, and
            for photos ResNets of 18 and 50 layers.
        data: as in `train`, or `none` for no training.
        weights: to begin from, as in `train`: one for all networks, or a mapping by network. On photos, networks with weights are
            cross-validated on their features unless another recipe or a length is given.
        as_published: whether the networks are compared as their weights are, without training: their classes are the photos',
            by label or by a name that is one class's alone.
        optimise: what the choice on photos is about: accuracy, balanced, or recall:CLASS>=0.95.
        group_by: a CSV of photos that are kept together, `photo,group` a line.
        output: the comparison's folder.
        max_latency_ms, max_memory_mb, max_energy_j, max_size_mb, min_accuracy: as in `Budget`.
        margin: the accuracy that the choice may lose for a lower cost, in points of top-1.
        data_dir, bad_images, copies, img_size, from_scratch, recipe, class_weights, mirror, epochs, steps, seed, device, threads:
            as in `train`.
        batch_size, streams, engine, precision, memory_format: as in `bench`.
        max_engine_loss: as in `export`, on validation images.
        time_budget: seconds, from the call on. While they last, the best network of those that were cross-validated on photos is
            fine-tuned in the same folds, and kept where the same photos show that it is better.
        seeds: several, in place of `seed`: a training of each network for each, whose spread the choice accounts for.
        keep_thumbnails: whether small pictures of mistakes are kept in the folder and shown on the page; otherwise those of earlier
            calls are removed.
        unknown: as in `evaluate`; the chosen network is shown the images.
        on: where networks learn: on `local:N`, N workers of this machine, or those of a Dask scheduler, `tls://HOST:PORT` or on this
            machine `tcp://localhost:PORT`, which see the same folders. All costs are measured here, once that has ended.

    Raises:
        AtalhoError: as `train` and `bench`; OUTPUT or IN-USE (exit 2), for a folder that cannot be used.
        Stopped: by SIGINT or SIGTERM during training; a second call continues.
    """
    from atalho.choice.limits import Budget

    begun = time.monotonic()
    cluster = None if on is None else Cluster(on, threads)
    strangers = unknown_folder(unknown, data)
    limits = Budget(max_latency_ms, max_memory_mb, max_energy_j, max_size_mb, min_accuracy).limits
    setup = Setup(
        networks,
        data,
        str(data_dir),
        bad_images,
        copies,
        img_size,
        weights,
        from_scratch,
        recipe,
        as_published,
        optimise,
        class_weights,
        mirror,
        str(group_by) if group_by else None,
        epochs,
        steps,
        seed,
        seeds,
        device,
        threads,
    )
    prepared = setup.prepare(reporter)
    from atalho.comparison import comparing, handing_over
    from atalho.comparison.finetuned import TimeBudget
    from atalho.features.objective import ACCURATE
    from atalho.page import publish
    from atalho.tasks import Begun
    from atalho.training.listeners import Listeners

    dataset, settings = prepared.dataset, prepared.settings
    batches = [batch_size] if isinstance(batch_size, int) else batch_size
    request = engine_request(
        engine, precision, memory_format, prepared.device, batches, max_engine_loss
    )
    request.candidates(calibrated=dataset is not None)
    check_streams(streams, prepared.device)
    folder = Path(output)
    budget = None
    if time_budget is not None:
        if (
            not any(each.cross_validated for each in prepared.networks)
            or settings.objective != ACCURATE
        ):
            raise wrong_option(
                "time-budget",
                "it is for networks that are cross-validated on photos, and compared by accuracy",
            )
        budget = TimeBudget(begun + time_budget, prepared.changes)
    ahead = None
    if cluster:
        alike = replace(setup, precision=prepared.precision, threads=cluster.threads)
        ahead = Units(alike, folder, reporter, cluster).finish
    page = folder / "report.html"
    how = comparing.Comparison(
        prepared.networks,
        batches,
        request,
        streams,
        limits,
        margin / 100,
        seeds,
        settings,
        budget,
    )
    with (
        reporter.steps("compare") as begin,
        reporter.training("training") as progress,
        reporter.reading("features") as reading,
    ):
        measured = comparing.compare(
            how,
            folder,
            say=reporter.say,
            begin=begin,
            listeners=Listeners(progress=progress, warn=reporter.say, reading=reading),
            ahead=ahead,
        )
        if dataset:
            keep_mistakes(measured, dataset, folder, prepared.device, keep_thumbnails, reporter)
        begin(Begun("the chosen network's folder", measured.steps - 1, measured.steps))
        kept = handing_over.keep(measured, folder, reporter.say)
        ready = folder / comparing.CHOSEN if kept else None
        if strangers and ready:
            measured = with_unknown(measured, ready, strangers, folder, reporter)
        begin(Begun("the page", measured.steps, measured.steps))
        publish(measured.records, page, limits, measured.queries, [folder], margin / 100)
    return Compared(
        measured.records, measured.ranked, measured.limits, measured.choice, ready, page
    )
