"""What a folder of a million photos costs before the first step: seconds and memory of its first scan, of a warm start, and of finding copies.

    python benchmarks/folder.py --classes 1000 --folder trees -o results/folder.json

A tree of tiny grey pictures is written to a temporary folder: noise, no two files alike; one in a hundred is a copy of the picture
before it, a little brighter; 8,000 show a small square on white, which is hard for an index of near copies. Each measurement is a
process of its own, as a training is: the first scan, the same again once all is known, and the copies alone. The memory is the
highest that the process had (VmHWM), with Python and torch. The tree lies in the page cache, so that the disk is not measured.

With --folder the trees and what the first scan was are kept there, and a later call measures a warm start alone, which can be done
while the machine has nothing else to do.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from atalho.record import now, versions
from atalho.runtime.processor import cores, processor

WIDTH, HEIGHT = 34, 32
PLAIN = 8_000
COPY_OF = 100
PARTS = "import", "contents", "load", "checksum"
"""Of a start; `load` is `contents`, and after it the copies and the division."""

AIM = {"seconds": 30.0, "bytes": 1e9}
"""Of a warm start of 1.28 million files, for each process."""

START = """
import json, sys, time
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

def seconds():
    return time.perf_counter() - begun

def highest():
    return 1024 * getrusage(RUSAGE_SELF).ru_maxrss

begun = time.perf_counter()
from atalho.data import load
imported, of_imports = seconds(), highest()
scanned, lines = [], []
progress = lambda done, total: scanned.append(seconds()) if done == total else None
say = lambda line: lines.append(line.replace(sys.argv[1], "FOLDER"))
data = load(sys.argv[1], Path(sys.argv[2]), progress, say=say)
loaded = seconds()
checksum = data.checksum
print(json.dumps({
    "import_seconds": imported, "contents_seconds": scanned[-1] - imported, "load_seconds": loaded - imported,
    "checksum_seconds": seconds() - loaded, "seconds": seconds(), "processor_seconds": time.process_time(), "bytes": highest(), "bytes_of_imports": of_imports,
    "images": {name: len(images.labels) for name, images in data.splits.items()}, "checksum": checksum, "lines": lines,
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
    load = os.getloadavg()[0]
    command = [sys.executable, "-c", START, str(root), str(data_dir)]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    if child.returncode:
        sys.exit(child.stderr)
    measured: dict[str, Any] = json.loads(child.stdout)
    return {"load": load, **measured}


def tree(files: int, classes: int, folder: Path) -> Path:
    """The tree in a folder, which is written where it is not there yet."""
    root, unfinished = folder / f"{files}-in-{classes}-classes", folder / "unfinished"
    if not root.exists():
        begun = time.perf_counter()
        shutil.rmtree(unfinished, ignore_errors=True)
        fill(unfinished, files, classes)
        unfinished.rename(root)
        print(
            f"{files:,} files in {classes:,} classes: written in {time.perf_counter() - begun:.0f} s"
        )
    return root


def first_start(root: Path, data_dir: Path) -> dict[str, Any]:
    """The first start of a tree, which is measured where nothing is kept of it yet."""
    kept = root.with_suffix(".json")
    if not kept.exists():
        shutil.rmtree(data_dir, ignore_errors=True)
        kept.write_text(json.dumps(start(root, data_dir)))
    first: dict[str, Any] = json.loads(kept.read_text())
    return first


def measure(files: int, classes: int, folder: Path) -> dict[str, Any]:
    """A first and a warm start of a tree."""
    root = tree(files, classes, folder)
    data_dir = folder / f"{root.name}-data"
    first, warm = first_start(root, data_dir), start(root, data_dir)
    starts = {"first": first, "warm": warm}
    if (warm["checksum"], warm["images"]) != (first["checksum"], first["images"]):
        sys.exit("the warm start has other images than the first")
    rate = files / first["contents_seconds"]
    for name, each in starts.items():
        parts = ", ".join(f"{part} {each[f'{part}_seconds']:.1f}" for part in PARTS)
        print(
            f"  {name:5}: {each['seconds']:6.1f} s ({parts}; of the processor {each['processor_seconds']:.1f}), {each['bytes'] / 1e6:,.0f} MB"
        )
    print(f"  {rate:,.0f} files/s at first", *first["lines"], sep="\n  ")
    return {
        "files": files,
        "classes": classes,
        "files_per_second": rate,
        "files_per_second_and_core": rate / cores(),
        "bytes_kept": sum(path.stat().st_size for path in data_dir.rglob("*") if path.is_file()),
        **starts,
    }


def write(output: Path, trees: list[dict[str, Any]]) -> None:
    """Writes what was measured as JSON."""
    result = {
        "question": "seconds and memory before the first step of a training on a folder of photos, at first and once it is known",
        "command": f"python benchmarks/folder.py --files {trees[0]['files']} --classes {' '.join(str(tree['classes']) for tree in trees)} --folder trees",
        "picture": f"grey, {WIDTH}x{HEIGHT} pixels, PGM; in the page cache",
        "aim_of_a_warm_start": AIM,
        "trees": trees,
        "device": processor(),
        "versions": versions("numpy", "pillow", "torch"),
        "at": now(),
    }
    output.write_text(json.dumps(result, indent=1) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1_300_000)
    parser.add_argument("--classes", type=int, nargs="+", default=[1_000, 50_000])
    parser.add_argument("--folder", type=Path, help="keep the trees and what is known of them here")
    parser.add_argument("-o", "--output", type=Path, help="write what was measured as JSON")
    options = parser.parse_args()
    trees: list[dict[str, Any]] = []
    for classes in options.classes:
        with nullcontext(options.folder) if options.folder else TemporaryDirectory() as folder:
            trees.append(measure(options.files, classes, Path(folder)))
            if options.output:  # now, for it takes minutes to remove the tree
                write(options.output, trees)
    return int(any(tree["warm"][name] > aim for tree in trees for name, aim in AIM.items()))


if __name__ == "__main__":
    sys.exit(main())
