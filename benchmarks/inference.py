"""How long inference takes for an image: atalho's `--engine auto` beside torchvision eager, onnxruntime and OpenVINO called directly.

    python benchmarks/inference.py --weights DIR --photos DIR -o results/inference.json

ResNet-18, ResNet-50, GoogLeNet (torchvision's) and VGG-16 at 224×224, at batch 1 and 16, in float32 unless stated otherwise.
Every contender is a process of its own with all cores, and they take turns of half a second (A B C D, A B C D, …); the record is
the median of the single runs. The peers are used as their documentation says:

    torchvision eager   the module, float32, NCHW, under inference_mode
    onnxruntime         torch.onnx.export of that module, an InferenceSession with its defaults
    OpenVINO            convert_model of that module, compile_model for the CPU with its defaults (bf16 where the processor has it)

atalho is the folder that `atalho export --to engine` makes for batch 1, run as `atalho predict` runs it. int8 is offered only where
real weights and labelled images show what it costs: for ResNet-50, by `--weights` (a folder as timm writes it) and
`--photos` (class folders); the peers' ResNet-50 then has its strides where those weights have them, in the first 1×1.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

TURN, ROUNDS = 0.5, 10
LEAST = 3  # runs of a turn
CLASSES = 1000
SIDE = 224

NETWORKS = {
    "resnet18.b": "resnet18",
    "resnet50": "resnet50",
    "googlenet.bn": "googlenet",
    "vgg16": "vgg16",
}
"""torchvision's name of a network, by atalho's."""

AIMS = {
    "share_of_the_fastest_at_least": 0.97,
    "ratio_to_torchvision_eager_at_least": {"without int8": 2.5, "with int8": 5},
    "top1_lost_by_int8_at_most": 0.005,
}


def torchvision_module(name: str) -> Any:
    """torchvision's network with random weights."""
    import torch
    from torchvision import models

    torch.manual_seed(0)
    settings = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    model = getattr(models, name)(weights=None, **settings).eval()
    if name == "resnet50":
        for stage in (model.layer2, model.layer3, model.layer4):
            stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)
    return model


def eager(name: str, images: Any, _: Path) -> Any:
    import torch

    model = torchvision_module(name)
    placed = torch.from_numpy(images)

    def run() -> None:
        with torch.inference_mode():
            model(placed)

    return run


def onnxruntime(name: str, images: Any, _: Path) -> Any:
    import onnxruntime as ort
    import torch

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        torch.onnx.export(
            torchvision_module(name),
            (torch.from_numpy(images),),
            file,
            input_names=["images"],
            dynamo=True,
            verbose=False,
        )
        session = ort.InferenceSession(file)
    return lambda: session.run(None, {"images": images})


def openvino(name: str, images: Any, _: Path) -> Any:
    import openvino as ov
    import torch

    example = torch.from_numpy(images)
    model = ov.convert_model(torchvision_module(name), example_input=example)
    compiled = ov.Core().compile_model(model, "CPU")
    return lambda: compiled(images)


def atalho(_: str, images: Any, folder: Path) -> Any:
    from atalho.engines import ENGINES, engine_config
    from atalho.engines.engine import Placement
    from atalho.runtime.device import Device

    config = engine_config.read(folder)
    assert config
    cores = len(os.sched_getaffinity(0))
    session = ENGINES[config.backend.engine].open(
        folder, config.backend.dtype, Placement(Device("cpu", cores))
    )
    placed = session.put(images)
    return lambda: session.run(placed)


CONTENDERS = {
    "torchvision eager": eager,
    "onnxruntime": onnxruntime,
    "OpenVINO": openvino,
    "atalho": atalho,
    "atalho with int8": atalho,
}


class Contender:
    """A contender in a process of its own, which runs for a turn whenever `turn` is called."""

    def __init__(self, contender: str, name: str, batch: int, folder: Path) -> None:
        command = [sys.executable, __file__, "--child", contender, name, str(batch), str(folder)]
        environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
        self.child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )

    def turn(self) -> list[float]:
        """Lets it run for a turn, and returns the seconds of its runs."""
        assert self.child.stdin and self.child.stdout
        self.child.stdin.write("\n")
        self.child.stdin.flush()
        times: list[float] = json.loads(self.child.stdout.readline())
        return times


def child(contender: str, name: str, batch: int, folder: Path) -> None:
    output = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print goes to standard error
    shape = (batch, 3, SIDE, SIDE)
    images = np.random.default_rng(0).standard_normal(shape, np.float32)
    run = CONTENDERS[contender](name, images, folder)
    for _ in sys.stdin:
        times: list[float] = []
        while sum(times) < TURN or len(times) < LEAST:
            begun = time.perf_counter()
            run()
            times.append(time.perf_counter() - begun)
        output.write(json.dumps(times) + "\n")


def deployed_folders(weights: Path, photos: Path, root: Path) -> dict[tuple[str, str], Path]:
    """Folders of every network on the engine that auto chooses; for ResNet-50 also with int8 among the candidates."""
    from dataclasses import replace

    from atalho.benchmark.entry import untrained
    from atalho.engines import deploy, samples
    from atalho.engines.choosing import EngineRequest, sentence
    from atalho.engines.engine import Placement
    from atalho.networks import subjects
    from atalho.runtime.device import resolve_device
    from atalho.weights import pretrained

    request = EngineRequest("auto", None, Placement(resolve_device("cpu")), 1)
    folders = {}
    for name in NETWORKS:
        trained = (
            pretrained.load(name, str(weights))
            if name == "resnet50"
            else untrained(subjects.get(name).without_auxiliary())
        )
        kinds = {"atalho": samples.of_photos(trained.framing)}
        if name == "resnet50":
            full = samples.of_folder(trained, photos)
            kinds = {"atalho": replace(full, calibration=None), "atalho with int8": full}
        for kind, sample in kinds.items():
            folder = root / f"{name}-{kind.replace(' ', '-')}"
            trials = deploy.deploy(trained, folder, request, sample)
            print(f"{name}, {kind}: {sentence(trials, 1)}", flush=True)
            best = trials[0]
            outcome = {
                "backend": str(best.backend),
                "agreement": best.agreement,
                "top1_lost": best.lost,
            }
            (root / f"{folder.name}.json").write_text(
                json.dumps({**outcome, "images": len(sample.images)})
            )
            folders[name, kind] = folder
    return folders


def measure(name: str, batch: int, folders: dict[tuple[str, str], Path]) -> dict[str, list[float]]:
    """Seconds of single runs of every contender, by turns."""
    names = [c for c in CONTENDERS if not c.startswith("atalho") or (name, c) in folders]
    contenders = {
        c: Contender(c, NETWORKS[name], batch, folders.get((name, c), Path())) for c in names
    }
    times: dict[str, list[float]] = {c: [] for c in names}
    for turn in range(ROUNDS + 1):
        for each, contender in contenders.items():
            turn_times = contender.turn()
            if turn:  # the first one warms up
                times[each] += turn_times
    for contender in contenders.values():
        contender.child.kill()
        contender.child.wait()
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="ResNet-50's, a folder")
    parser.add_argument("--photos", type=Path, required=True, help="class folders of ImageNet's")
    parser.add_argument("-b", "--batch-size", type=int, action="append")
    parser.add_argument("-o", "--output", type=Path, help="write what was measured as JSON")
    options = parser.parse_args()
    from atalho.record import now, versions
    from atalho.runtime.processor import processor

    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as root:
        folders = deployed_folders(options.weights, options.photos, Path(root))
        engines = {
            f"{name}, {kind}": json.loads((folder.parent / f"{folder.name}.json").read_text())
            for (name, kind), folder in folders.items()
        }
        for name in NETWORKS:
            for batch in options.batch_size or [1, 16]:
                times = measure(name, batch, folders)
                middle = {c: median(each) / batch for c, each in times.items()}
                peers = {c: s for c, s in middle.items() if not c.startswith("atalho")}
                results[f"{name}, batch {batch}"] = {
                    "milliseconds_an_image": {c: 1e3 * s for c, s in middle.items()},
                    "runs": {c: len(each) for c, each in times.items()},
                    "share_of_the_fastest_peer": min(peers.values()) / middle["atalho"],
                    "ratio_to_torchvision_eager": {
                        c: middle["torchvision eager"] / s
                        for c, s in middle.items()
                        if c.startswith("atalho")
                    },
                }
                line = ", ".join(f"{c} {1e3 * s:.1f}" for c, s in middle.items())
                print(f"{name}, batch {batch}: {line} ms an image", flush=True)
    if options.output:
        result = {
            "question": "milliseconds an image of inference, by turns, each contender in a process of its own",
            "command": "python benchmarks/inference.py --weights DIR --photos DIR",
            "chosen": engines,
            "results": results,
            "aims": AIMS,
            "device": processor(),
            "versions": versions("torch", "torchvision", "onnxruntime", "openvino", "nncf"),
            "at": now(),
        }
        options.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3], int(sys.argv[4]), Path(sys.argv[5]))
    else:
        main()
