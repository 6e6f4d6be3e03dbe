"""Runs parts of the campaign, and puts their counts into a file: python -m campaign [PART…] --cases N -o FILE.

Parts: rot, hostile, extremes; all unless named. Exit code 1 where there is a fault.
"""

import argparse
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from campaign import extremes, hostile, rotting
from campaign.counts import Counts, write
from campaign.rot import rot

CUTS = 64
"""Truncations of each file, at most; of few cases a tenth."""


def _rot(cases: int, folder: Path) -> list[Counts]:
    cuts = min(CUTS, max(4, cases // 10))
    return [rot(target, cases, cuts) for target in rotting.targets(folder)]


PARTS = {"rot": _rot, "hostile": hostile.campaign, "extremes": extremes.campaign}


def main() -> int:
    parser = argparse.ArgumentParser(prog="campaign", description=__doc__)
    parser.add_argument("part", nargs="*", choices=[*PARTS, []], help="of the campaign")
    parser.add_argument("--cases", type=int, default=2000, help="of each kind")
    parser.add_argument("-o", "--output", type=Path, default=Path("results/campaign.json"))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    faults = 0
    for name in chosen.part or PARTS:
        with TemporaryDirectory(prefix="campaign-") as folder:
            os.environ["ATALHO_CACHE"] = str(Path(folder) / "cache")
            for counts in PARTS[name](chosen.cases, Path(folder)):
                write(chosen.output, counts, cases_of_each_kind=chosen.cases)
                faults += counts.faults.total()
                ends = ", ".join(f"{number} {how}" for how, number in sorted(counts.ends.items()))
                print(f"{counts.part}: {counts.cases} cases: {ends}; faults: {dict(counts.faults)}")
                for example in counts.examples:
                    print(f"    {example[:400]}")
    return min(faults, 1)


if __name__ == "__main__":
    sys.exit(main())
