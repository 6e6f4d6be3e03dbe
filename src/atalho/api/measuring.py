"""Networks measured on this machine, and diagnosed."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from atalho.api.loading import (
    DATA_DIR,
    engine_request,
    load_data,
)
from atalho.api.records import add_records
from atalho.api.reporting import QUIET, Reporter
from atalho.errors import wrong_option
from atalho.grammar.shape import Shape
from atalho.record import Record
from atalho.runtime.device import Device, resolve_device

if TYPE_CHECKING:
    from atalho.engines.engine import Dtype, MemoryFormat

MEASURES = ("flow", "responses", "shattering")
"""The measures of a diagnosis that take seconds."""


def bench(
    networks: str | Sequence[str],
    *,
    data: str | Path | None = None,
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
        data: a folder of photos, on whose files single requests are measured from file to label; without, the network alone is.
        batch_size: images at a time, one number or several.
        streams: requests at once, whose throughput in the engine's own mode for it is measured too; on a processor alone.
        engine: eager, compiled, onnxruntime, openvino, or auto: the fastest installed one that agrees with float32 eager.
        precision: of the engine: float32, bf16 or int8; unless given float32, or with auto any.
        memory_format: of images and weights in torch's engines: channels_last or contiguous.
        device, threads: as in `evaluate`.
        output: a file that the records are added to.

    Raises:
        AtalhoError: as `network`; ENGINE (exit 2), for an engine that is not available here; OUTPUT (exit 2);
            as `PhotoFiles.of_folder`.
    """
    from atalho.networks import subjects

    names = several(networks)
    tables = [subjects.get(name, input=input, num_classes=num_classes) for name in names]
    from atalho.benchmark.bench import Bench
    from atalho.benchmark.entry import Entry
    from atalho.benchmark.workload import PhotoFiles
    from atalho.tasks import carry_out

    batches = [batch_size] if isinstance(batch_size, int) else batch_size
    resolved_device = resolve_device(device, threads)
    request = engine_request(engine, precision, memory_format, resolved_device, batches)
    request.candidates(calibrated=False)
    check_streams(streams, resolved_device)
    files = PhotoFiles.of_folder(Path(data)) if data else None
    if not files:
        reporter.say("latency is of the network alone; --data FOLDER measures from photo files")
    with (
        TemporaryDirectory() as folder,
        Bench(request, Path(folder) / "engines", reporter.say) as benchmark,
    ):
        steps = [*benchmark.steps([*map(Entry.untrained, tables)], batches, streams, files)]
        with reporter.steps("bench") as begin:
            measured = carry_out(steps, Path(folder) / "records", reporter.say, begin)
    if output:
        add_records(output, measured)
    return measured


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
    requests = [Request(name, data, recipe=recipe, changes=changes) for name in several(networks)]
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
    with reporter.steps("diagnose") as begin:
        return diagnosing.diagnose(diagnosis, Path(output), say=reporter.say, begin=begin)


def several(networks: str | Sequence[str]) -> Sequence[str]:
    """A sequence of names; a single name becomes a sequence of one."""
    return [networks] if isinstance(networks, str) else networks


def check_streams(streams: int, device: Device) -> None:
    """Raises USAGE (exit 2) for several streams on a GPU, whose requests run one after another."""
    if streams > 1 and device.type != "cpu":
        raise wrong_option("streams", f"several are for a processor, not for {device.name}")
