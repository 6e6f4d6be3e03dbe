"""Trainings on CIFAR-10 from a file of command lines, several at once on one GPU.

A line is the words after `atalho train`, for instance `resnet20 --recipe he2015_cifar --compile`; the data, the device, the
threads and the output are added. Lines are begun in their order. Empty lines and those that begin with # are left out.
"""

import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, TextIO

from atalho import record
from gpu_part import ENVIRONMENT, Options, Part, command
from gpu_trainings import ENDING, pack

SHOWN = ("top1", "train_time", "train_throughput")


class Training:
    """A run under way; its folder is named by its line."""

    def __init__(self, line: str, options: Options, runs: Path) -> None:
        words = shlex.split(line)
        self.name = "-".join(word.lstrip("-") for word in words)
        self.folder = runs / self.name
        self.begun = time.monotonic()
        self.log: TextIO = (runs / f"{self.name}.log").open("a")
        data = ["--data", "cifar10", "--data-dir", str(options.cifar), "--device", options.device]
        output = ["-t", "1", "--save-every", "30", "--output", str(self.folder), "--resume"]
        self.process = subprocess.Popen(
            command("train", *words, *data, *output),
            stdout=self.log,
            stderr=subprocess.STDOUT,
            text=True,
            env=ENVIRONMENT,
        )

    def result(self) -> dict[str, Any]:
        """How the run ended, once its process has."""
        self.log.close()
        result: dict[str, Any] = {
            "code": self.process.returncode,
            "seconds": round(time.monotonic() - self.begun, 1),
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
    under_way: list[Training] = []
    try:
        while (waiting or under_way) and part.left > ENDING:
            for each in [each for each in under_way if each.process.poll() is not None]:
                under_way.remove(each)
                part.write(f"ended {each.name}", **each.result(), beside=len(under_way))
            while waiting and len(under_way) < options.at_once:
                under_way.append(Training(waiting.pop(0), options, runs))
                part.write(f"begun {under_way[-1].name}")
            time.sleep(0.2)
    finally:
        for each in under_way:
            each.process.send_signal(signal.SIGTERM)
        for each in under_way:
            try:
                each.process.wait(5)
            except subprocess.TimeoutExpired:
                each.process.kill()
                each.process.wait()
            part.write(f"stopped {each.name}", **each.result())
        for line in waiting:
            part.write("not begun", line=line)
        pack(runs, options.output / "runs.tar.gz")
