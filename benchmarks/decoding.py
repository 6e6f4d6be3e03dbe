"""How fast a JPEG file becomes a crop, and how fast a folder of photos becomes labels.

    python benchmarks/decoding.py PHOTOS --weights DIR -o results/decoding.json

**Decoding**, on one core: every photo of the folder, and the first few enlarged to 12 megapixels, is read from memory, turned upright
and cropped as `ResizedCrop` draws it (8 to 100 % of the area), by every path in turn, after one round that is not counted; the record is
the median of the rounds. torchvision decodes the whole picture, crops and resizes it with the same filter (`antialias=True`).
`atalho` uses the first of these paths: a JPEG is decoded as small as still covers the crop.

**From files to labels**, on all cores: ResNet-50 (weights in a folder as timm writes it) on files as they are and enlarged to 12
megapixels, each contender in a process of its own, by turns, a whole pass over the files a turn:

    Pillow, torchvision, eager   Image.open, Resize, CenterCrop, ToTensor, Normalize, the module in float32, one photo after another
    atalho                       what `atalho predict FOLDER` does, on the engine that `atalho export --to engine` takes here
    decoder alone                that pipeline without the network
    network alone                that engine without the pipeline

With a GPU the last two share nothing; on a processor they share its cores, so that both together cannot be faster than
1 / (1 / decoder + 1 / network), which stands beside the result.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from PIL import Image
from torchvision.io import ImageReadMode, decode_jpeg
from torchvision.transforms.v2.functional import resized_crop

from atalho.data.augmentation import boxes
from atalho.data.image import read
from atalho.data.window import Box, Window
from atalho.recipes.recipe import ResizedCrop
from atalho.record import now, versions
from atalho.runtime.processor import processor

INPUT = (3, 224, 224)
CROP = ResizedCrop((0.08, 1.0), (3 / 4, 4 / 3))
LARGE = 12_000_000  # pixels
ENLARGED = 10  # photos


@dataclass(frozen=True)
class Job:
    """A JPEG file's bytes, the box to crop, and the size of the whole picture."""

    data: bytes
    box: Box
    size: tuple[int, int]

    @property
    def window(self) -> Window:
        return Window(self.box, self.size, INPUT)


def scaled(job: Job) -> object:
    return read(job.data, job.window, scale=job.window.scale)


def whole(job: Job) -> object:
    return read(job.data, job.window)


def torchvision(job: Job) -> object:
    file = torch.frombuffer(bytearray(job.data), dtype=torch.uint8)
    picture = decode_jpeg(file, ImageReadMode.RGB, apply_exif_orientation=True)
    left, top, right, bottom = map(int, job.box)
    return resized_crop(
        picture, top, left, bottom - top, right - left, [*INPUT[1:]], antialias=True
    )


PATHS: dict[str, Callable[[Job], object]] = {
    "Pillow, scaled decoding": scaled,
    "Pillow": whole,
    "torchvision": torchvision,
}


def jobs(photos: Sequence[bytes]) -> list[Job]:
    """One job for each photo, with the same crop for all paths."""
    sizes = [read(data, lambda image: image.size) for data in photos]
    numbers = torch.arange(len(photos))
    drawn = boxes(CROP, INPUT, torch.tensor(sizes), (0, numbers * 0, numbers)).tolist()
    return [
        Job(data, (left, top, right, bottom), size)
        for data, size, (left, top, right, bottom) in zip(photos, sizes, drawn, strict=True)
    ]


def enlarged(data: bytes) -> bytes:
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    times = (LARGE / (picture.width * picture.height)) ** 0.5
    size = round(picture.width * times), round(picture.height * times)
    file = io.BytesIO()
    picture.resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()


def measure(work: Sequence[Job], rounds: int) -> dict[str, list[float]]:
    """Images a second of every path, in every round."""
    rates: dict[str, list[float]] = {name: [] for name in PATHS}
    for number in range(rounds + 1):
        for name, path in PATHS.items():
            begun = time.perf_counter()
            for job in work:
                path(job)
            if number:
                rates[name].append(len(work) / (time.perf_counter() - begun))
    return rates


def difference(work: Sequence[Job]) -> float:
    """Mean absolute difference, in levels of 255, that scaled decoding makes where it is used."""
    each = [
        np.abs(np.asarray(scaled(job), np.float64) - np.asarray(whole(job))).mean()
        for job in work
        if job.window.scale(job.size) > 1
    ]
    return float(np.mean(each)) if each else 0.0


Pass = Callable[[], int]
"""Classifies, decodes or runs on all photos once, and returns how many there are."""


def peer(photos: Sequence[Path], _: Path) -> Pass:
    from torchvision import models, transforms

    model = models.resnet50(weights=None).eval()
    preset = transforms.Compose(
        [
            transforms.Resize(256),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )

    def run() -> int:
        for path in photos:
            with Image.open(path) as image, torch.inference_mode():
                model(preset(image.convert("RGB"))[None]).softmax(1).topk(5)
        return len(photos)

    return run


def loaded(folder: Path) -> tuple[Any, Any]:
    """The network on its engine, and how it is run, as `atalho predict` has them."""
    from atalho.api.loading import for_inference
    from atalho.api.reporting import QUIET

    settings: dict[str, Any] = {"device": "auto", "precision": None, "threads": None, "batch": None}
    return for_inference(folder, None, None, QUIET, **settings)


def pipeline(photos: Sequence[Path], folder: Path) -> Pass:
    from atalho.evaluation.predicting import Source, predict

    trained, inference = loaded(folder)
    sources = [Source(str(path), path) for path in photos]
    return lambda: len([*predict(trained, sources, inference, top=5)])


def decoder(photos: Sequence[Path], folder: Path) -> Pass:
    from atalho.data.folder import decoded

    trained, inference = loaded(folder)
    size = inference.batch_size(trained.network.input)
    return lambda: len([*decoded(photos, trained.framing, size)])


def network(photos: Sequence[Path], folder: Path) -> Pass:
    from atalho.data.batches import preprocess

    trained, inference = loaded(folder)
    size = inference.batch_size(trained.network.input)
    batch = torch.zeros(
        size, *trained.network.input[1:], trained.network.input[0], dtype=torch.uint8
    )

    def run() -> int:
        with torch.inference_mode():
            for _ in range(0, len(photos), size):
                images = preprocess(batch, trained.preprocessing).to(inference.device)
                trained.model(images).softmax(1).topk(5)
        return -(-len(photos) // size) * size

    return run


CONTENDERS: dict[str, Callable[[Sequence[Path], Path], Pass]] = {
    "Pillow, torchvision, eager": peer,
    "atalho": pipeline,
    "decoder alone": decoder,
    "network alone": network,
}

AIMS = {"ratio_to_the_peer_on_12_megapixels_at_least": 5, "share_of_the_slower_part_at_least": 0.9}


def child(contender: str, photos: Path, folder: Path) -> None:
    """Prints the photos a second of a pass for every line on standard input."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # libraries print what they like
    run = CONTENDERS[contender](sorted(photos.rglob("*.jpg")), folder)
    for _ in sys.stdin:
        begun = time.perf_counter()
        count = run()
        answers.write(f"{count / (time.perf_counter() - begun)}\n")


def turns(photos: Path, folder: Path, rounds: int) -> dict[str, list[float]]:
    """Photos a second of every contender in every round, after one that is not counted."""
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    children = {
        name: subprocess.Popen(
            [sys.executable, __file__, "--child", name, str(photos), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for name in CONTENDERS
    }
    rates: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for number in range(rounds + 1):
        for name, process in children.items():
            assert process.stdin and process.stdout
            process.stdin.write("\n")
            process.stdin.flush()
            rate = float(process.stdout.readline())
            if number:
                rates[name].append(rate)
    for process in children.values():
        process.kill()
        process.wait()
    return rates


def from_files(
    files: Sequence[Path], weights: Path, calibration: Path | None, settings: argparse.Namespace
) -> dict[str, Any]:
    """Photos a second from files to labels, of photos as they are and of large ones."""
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "engine"
        command = [sys.executable, "-P", "-m", "atalho", "export", "resnet50"]
        command += ["--weights", str(weights), "--to", "engine", "-o", str(folder)]
        command += ["-b", str(settings.batch_size)]
        command += ["--data", str(calibration)] if calibration else []
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        engine = json.loads((folder / "engine.json").read_text())
        for name in ("as they are", "12 megapixels"):
            photos = Path(root) / name.replace(" ", "-")
            photos.mkdir()
            for number, path in enumerate(files[: settings.photos_a_pass]):
                data = path.read_bytes()
                large = enlarged(data) if name == "12 megapixels" else data
                (photos / f"{number:04}.jpg").write_bytes(large)
            rates = turns(photos, folder, settings.rounds)
            middle = {contender: median(each) for contender, each in rates.items()}
            decode, run = middle["decoder alone"], middle["network alone"]
            results[name] = {
                "photos": len([*photos.iterdir()]),
                "engine": f"{engine['engine']} {engine['dtype']}",
                "photos_per_second": rates,
                "median": middle,
                "ratio_to_the_peer": middle["atalho"] / middle["Pillow, torchvision, eager"],
                "share_of_the_slower_part": middle["atalho"] / min(decode, run),
                "share_of_both_on_the_same_cores": middle["atalho"] * (1 / decode + 1 / run),
            }
            parts = ", ".join(f"{contender} {rate:.1f}" for contender, rate in middle.items())
            print(f"{name:14} {parts} photos/s", flush=True)
    return results


def decoding(files: Sequence[bytes], rounds: int) -> dict[str, Any]:
    """Images a second of one core, from a file's bytes to a crop."""
    torch.set_num_threads(1)
    sets = {"as they are": jobs(files), "12 megapixels": jobs([*map(enlarged, files[:ENLARGED])])}
    results = {}
    for name, work in sets.items():
        rates_by_path = measure(work, rounds)
        results[name] = {
            "photos": len(work),
            "images_per_second": rates_by_path,
            "median": {path: median(rates) for path, rates in rates_by_path.items()},
            "scaled": sum(job.window.scale(job.size) > 1 for job in work),
            "mean_difference_of_scaled_decoding": difference(work),
        }
        for path, rates in rates_by_path.items():
            print(
                f"{name:14} {path:24} {median(rates):7.1f} images/s   ({min(rates):.1f} to {max(rates):.1f})"
            )
        print(
            f"{name:14} scaled decoding changes {difference(work):.2f} of 255 levels",
            file=sys.stderr,
        )
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, help="a folder of JPEG files, and of folders")
    parser.add_argument("--weights", type=Path, help="ResNet-50's, a folder; none for no network")
    parser.add_argument("--calibration", type=Path, help="class folders, to offer int8")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--photos-a-pass", type=int, default=64)
    parser.add_argument("-b", "--batch-size", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, help="write what was measured as JSON")
    options = parser.parse_args()
    files = sorted(options.photos.rglob("*.jpg"))
    core = {min(os.sched_getaffinity(0))}
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, core)
    results = {"decoding": decoding([path.read_bytes() for path in files], options.rounds)}
    os.sched_setaffinity(0, cores)
    if options.weights:
        results["from files to labels"] = from_files(
            files, options.weights, options.calibration, options
        )
    if options.output:
        result = {
            "question": "images/s of one core from a JPEG file's bytes to a random 224x224 crop of 8 to 100 % of it; "
            "photos/s of all cores from files to labels",
            "command": "python benchmarks/decoding.py PHOTOS --weights DIR",
            "rounds": options.rounds,
            "batch": options.batch_size,
            "sets": results,
            "aims": AIMS,
            "device": processor(),
            "versions": versions("torch", "torchvision", "pillow", "numpy", "openvino"),
            "at": now(),
        }
        options.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    else:
        main()
