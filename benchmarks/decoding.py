"""How fast one core decodes a JPEG file to a random 224×224 crop: Pillow, Pillow with scaled decoding, and torchvision's decoder.

    taskset -c 0 python benchmarks/decoding.py PHOTOS -o results/decoding.json

Every photo of the folder, and the first few enlarged to 12 megapixels, is read from memory, turned upright and cropped as
`ResizedCrop` draws it (8 to 100 % of the area), by every path in turn, after one round that is not counted; the record is the
median of the rounds. torchvision decodes the whole picture, crops and resizes it with the same filter (`antialias=True`).

`atalho` uses the first of these paths: scaled decoding, where the crop is more than twice as large as the network's input.
"""

import argparse
import io
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch
from PIL import Image
from torchvision.io import ImageReadMode, decode_jpeg
from torchvision.transforms.v2.functional import resized_crop

from atalho.data.augmentation import boxes
from atalho.data.image import Box, Window, read
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
    return read(job.data, job.window, spare=job.window.spare)


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
        if job.window.spare > 1
    ]
    return float(np.mean(each)) if each else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, help="a folder of JPEG files, and of folders")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("-o", "--output", type=Path, help="write what was measured as JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    files = [path.read_bytes() for path in sorted(options.photos.rglob("*.jpg"))]
    sets = {"as they are": jobs(files), "12 megapixels": jobs([*map(enlarged, files[:ENLARGED])])}
    results = {}
    for name, work in sets.items():
        rates_by_path = measure(work, options.rounds)
        results[name] = {
            "photos": len(work),
            "images_per_second": rates_by_path,
            "median": {path: median(rates) for path, rates in rates_by_path.items()},
            "scaled": sum(job.window.spare > 1 for job in work),
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
    if options.output:
        result = {
            "question": "images/s of one core from a JPEG file's bytes to a random 224x224 crop of 8 to 100 % of it",
            "command": "taskset -c 0 python benchmarks/decoding.py PHOTOS",
            "rounds": options.rounds,
            "sets": results,
            "device": processor(),
            "versions": versions("torch", "torchvision", "pillow", "numpy"),
            "at": now(),
        }
        options.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
