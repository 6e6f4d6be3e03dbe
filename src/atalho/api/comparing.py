"""Networks compared on data: their costs, trainings, accuracies and latencies, the choice, and the page."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from atalho.api.carrying_out import CarryingOut, Compared, Measuring
from atalho.api.loading import DATA_DIR, BadImages, Copies
from atalho.api.preparing import Setup
from atalho.api.reporting import QUIET, Reporter
from atalho.errors import wrong_option
from atalho.runtime.cluster import Cluster

if TYPE_CHECKING:
    from atalho.engines.engine import Dtype, MemoryFormat


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
    measure_on: str | None = None,
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
        measure_on: the name or the address of the scheduler's worker that measures all costs in the place of this machine.

    Raises:
        AtalhoError: as `train` and `bench`; OUTPUT or IN-USE (exit 2), for a folder that cannot be used.
        Stopped: by SIGINT or SIGTERM during training; a second call continues.
    """
    begun = time.monotonic()
    cluster = None if on is None else Cluster(on, threads)
    setup = Setup(
        networks=networks,
        data=data,
        data_dir=str(data_dir),
        bad_images=bad_images,
        copies=copies,
        img_size=img_size,
        weights=weights,
        from_scratch=from_scratch,
        recipe=recipe,
        as_published=as_published,
        optimise=optimise,
        class_weights=class_weights,
        mirror=mirror,
        group_by=str(group_by) if group_by else None,
        epochs=epochs,
        steps=steps,
        seed=seed,
        seeds=seeds,
        device=device,
        threads=threads,
    )
    measuring = Measuring(
        output=str(output),
        batch_size=[batch_size] if isinstance(batch_size, int) else batch_size,
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
        time_budget=time_budget,
        keep_thumbnails=keep_thumbnails,
        unknown=str(unknown) if unknown else None,
    )
    carrying_out = CarryingOut(setup, measuring, reporter, begun)
    if measure_on is None:
        return carrying_out.here(cluster)
    if cluster is None or cluster.local:
        raise wrong_option("measure-on", "it names a worker: it goes with --on tls://HOST:PORT")
    return carrying_out.measured_on(measure_on, cluster)
