"""Runs parts of the campaign, and puts their counts into a file: python -m campaign [PART…] --cases N -o FILE.

Parts: trainings, kills, comparisons (kills of trainings, of what takes seconds, of comparisons), disk, rot, hostile, names, surroundings,
extremes; all unless named.
Exit code 1 where there is a fault.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from campaign import disk, extremes, hostile, kills, names, rotting, surroundings
from campaign.counts import Counts, write
from campaign.rot import rot

CUTS = 64
"""Truncations of each file, at most; of few cases a tenth."""


def _rot(cases: int, folder: Path) -> Iterator[Counts]:
    cuts = min(CUTS, max(4, cases // 10))
    for target in rotting.targets(folder):
        yield rot(target, cases, cuts)


def _names(cases: int, folder: Path) -> Iterator[Counts]:
    yield names.names(cases, folder)


PARTS: dict[str, Callable[[int, Path], Iterable[Counts]]] = {
    "trainings": kills.trainings,
    "kills": kills.others,
    "comparisons": kills.comparisons,
    "disk": disk.campaign,
    "rot": _rot,
    "hostile": hostile.campaign,
    "names": _names,
    "surroundings": surroundings.campaign,
    "extremes": extremes.campaign,
}

FORKING = ("trainings", "kills", "comparisons", "disk")
"""Parts that fork, and therefore come before torch is used in this process."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="campaign", description=__doc__)
    parser.add_argument("part", nargs="*", help="of the campaign")
    parser.add_argument("--cases", type=int, default=2000, help="of each kind")
    parser.add_argument("-o", "--output", type=Path, default=Path("results/campaign.json"))
    chosen = parser.parse_args()
    if unknown := {*chosen.part} - {*PARTS}:
        parser.error(f"no part {min(unknown)}; there are {', '.join(PARTS)}")
    faults = 0
    for name in chosen.part or PARTS:
        with TemporaryDirectory(prefix="campaign-") as folder:
            if name not in FORKING:
                torch.set_num_threads(1)
            os.environ["ATALHO_CACHE"] = str(Path(folder) / "cache")
            for counts in PARTS[name](chosen.cases, Path(folder)):
                write(
                    chosen.output,
                    counts,
                    command=f"python -m campaign {name} --cases {chosen.cases}",
                )
                faults += counts.faults.total()
                ends = ", ".join(f"{number} {how}" for how, number in sorted(counts.ends.items()))
                print(f"{counts.part}: {counts.cases} cases: {ends}; faults: {dict(counts.faults)}")
                for example in counts.examples:
                    print(f"    {example[:400]}")
    return min(faults, 1)


if __name__ == "__main__":
    sys.exit(main())
