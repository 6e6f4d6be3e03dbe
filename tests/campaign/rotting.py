"""The files that rot: one of each kind, in small folders, and how atalho reads it again."""

import random
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from atalho import data, networks, recipes, record
from atalho.comparison import promises
from atalho.comparison.promises import Promise
from atalho.data import manifest
from atalho.data.batches import Preprocessing
from atalho.data.dataset import Dataset
from atalho.data.packed import Packed
from atalho.engines import ENGINES, Backend, engine_config
from atalho.engines.engine_config import EngineConfig
from atalho.evaluation import prediction_file
from atalho.evaluation.predicting import Guess, Prediction
from atalho.features import cache
from atalho.networks import subjects
from atalho.runtime.device import Device
from atalho.training import arguments, checkpoint, folder, run
from atalho.training.arguments import Arguments
from atalho.weights import config, out_of_fold, trained
from atalho.weights.out_of_fold import OutOfFold
from atalho.weights.trained import Trained
from campaign.rot import Say, Target
from example_records import example
from photo_folders import fill

IDENTITY = {"weights": "0" * 64, "framing": [1, 8, 8], "precision": "float32"}
"""What predictions are of, as a call states it."""


@lru_cache
def few_digits() -> Dataset:
    """So few images that evaluation and the average's statistics take no longer than training."""
    digits = data.load("digits", Path("unused"))
    splits = {name: split.select(torch.arange(8)) for name, split in digits.splits.items()}
    return replace(digits, splits=splits)


def short_run(steps: int) -> Arguments:
    """A run with all that a state can hold: momentum, an average, a best epoch; it saves after each step."""
    network = networks.get("resnet20", input=(1, 8, 8))
    quick = recipes.get("quick", subjects.facts(network))
    recipe = replace(quick, epochs=None, steps=steps, batch_size=4, averaging=0.9, best=True)
    return Arguments("resnet20", recipe, 0, Device("cpu", 1), "float32", save_every=0.0)


def targets(root: Path) -> list[Target]:
    """One file of each kind, below a new folder."""
    digits = few_digits()
    finished = root / "run"
    run.execute(short_run(4), digits, finished)
    network = folder.load(finished)
    return [
        *_of_a_run(finished),
        _of_records(root),
        *_of_weights(network, root),
        *_of_an_engine(root),
        *_of_photos(root),
    ]


def _of_a_run(finished: Path) -> list[Target]:
    states = finished / "checkpoints"
    newest, before = checkpoint.files(states)[:2]

    def restored(say: Say) -> str | None:
        if (loaded := checkpoint.load(states)) is None:
            return None
        state, damaged = loaded
        for path in damaged:
            say(f"{path} is damaged")
        return checkpoint.digest(state)

    state = checkpoint.read(before)
    assert state
    return [
        Target("checkpoint", newest, restored, without=checkpoint.digest(state)),
        Target("args.yaml", finished / arguments.FILE, lambda say: arguments.read(finished)),
        Target(
            "records.jsonl of a run",
            finished / folder.RECORDS,
            lambda say: folder.measured(finished),
        ),
    ]


def _of_records(root: Path) -> Target:
    file = root / "comparison" / "records.jsonl"
    file.parent.mkdir()
    record.append(file, example(["resnet20"]))
    return Target("records.jsonl", file, lambda say: record.read(file), appended=True)


def _of_weights(network: Trained, root: Path) -> list[Target]:
    """A folder of weights with a mean of every pixel and the photos that it was fitted on; and one of torch's."""
    own, torchs = root / "weights", root / "torch"
    own.mkdir()
    mean = torch.linspace(0, 1, 64).reshape(8, 8, 1)
    settings = replace(network.config, preprocessing=Preprocessing(mean, network.preprocessing.std))
    trained.write(own, network.model.state_dict(), settings)
    OutOfFold(torch.arange(96, dtype=torch.uint8).reshape(3, 32), torch.randn(3, 10)).write(own)
    torchs.mkdir()
    file = torchs / "pytorch_model.bin"
    torch.save(network.model.state_dict(), file)
    replace(network.config, weights=trained.weightfile.sha256(file)).write(torchs)
    read = partial(_facts_of, own)
    return [
        Target("model.safetensors", own / "model.safetensors", read),
        Target("config.json", own / config.FILE, read),
        Target("mean.safetensors", own / config.MEAN, read),
        Target("out-of-fold.safetensors", own / out_of_fold.FILE, read),
        Target("pytorch_model.bin", file, partial(_facts_of, torchs)),
    ]


def _facts_of(path: Path, say: Say) -> Any:
    return facts(folder.load(path))


def facts(network: Trained) -> Any:
    """All that is read of a folder with weights, comparable; checksums and the folder's name are left out."""
    tensors = {**network.model.state_dict(), **network.preprocessing._asdict()}
    if network.out_of_fold:
        tensors |= {"images": network.out_of_fold.images, "logits": network.out_of_fold.logits}
    return (
        network.network.name,
        [*network.classes.items()],
        network.framing,
        network.precision,
        network.data,
        network.calibration,
        {name: _bytes(tensor) for name, tensor in tensors.items()},
    )


def _bytes(tensor: Tensor) -> tuple[str, tuple[int, ...], bytes]:
    return str(tensor.dtype), tuple(tensor.shape), checkpoint.bits(tensor).numpy().tobytes()


def _of_an_engine(root: Path) -> list[Target]:
    """Folders with engines' files, which are read by nobody before their checksums were compared; and promises."""
    targets = []
    for engine, dtype in (("onnxruntime", "float32"), ("openvino", "int8"), ("eager", "bf16")):
        path, backend = root / engine, Backend(engine, dtype)
        path.mkdir()
        files = ENGINES[engine].files(dtype)
        for name in files:
            (path / name).write_bytes(random.Random(name).randbytes(5000))
        engine_config.finalise(path, EngineConfig(backend, 1, 1))
        read = partial(_engine_config, path)
        targets += [Target(f"{engine}'s {name}", path / name, read) for name in files]
        targets.append(Target(f"{engine}'s engine.json", path / engine_config.FILE, read))
    measured = record.Record.of("resnet20", "latency", 0.01, "measured")
    promising = root / "promises"
    promising.mkdir()
    (promising / "model.safetensors").write_bytes(random.Random(0).randbytes(5000))
    promises.write(promising, "resnet20", [Promise(measured, 0.02)])
    read_promises = partial(_promises, promising)
    return [
        *targets,
        Target("promises.json", promising / promises.FILE, read_promises),
        Target("a file that was promised", promising / "model.safetensors", read_promises),
    ]


def _engine_config(path: Path, say: Say) -> EngineConfig | None:
    return engine_config.read(path)


def _promises(path: Path, say: Say) -> promises.Promises:
    return promises.read(path)


def _of_photos(root: Path) -> list[Target]:
    """What is kept of a folder of photos: its manifest, its features, its predictions."""
    photos = fill(root / "photos", {"ant": 4, "bee": 4})
    names = Packed(sorted(p.relative_to(photos).as_posix() for p in photos.rglob("*.png")))

    def contents(say: Say) -> Any:
        read = manifest.read_files(photos, names, root / "data", lambda done, of: None)
        arrays = (read.sha256, read.sizes, read.fingerprints, read.brightest)
        return [each.tolist() for each in arrays], read.bad

    contents(print)
    (kept,) = (root / "data" / "manifests").glob("*.manifest")
    features = root / "features" / "file"
    known = {bytes([row] * 32): np.full(8, row, np.float32) for row in range(5)}
    cache.write(features, known, print)

    def cached(say: Say) -> Any:
        return {image: row.tobytes() for image, row in cache.read(features, say).items()}

    return [
        Target("manifest", kept, contents),
        Target("feature cache", features, cached, without={}),
        *_of_predictions(root),
    ]


def _of_predictions(root: Path) -> list[Target]:
    """Predictions that were stopped: the note of what they are of, and the lines that are there.

    The lines are the user's own; no more is read of them than whose they are, so that only a line that cannot be read is noticed.
    """
    guess = Guess("ant", "ant", 0.75)
    predictions = [Prediction(f"photos/{row}.png", (guess,)) for row in range(6)]
    targets = []
    for kind in ("csv", "jsonl"):
        path = root / f"predictions-{kind}" / f"answers.{kind}"
        _stopped(path, predictions)
        note = path.with_name(f".{path.name}.unfinished")
        targets.append(Target(f"note of {kind} predictions", note, partial(_continued, path)))
        targets.append(Target(f"{kind} predictions", path, partial(_continued, path)))
    return targets


class _Stopped(Exception):  # noqa: N818 (no error)
    """Ends a call as a signal does."""


def _stopped(path: Path, predictions: list[Prediction]) -> None:
    with suppress(_Stopped), prediction_file.opened(path, IDENTITY, 1) as file:
        for each in predictions:
            file.write(each)
        raise _Stopped


def _continued(path: Path, say: Say) -> None:
    _stopped(path, [])
