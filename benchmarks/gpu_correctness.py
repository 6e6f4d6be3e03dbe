"""Whether a GPU computes correctly: compared with a processor, repeatedly, and when a run is interrupted."""

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from atalho import record
from atalho.grammar.module import Outputs
from atalho.networks import subjects
from atalho.record import versions
from atalho.runtime.determinism import deterministic
from atalho.runtime.precision import autocast, whole_float32
from atalho.runtime.processor import processor
from gpu_part import ENVIRONMENT, Options, Part, atalho, command, until

NETWORKS = (
    *("alexnet", "alexnet.owt", "vgg11", "vgg16", "vgg11.bn", "nin", "googlenet", "googlenet.bn"),
    *("inception_v3", "inception_v4", "resnet18", "resnet18.b", "resnet50", "resnet152", "plain34"),
    *("resnet20", "plain20", "resnet56", "plain56", "resnet110", "googlenet.small", "enet"),
)
FEW = ("resnet20",)
FLOAT32 = 1e-4
"""By which share of the largest logit float32 may differ between devices: ten times rounding, a tenth of TF32."""

AT_ONCE = 6  # command lines
STOP_SECONDS = 2.0  # seconds from a signal to the end; the state is on the disk then
MEGABYTE = 2**20


def run(part: Part, options: Options) -> None:
    device = torch.device(options.device)
    cuda = device.type == "cuda"
    part.write(
        "machine",
        device=torch.cuda.get_device_name(device) if cuda else processor(),
        memory=torch.cuda.get_device_properties(device).total_memory if cuda else None,
        processor=processor(),
        cuda=torch.version.cuda,
        cudnn=torch.backends.cudnn.version(),
        versions=versions("torch", "torchvision", "numpy", "triton", "click", "zeus"),
        tf32_by_default={
            "matmul": torch.backends.cuda.matmul.allow_tf32,
            "convolutions": torch.backends.cudnn.allow_tf32,
        },
    )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        runs = Runs(part, options, Path(folder))
        pool = ThreadPoolExecutor(AT_ONCE if cuda else 1)
        waiting = [
            pool.submit(check) for name, check in runs.checks().items() if options.wants(name)
        ]
        networks = FEW if options.smoke else NETWORKS
        numbers(part, device, tuple(filter(options.wants, networks)))
        wait(waiting, timeout=part.left)
        pool.shutdown(wait=False, cancel_futures=True)
        runs.end()


def numbers(part: Part, device: torch.device, names: tuple[str, ...]) -> None:
    """Compares logits with the processor's, and gradients of repeated steps with each other, network by network."""
    whole_float32()
    part.write(
        "tf32",
        ok=not (torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32),
    )
    for name in names:
        if part.left < 10:
            part.write(name, skipped="no time is left")
            continue
        with part.item(f"logits {name}") as result:
            result |= logits(name, device)
        with part.item(f"gradients {name}") as result:
            result |= gradients(name, device)


def _built(name: str) -> tuple[nn.Module, Tensor]:
    """The network, and noise for it."""
    network = subjects.get(name)
    size = 8 if network.input[1] < 64 else 2
    images = torch.randn(size, *network.input, generator=torch.Generator().manual_seed(0))
    return subjects.build(network, seed=0), images


def logits(name: str, device: torch.device) -> dict[str, Any]:
    """How far logits are from the processor's in float32, with TF32 allowed, and in bf16; as shares of the largest logit."""
    model, images = _built(name)
    model.eval()
    with torch.inference_mode():
        expected = model(images)
        model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        on_device = images.to(device, memory_format=torch.channels_last)
        scale = expected.abs().max()

        def off(outputs: Tensor) -> float:
            return float((outputs.float().cpu() - expected).abs().max() / scale)

        result: dict[str, Any] = {"float32": off(model(on_device))}
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        result["tf32"] = off(model(on_device))
        whole_float32()
        with autocast(device, "bf16"):
            result["bf16"] = off(model(on_device))
    return {"ok": result["float32"] < FLOAT32, **result}


def gradients(name: str, device: torch.device) -> dict[str, Any]:
    """Whether a step's gradients have the same bits every time, and torch's warnings of operations that are not deterministic."""
    model, images = _built(name)
    model.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    on_device = images.to(device, memory_format=torch.channels_last)
    labels = torch.arange(len(on_device), device=device)
    messages: list[str] = []

    def step() -> list[Tensor]:
        torch.manual_seed(0)
        model.zero_grad()
        with autocast(device, "bf16"):
            predicted = model(on_device)
        heads = (
            [predicted.logits, *predicted.auxiliary]
            if isinstance(predicted, Outputs)
            else [predicted]
        )
        sum(F.cross_entropy(each.float(), labels) for each in heads).backward()  # type: ignore[union-attr]
        return [each.grad.clone() for each in model.parameters() if each.grad is not None]

    def same() -> bool:
        first = step()
        return all(
            torch.equal(one, other)
            for _ in range(2)
            for one, other in zip(first, step(), strict=True)
        )

    with deterministic(device, name, required=False, say=messages.append):
        ok = same()
    return {"ok": ok, "same_without_deterministic_algorithms": same(), "said": messages}


class Runs:
    """Runs of the command line on the digits: killed and resumed, stopped, and out of memory."""

    def __init__(self, part: Part, options: Options, folder: Path) -> None:
        self.part = part
        self.options = options
        self.folder = folder
        self.cuda = options.device != "cpu"
        self.steps = 20 if options.smoke else 600
        self.alive: set[subprocess.Popen[str]] = set()

    def checks(self) -> dict[str, Callable[[], None]]:
        """Each check by the name that `--only` knows it by."""
        resumed: list[tuple[str, ...]] = [("resnet20",)]
        if not self.options.smoke:
            resumed = [("resnet20", "--compile"), *resumed, ("googlenet.small",), ("enet",)]
            resumed += [("googlenet.small", "--precision", "float32"), ("resnet110",)]
        checks: dict[str, Callable[[], None]] = {
            " ".join(["resumed", *words]): partial(self.resumption, *words) for words in resumed
        }
        checks |= {
            "signals": self.stopped,
            "losses": self.beside_the_processor,
            "learned": self.learned,
        }
        if self.cuda:
            checks |= {
                "memory training": self.memory_of_training,
                "memory evaluation": self.memory_of_evaluation,
            }
        return checks

    def end(self) -> None:
        """Ends what still runs."""
        for each in [*self.alive]:
            each.kill()

    def train(
        self, name: str, *words: str, steps: int | None = None, device: str = ""
    ) -> list[str]:
        length = str(steps or self.steps)
        where = ["--output", str(self.folder / name), "--device", device or self.options.device]
        return ["train", *words, "--data", "digits", "--steps", length, "-t", "2", *where]

    def start(self, words: list[str]) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command(*words),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        self.alive.add(process)
        return process

    def resumption(self, *words: str) -> None:
        """Compares a run that is killed and resumed with one that is not."""
        title = " ".join(words)
        with self.part.item(f"resumed after a kill: {title}") as result:
            key = title.replace(" ", "_")
            whole, parts = f"{key}-whole", f"{key}-parts"
            completed = atalho(*self.train(whole, *words), seconds=self.part.left)
            result["whole"] = _outcome(completed)
            often = ["--save-every", "0.3" if self.cuda else "0"]
            process = self.start([*self.train(parts, *words), *often])
            checkpoints = self.folder / parts / "checkpoints"
            until(
                lambda: process.poll() is not None or len([*checkpoints.glob("step-*")]) >= 2,
                self.part.left,
            )
            process.kill()
            process.communicate()
            result["killed"] = process.returncode == -signal.SIGKILL
            result["checkpoints"] = sorted(each.name for each in checkpoints.glob("step-*"))
            completed = atalho(
                *self.train(parts, *words), *often, "--resume", seconds=self.part.left
            )
            result["resumed"] = _outcome(completed)
            for name in ("model.safetensors", "metrics.csv"):
                whole_bytes, parts_bytes = (
                    (self.folder / each / name).read_bytes() for each in (whole, parts)
                )
                result[name] = whole_bytes == parts_bytes
            result["ok"] = (
                result["killed"] and result["model.safetensors"] and result["metrics.csv"]
            )

    def stopped(self) -> None:
        """How long a run of short steps, and one of long steps, takes to end after a signal."""
        for network, batch in (("resnet20", 64), ("resnet110", 1024)):
            for number in (signal.SIGTERM, signal.SIGINT):
                if self.part.left < 10:
                    return
                with self.part.item(f"{number.name} to {network}, batch {batch}") as result:
                    name = f"{number.name}-{network}"
                    words = self.train(name, network, "-b", str(batch), steps=1_000_000)
                    process = self.start([*words, "--save-every", "0.5"])
                    checkpoints = self.folder / name / "checkpoints"
                    until(
                        lambda: process.poll() is not None or any(checkpoints.glob("step-*")),  # noqa: B023
                        self.part.left,
                    )
                    begun = time.monotonic()
                    process.send_signal(number)
                    _, errors = process.communicate(timeout=30)
                    result |= {
                        "answered": time.monotonic() - begun,
                        "code": process.returncode,
                        "said": errors.splitlines()[-3:],
                    }
                    expected = {signal.SIGTERM: 143, signal.SIGINT: 130}[number]
                    result["ok"] = process.returncode == expected and (
                        result["answered"] < STOP_SECONDS
                    )
            if self.options.smoke:
                return

    def beside_the_processor(self) -> None:
        """Compares the first steps' losses in float32 with the processor's."""
        with self.part.item("losses beside the processor's, float32") as result:
            losses = []
            for device in (self.options.device, "cpu"):
                name = f"float32-{device.partition(':')[0]}-{len(losses)}"
                words = self.train(
                    name, "resnet20", "--precision", "float32", steps=20, device=device
                )
                process = atalho(*words, seconds=self.part.left)
                result[name] = _outcome(process)
                losses.append(self.curve(name, "train_loss"))
            off = [abs(a / b - 1) for a, b in zip(*losses, strict=True)]
            result |= {"relative": off, "ok": off[0] < 1e-4}

    def learned(self) -> None:
        """Accuracy in float32, in bf16, and compiled."""
        variants = [("--precision", "float32"), ("--precision", "bf16"), ("--compile",)]
        for words in variants[: 1 if self.options.smoke else None]:
            title = " ".join(words)
            with self.part.item(f"learned: {title}") as result:
                name = "learned" + "".join(words)
                process = atalho(*self.train(name, "resnet20", *words), seconds=self.part.left)
                result["said"] = _outcome(process)
                records = record.read(self.folder / name / "records.jsonl")
                for quantity in ("top1", "train_time", "train_throughput"):
                    result[quantity] = next(e.value for e in records if e.quantity == quantity)
                result["dtype"] = next(
                    e.conditions["dtype"] for e in records if "dtype" in e.conditions
                )
                result["ok"] = result["top1"] > (0.0 if self.options.smoke else 0.9)

    def curve(self, name: str, quantity: str) -> list[float]:
        records = record.read(self.folder / name / "records.jsonl")
        return [each.value for each in records if each.quantity == quantity]

    def memory_of_training(self) -> None:
        """A batch that does not fit into half a gigabyte is one line, with the parts that it would have to be cut into."""
        with self.part.item("too little memory for a training") as result:
            words = self.train("greedy", "resnet110", "-b", "4096", steps=5)
            self._limited(result, 512 * MEGABYTE, words, "--grad-accum-steps")

    def memory_of_evaluation(self) -> None:
        """The same of an evaluation."""
        with self.part.item("too little memory for an evaluation") as result:
            words = self.train("asked", "resnet110", steps=2)
            result["trained"] = _outcome(atalho(*words, seconds=self.part.left))
            run = str(self.folder / "asked")
            evaluate = ["evaluate", run, "--data", "digits", "--device", self.options.device]
            self._limited(result, 18 * MEGABYTE, evaluate, "--batch-size")

    def _limited(self, result: dict[str, Any], size: int, words: list[str], advice: str) -> None:
        total = torch.cuda.get_device_properties(0).total_memory
        script = (
            "import sys, torch\nfrom atalho.cli import main\n"
            f"torch.cuda.set_per_process_memory_fraction({size / total!r})\nsys.exit(main(sys.argv[1:]))"
        )
        process = subprocess.run(
            [sys.executable, "-c", script, *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=max(1.0, self.part.left),
            env=ENVIRONMENT,
        )
        last = process.stderr.strip().splitlines()[-3:]
        result |= {"code": process.returncode, "said": last}
        result["ok"] = (
            process.returncode == 6 and "OUT-OF-MEMORY" in last[-1] and advice in last[-1]
        )


def _outcome(process: subprocess.CompletedProcess[str]) -> list[str]:
    """A command's exit code, and the last lines of its output."""
    return [
        str(process.returncode),
        *process.stderr.strip().splitlines()[-3:],
        *process.stdout.splitlines()[-1:],
    ]
