"""Networks measured on this machine, compared on data, and diagnosed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from atalho.api.loading import (
    DATA_DIR,
    BadImages,
    Copies,
    engine_request,
    load,
    load_data,
    training_precision,
)
from atalho.api.records import add_records
from atalho.api.reporting import QUIET, Reporter
from atalho.errors import wrong_option
from atalho.grammar.shape import Shape
from atalho.record import Record
from atalho.runtime.device import Device, resolve_device

if TYPE_CHECKING:
    from atalho.choice.choosing import Choice, Limits
    from atalho.engines.engine import Dtype, MemoryFormat
    from atalho.ranking import Comparison

MEASURES = ("flow", "responses", "shattering")
"""The measures of a diagnosis that take seconds."""


def bench(
    networks: str | Sequence[str],
    *,
    input: Shape | None = None,
    num_classes: int | None = None,
    batch_size: int | Sequence[int] = (1, 16),
    streams: int = 1,
    engine: str = "eager",
    precision: "Dtype | None" = None,
    memory_format: "MemoryFormat" = "channels_last",
    device: str = "auto",
    threads: int | None = None,
    output: str | Path | None = None,
    reporter: Reporter = QUIET,
) -> list[Record]:
    """Latency, throughput, peak memory and energy by batch size, with parameters and multiply-accumulates.

    Each network runs in a process of its own, with random weights, by turns with the others.

    Args:
        networks: one name or several, as `network` takes them with `input` and `num_classes`.
        batch_size: images at a time, one number or several.
        streams: requests at once, whose throughput in the engine's own mode for it is measured too; on a processor alone.
        engine: eager, compiled, onnxruntime, openvino, or auto: the fastest installed one that agrees with float32 eager.
        precision: of the engine: float32, bf16 or int8; unless given float32, or with auto any.
        memory_format: of images and weights in torch's engines: channels_last or contiguous.
        device, threads: as in `evaluate`.
        output: a file that the records are added to.

    Raises:
        AtalhoError: as `network`; ENGINE (exit 2), for an engine that is not available here; OUTPUT (exit 2).
    """
    from atalho.networks import subjects

    names = _several(networks)
    tables = [subjects.get(name, input=input, num_classes=num_classes) for name in names]
    from atalho.benchmark.bench import Bench
    from atalho.benchmark.entry import Entry
    from atalho.tasks import carry_out

    batches = [batch_size] if isinstance(batch_size, int) else batch_size
    resolved_device = resolve_device(device, threads)
    request = engine_request(engine, precision, memory_format, resolved_device, batches)
    request.candidates(calibrated=False)
    _check_streams(streams, resolved_device)
    with (
        TemporaryDirectory() as folder,
        Bench(request, Path(folder) / "engines", reporter.say) as benchmark,
    ):
        steps = [*benchmark.steps([*map(Entry.untrained, tables)], batches, streams)]
        measured = carry_out(steps, Path(folder) / "records", reporter.say)
    if output:
        add_records(output, measured)
    return measured


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
    recipe: str | None = None,
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
    keep_thumbnails: bool = True,
    reporter: Reporter = QUIET,
) -> Compared:
    """Cost, training, accuracy, latency, memory and energy of several networks, the choice, and the page that shows them.

    Measurements that the folder holds already are not made again.

    Args:
        networks: as `network` takes them; plain and residual networks of 20 and 56 layers and a small GoogLeNet unless given.
        data: as in `train`, or `none` for no training.
        weights: to fine-tune, as in `train`: one for all networks, or a mapping by network.
        output: the comparison's folder.
        max_latency_ms, max_memory_mb, max_energy_j, max_size_mb, min_accuracy: as in `Budget`.
        margin: the accuracy that the choice may lose for a lower cost, in points of top-1.
        data_dir, bad_images, copies, img_size, recipe, epochs, steps, seed, device, threads: as in `train`.
        batch_size, streams, engine, precision, memory_format: as in `bench`.
        max_engine_loss: as in `export`, on validation images.
        seeds: several, in place of `seed`: a training of each network for each, whose spread the choice accounts for.
        keep_thumbnails: whether small pictures of mistakes are kept in the folder and shown on the page.

    Raises:
        AtalhoError: as `train` and `bench`; OUTPUT or IN-USE (exit 2), for a folder that cannot be used.
        Stopped: by SIGINT or SIGTERM during training; a second call continues.
    """
    from atalho.choice.limits import Budget
    from atalho.comparison import DEMONSTRATION
    from atalho.recipes.changes import RecipeChanges
    from atalho.training.resolution import NO_DATA, Request, framing, resolve

    names = _several(networks) or DEMONSTRATION
    weights_by_network = (
        dict.fromkeys(names, weights) if isinstance(weights, str) else dict(weights or {})
    )
    for name in weights_by_network:
        if name not in names:
            raise wrong_option("weights", f"{name} is not among the networks")
    changes = RecipeChanges(epochs=epochs, steps=steps, hold_out=True)
    requests = [
        Request(name, data, weights_by_network.get(name), recipe, changes, None, img_size, seed)
        for name in names
    ]
    limits = Budget(max_latency_ms, max_memory_mb, max_energy_j, max_size_mb, min_accuracy).limits
    from atalho.comparison import comparing
    from atalho.evaluation import thumbnails
    from atalho.page import publish
    from atalho.training.listeners import Listeners

    resolved_device = resolve_device(device, threads)
    starts = [
        load(each.network, each.weights, new_head=True, reporter=reporter) if each.weights else None
        for each in requests
    ]
    pairs = [*zip(requests, starts, strict=True)]
    dataset = None
    if data != NO_DATA:
        dataset = load_data(
            data,
            data_dir,
            reporter,
            framings=[framing(each, start) for each, start in pairs if each.photos],
            bad_images=bad_images,
            copies=copies,
        )
    trained_in, _ = training_precision("auto", resolved_device)
    batches = [batch_size] if isinstance(batch_size, int) else batch_size
    resolved = [resolve(each, dataset, start, resolved_device, trained_in) for each, start in pairs]
    request = engine_request(
        engine, precision, memory_format, resolved_device, batches, max_engine_loss
    )
    request.candidates(calibrated=dataset is not None)
    _check_streams(streams, resolved_device)
    folder = Path(output)
    with reporter.training("training") as progress:
        measured = comparing.compare(
            comparing.Comparison(resolved, batches, request, streams, limits, margin / 100, seeds),
            folder,
            say=reporter.say,
            listeners=Listeners(progress=progress),
        )
    page = folder / "report.html"
    if dataset and keep_thumbnails:
        thumbnails.write(measured.records, dataset, folder)
    folders = [folder] if keep_thumbnails else []
    publish(measured.records, page, limits, measured.queries, folders, margin / 100)
    chosen = folder / comparing.CHOSEN if comparing.keep(measured, folder) else None
    return Compared(measured.records, measured.ranked, limits, measured.choice, chosen, page)


def diagnose(
    networks: str | Sequence[str],
    data: str = "digits",
    *,
    data_dir: str | Path = DATA_DIR,
    at: "Sequence[int | Literal['end']]" = (0,),
    seeds: Sequence[int] = (0,),
    measure: Sequence[str] = MEASURES,
    recipe: str | None = None,
    epochs: float | None = None,
    steps: int | None = None,
    hold_out: bool | None = None,
    runs: Sequence[str | Path] = (),
    output: str | Path = "diagnosis",
    batch_size: int = 64,
    device: str = "auto",
    threads: int | None = None,
    reporter: Reporter = QUIET,
) -> list[Record]:
    """Why depth works: how gradients flow back, by which paths, and how layers respond, before and during training.

    Measurements that the folder holds already are not made again.

    Args:
        networks: as `network` takes them.
        data: as in `train`, or `none` for noise.
        at: after how many steps of the recipe's run, as in `[0, 1, 10, "end"]`; `"end"` is the end of a finished run.
        measure: some of flow, responses, shattering; and of paths, lesions, surface, which take minutes.
        runs: finished runs, or folders of them.
        output: the diagnosis's folder.
        batch_size: number of images that gradients are computed for.
        data_dir, seeds, recipe, epochs, steps, hold_out, device, threads: as in `train`.

    Returns:
        All records of the folder.

    Raises:
        AtalhoError: MEASURE-UNKNOWN (exit 2); NOT-FINITE (exit 7); as `Request`, `data.load` and `tasks.carry_out`.
    """
    from atalho.recipes.changes import RecipeChanges
    from atalho.training.resolution import NO_DATA, Request, resolve

    changes = RecipeChanges(epochs=epochs, steps=steps, hold_out=hold_out)
    requests = [Request(name, data, recipe=recipe, changes=changes) for name in _several(networks)]
    from atalho.diagnosis import diagnosing

    dataset = None if data == NO_DATA else load_data(data, data_dir, reporter)
    resolved_device = resolve_device(device, threads)
    diagnosis = diagnosing.Diagnosis(
        [resolve(each, dataset, None, resolved_device, "float32") for each in requests],
        moments=at,
        seeds=seeds,
        measures=measure,
        batch=batch_size,
        runs=[*map(Path, runs)],
    )
    return diagnosing.diagnose(diagnosis, Path(output), say=reporter.say)


def _several(networks: str | Sequence[str]) -> Sequence[str]:
    """A sequence of names; a single name becomes a sequence of one."""
    return [networks] if isinstance(networks, str) else networks


def _check_streams(streams: int, device: Device) -> None:
    """Raises USAGE (exit 2) for several streams on a GPU, whose requests run one after another."""
    if streams > 1 and device.type != "cpu":
        raise wrong_option("streams", f"several are for a processor, not for {device.name}")
