"""Pictures classified: a few of them, or any number into a file."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atalho.api.loading import for_inference, load
from atalho.api.reporting import QUIET, Reporter
from atalho.conditions import digest
from atalho.errors import wrong_option
from atalho.runtime.cluster import Cluster
from atalho.runtime.precision import Precision

if TYPE_CHECKING:
    from atalho.evaluation.predicting import Prediction
    from atalho.weights.trained import Trained

PROGRESS_SECONDS = 10.0
"""Between two messages on how far the predictions are."""


def predict(
    network: "str | Path | Trained",
    images: str | Path | Sequence[str | Path],
    *,
    weights: str | Path | None = None,
    top: int = 5,
    num_classes: int | None = None,
    batch_size: int | None = None,
    device: str = "auto",
    precision: Precision | None = None,
    threads: int | None = None,
    max_error: float | None = None,
    explain: str | Path | None = None,
    reporter: Reporter = QUIET,
) -> "list[Prediction]":
    """Labels with probabilities for pictures; for one that cannot be read its error.

    Args:
        network, weights, num_classes: as in `load`; or a network that `load` returned.
        images: files, folders of them, or `-` for one image's bytes on standard input.
        top: how many labels are returned for each picture.
        batch_size, device, precision, threads: as in `evaluate`.
        max_error: the share of wrong labels that is promised, as 0.02: a picture of which the network is not sure enough for it has
            `unsure` before its labels; None for labels however sure it is.
        explain: a folder for pictures of where the network sees the most probable class, in which a red place speaks for the
            class and a blue one against it; None for none.

    Raises:
        AtalhoError: as `load`; DATA-EMPTY (exit 3), for a folder without images; as `sure.least_confidence` and
            `explaining.explain`.
    """
    trained, inference = for_inference(
        network,
        weights,
        num_classes,
        reporter,
        device=device,
        precision=precision,
        threads=threads,
        batch=batch_size,
    )
    from atalho.evaluation import predicting
    from atalho.evaluation.sure import least_confidence

    least = least_confidence(trained, max_error, reporter.say)
    pictures = [*predicting.sources(_names(images), sys.stdin.buffer, reporter.say)]
    predictions = [*predicting.predict(trained, pictures, inference, top=top, least=least)]
    if speed := predicting.speed(trained):
        reporter.say(speed)
    if explain is not None:
        from atalho.engines.module import EngineModule
        from atalho.probes import explaining

        if isinstance(trained.model, EngineModule) and isinstance(network, str | Path):
            # An engine returns no maps; the same weights in torch do.
            loaded = load(network, weights, num_classes=num_classes)
            trained = loaded.to(inference.device)
        paths = explaining.explain(trained, pictures, predictions, inference, Path(explain))
        reporter.say(
            f"{len(paths)} pictures of where {trained.network.name} looks are in {explain}"
        )
    return predictions


@dataclass(frozen=True)
class Predicted:
    """Predictions in a file.

    Args:
        pictures: how many were classified by this call.
        continued: how many had a line in the file before.
        unreadable: how many of all these could not be read.
    """

    path: Path
    pictures: int
    continued: int
    unreadable: int


def predict_to_file(
    network: "str | Path | Trained",
    images: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    weights: str | Path | None = None,
    top: int = 5,
    num_classes: int | None = None,
    batch_size: int | None = None,
    device: str = "auto",
    precision: Precision | None = None,
    threads: int | None = None,
    max_error: float | None = None,
    on: str | None = None,
    reporter: Reporter = QUIET,
) -> Predicted:
    """Labels with probabilities for any number of pictures, as `predict`, in a file that is written as they come.

    The memory that it takes does not grow with their number, but for their names where `on` is given. A call that was stopped goes on
    when it is made again.

    Args:
        output: a file that ends in `.csv` or `.parquet`, with a row for each picture, or in `.jsonl`, with `predict`'s documents.
        network, images, weights, top, num_classes, max_error: as in `predict`.
        batch_size, device, precision, threads: as in `evaluate`.
        on: where pictures are classified, as in `compare`: on workers of Dask, some of the pictures at a time. The file has the same
            bytes then as without, where processors, `threads` and versions are the same.

    Raises:
        AtalhoError: as `predict` and `prediction_file.opened`; with `on` as `Cluster`, and USAGE (exit 2) for a network that is loaded
            already and for an image on standard input.
    """
    names = _names(images)
    workers = Cluster(on, threads) if on else None
    if workers:
        _check_seen(network, names)
        threads = workers.threads
    how: dict[str, Any] = {
        "weights": weights and str(weights),
        "num_classes": num_classes,
        "batch": batch_size,
        "device": device,
        "precision": precision,
        "threads": threads,
    }
    trained, inference = for_inference(network, reporter=reporter, **how)
    from atalho.api.sharding import Sharding
    from atalho.evaluation import predicting, prediction_file, shard
    from atalho.evaluation.sure import least_confidence

    least = least_confidence(trained, max_error, reporter.say)
    path = Path(output)
    identity = predicting.identity(trained, inference, least)
    count = 0
    labels = top + (max_error is not None)  # with `unsure`
    with prediction_file.opened(path, identity, labels) as file:
        continued = len(file.done)
        if continued:
            reporter.say(f"{path}: goes on after {continued:,} pictures")
        every = predicting.sources(names, sys.stdin.buffer, reporter.say)
        if workers:
            task = {"network": str(network), "inference": how, "identity": digest(identity)}
            size = inference.batch_size(trained.network.input)
            sharding = Sharding(workers, {**task, "top": top, "least": least}, size, reporter)
            classified = sharding.predictions([each.path for each in every], path, file.done)
        else:
            left = (each for each in every if each.path not in file.done)
            classified = predicting.predict(trained, left, inference, top=top, least=least)
        told = begun = time.monotonic()
        for prediction in classified:
            file.write(prediction)
            count += 1
            if time.monotonic() - told > PROGRESS_SECONDS:
                told = time.monotonic()
                reporter.say(f"{path}: {count:,} pictures, {count / (told - begun):.1f} a second")
    shard.remove(path)
    if not workers and (speed := predicting.speed(trained)):
        reporter.say(speed)
    return Predicted(path, count, continued, file.unreadable)


def _names(images: str | Path | Sequence[str | Path]) -> list[str]:
    return [str(each) for each in ([images] if isinstance(images, str | Path) else images)]


def _check_seen(network: object, names: Sequence[str]) -> None:
    """Raises USAGE (exit 2) for what no worker sees."""
    if not isinstance(network, str | Path):
        raise wrong_option("on", "workers load a network by its name or its folder")
    if "-" in names:
        raise wrong_option("on", "workers do not see standard input")
