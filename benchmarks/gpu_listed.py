"""Trainings on CIFAR-10 from a file of command lines, several at once on one GPU.

A line is the words after `atalho train`, for instance `resnet20 --recipe he2015_cifar --compile`; the data, the device, the
threads and the output are added. Lines are begun in their order. Empty lines and those that begin with # are left out.
"""

import shlex
import time
from pathlib import Path
from typing import Any

from atalho import record
from gpu_part import Options, Part
from gpu_trainings import ENDING, Training, pack, stop

SHOWN = ("top1", "train_time", "train_throughput")


class Listed(Training):
    """The run of a line, which names its folder."""

    def __init__(self, line: str, options: Options, runs: Path) -> None:
        words = shlex.split(line)
        name = "-".join(word.lstrip("-") for word in words)
        super().__init__(name, words, options, runs)

    def result(self) -> dict[str, Any]:
        """How the run ended, once its process has."""
        self.log.close()
        result: dict[str, Any] = {
            "code": self.process.returncode,
            "seconds": round(self.seconds, 1),
            "last": Path(self.log.name).read_text().splitlines()[-2:],
        }
        records = self.folder / "records.jsonl"
        if records.exists():
            result |= {e.quantity: e.value for e in record.read(records) if e.quantity in SHOWN}
        return result


def run(part: Part, options: Options) -> None:
    """Every line as soon as a place is free; what still runs at the end is stopped by a signal, and can be resumed."""
    if options.cifar is None or options.commands is None:
        part.write("skipped", cause="--cifar and --commands are needed")
        return
    runs = options.output / "runs"
    runs.mkdir(exist_ok=True)
    lines = [line.strip() for line in options.commands.read_text().splitlines()]
    waiting = [line for line in lines if line and not line.startswith("#")]
    under_way: list[Listed] = []
    try:
        while (waiting or under_way) and part.left > ENDING:
            for each in [each for each in under_way if each.process.poll() is not None]:
                under_way.remove(each)
                part.write(f"ended {each.name}", **each.result(), beside=len(under_way))
            while waiting and len(under_way) < options.at_once:
                under_way.append(Listed(waiting.pop(0), options, runs))
                part.write(f"begun {under_way[-1].name}")
            time.sleep(0.2)
    finally:
        stop(part, under_way)
        for line in waiting:
            part.write("not begun", line=line)
        pack(runs, options.output / "runs.tar.gz")
