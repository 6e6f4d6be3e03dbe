"""What a folder of a million photos costs before the first step: seconds and memory of its first scan, of a warm start, and of finding copies.

    python benchmarks/folder.py -o results/folder.json

A tree of tiny grey pictures is written to a temporary folder: noise, no two files alike; one in a hundred is a copy of the picture
before it, a little brighter; 8,000 show a small square on white, which is hard for an index of near copies. Each measurement is a
process of its own, as a training is: the first scan, the same again once all is known, and the copies alone. The memory is the
highest that the process had (VmHWM), with Python and torch. The tree lies in the page cache, so that the disk is not measured.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from atalho.runtime.processor import cores

WIDTH, HEIGHT = 34, 32
PLAIN = 8_000
COPY_OF = 100
AIM = {"seconds": 30.0, "bytes": 1e9}
"""Of a warm start of 1.28 million files, for each process."""

START = """
import json, sys, time
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
begun = time.perf_counter()
from atalho.data import load
imported, base = time.perf_counter(), getrusage(RUSAGE_SELF).ru_maxrss
scanned = []
lines = []
data = load(sys.argv[1], Path(sys.argv[2]), lambda done, total: scanned.append(time.perf_counter()) if done == total else None, say=lines.append)
loaded = time.perf_counter()
checksum = data.checksum
print(json.dumps({
    "import_seconds": imported - begun, "contents_seconds": scanned[-1] - imported, "load_seconds": loaded - imported,
    "checksum_seconds": time.perf_counter() - loaded,
    "seconds": time.perf_counter() - begun, "bytes": 1024 * getrusage(RUSAGE_SELF).ru_maxrss, "bytes_of_imports": 1024 * base,
    "images": {split: len(images.labels) for split, images in data.splits.items()}, "checksum": checksum, "said": lines,
}))
"""
"""A start: what `atalho train --data FOLDER` does before it builds the network."""


def pictures(count: int) -> Iterator[bytes]:
    """The bytes of so many files, no two alike."""
    random = np.random.default_rng(0)
    header = f"P5 {WIDTH} {HEIGHT} 255\n".encode()
    every = max(2, count // PLAIN)
    block = np.empty((0, HEIGHT, WIDTH), np.uint8)
    for number in range(count):
        if not number % 1000:
            block = random.integers(0, 255, (1000, HEIGHT, WIDTH), np.uint8)
        picture = block[number % 1000]
        if number % every == 1:
            picture[:] = 255
            top, left = (
                number // every % (HEIGHT - 8),
                number // every // (HEIGHT - 8) % (WIDTH - 8),
            )
            picture[top : top + 8, left : left + 8] = random.integers(0, 200)
            picture[top, left : left + 4] = [*number.to_bytes(4)]
        elif number % COPY_OF == 2:
            picture[:] = block[number % 1000 - 2] + 1
        yield header + picture.tobytes()


def fill(root: Path, files: int, classes: int) -> None:
    """Writes a tree of so many files in as many folders of classes."""
    folders = [root / f"class{number:05}" for number in range(classes)]
    for folder in folders:
        folder.mkdir(parents=True)
    for number, content in enumerate(pictures(files)):
        # Neighbours, of which some are copies, lie in one class.
        path = f"{folders[number * classes // files]}/picture-{number:08}.pgm"
        with open(path, "wb") as file:  # noqa: PTH123 (a million of them)
            file.write(content)


def start(root: Path, data_dir: Path) -> dict[str, Any]:
    """Loads the folder in a process of its own."""
    command = [sys.executable, "-c", START, str(root), str(data_dir)]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    if child.returncode:
        sys.exit(child.stderr)
    measured: dict[str, Any] = json.loads(child.stdout)
    return measured


def measure(files: int, classes: int, folder: Path) -> dict[str, Any]:
    """A first and a warm start of a tree that is written for it."""
    root, data_dir = folder / f"tree-{classes}", folder / f"data-{classes}"
    begun = time.perf_counter()
    fill(root, files, classes)
    print(f"{files:,} files, {classes:,} classes: written in {time.perf_counter() - begun:.0f} s")
    starts = {name: start(root, data_dir) for name in ("first", "warm")}
    first, warm = starts["first"], starts["warm"]
    if warm["checksum"] != first["checksum"] or warm["images"] != first["images"]:
        sys.exit("the warm start has other images than the first")
    rate = files / first["contents_seconds"]
    kept = sum(path.stat().st_size for path in data_dir.rglob("*") if path.is_file())
    print(f"  first: {first['seconds']:.1f} s, {rate:,.0f} files/s, {first['bytes'] / 1e6:,.0f} MB")
    print(
        f"  warm:  {warm['seconds']:.1f} s ({ {k: round(v, 1) for k, v in warm.items() if k.endswith('seconds')} }), {warm['bytes'] / 1e6:,.0f} MB"
    )
    print(*(f"  {line}" for line in first["said"]), sep="\n")
    return {
        "files": files,
        "classes": classes,
        "files_per_second": rate,
        "files_per_second_and_core": rate / cores(),
        "bytes_kept": kept,
        **starts,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1_300_000)
    parser.add_argument("--classes", type=int, nargs="+", default=[1_000, 50_000])
    parser.add_argument("--folder", type=Path, help="where the trees are written (5 GB each)")
    parser.add_argument("-o", "--output", type=Path, help="write what was measured as JSON")
    options = parser.parse_args()
    load_before = os.getloadavg()[0]
    results = []
    for classes in options.classes:
        with TemporaryDirectory(dir=options.folder) as folder:
            results.append(measure(options.files, classes, Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
