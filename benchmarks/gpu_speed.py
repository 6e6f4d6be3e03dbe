"""Steps a second of ResNet-20 at 32×32: eager and compiled, by one process and by several on the same GPU."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from gpu_part import ENVIRONMENT, Options, Part, until

IMAGES, BATCH = 10_000, 128
SOME, MANY = 4, 8  # processes at once
WINDOW, UNCOUNTED = 5.0, 20  # seconds, steps


def run(part: Part, options: Options) -> None:
    """Eager and compiled by one process and by some, then the faster of the two by many; gpu_trainings.py plans by the results."""
    window = 1.0 if options.smoke else WINDOW
    rates = {False: 0.0, True: 0.0}

    def measure(processes: int, compiled: bool) -> None:
        name = f"{processes} at once, {'compiled' if compiled else 'eager'}"
        if not options.wants(name):
            return
        with part.item(name) as result:
            result |= together(part, options, processes, compiled, window)
            rates[compiled] = max(rates[compiled], result["steps_per_second"])

    measure(1, compiled=False)
    if options.smoke:
        return
    measure(SOME, compiled=False)
    measure(1, compiled=True)
    measure(SOME, compiled=True)
    measure(MANY, compiled=rates[True] > rates[False])


def together(
    part: Part, options: Options, processes: int, compiled: bool, window: float
) -> dict[str, Any]:
    """Steps a second of so many processes in the same window of time, after all have made their first steps."""
    if part.left < 15:
        raise TimeoutError("no time is left")
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        words = ["--folder", folder, "--device", options.device, "--window", str(window)]
        words += ["--compiled"] if compiled else []
        children = [
            subprocess.Popen(
                [sys.executable, __file__, *words, "--name", str(number)],
                stdout=subprocess.PIPE,
                text=True,
                env=ENVIRONMENT,
            )
            for number in range(processes)
        ]
        try:
            ready = until(lambda: len([*Path(folder).glob("ready-*")]) == processes, part.left)
            if not ready:
                raise TimeoutError("not all processes were ready in time")
            (Path(folder) / "go").touch()
            results = [json.loads(each.communicate(timeout=window + 30)[0]) for each in children]
        finally:
            for each in children:
                each.kill()
        first = max(each["first_steps"] for each in results)
    rates = [each["steps_per_second"] for each in results]
    return {
        "compiled": compiled,
        "processes": processes,
        "network": "resnet20",
        "batch": BATCH,
        "precision": results[0]["precision"],
        "steps_per_second": sum(rates),
        "images_per_second": sum(rates) * BATCH,
        "each": rates,
        "first_steps_seconds": first,
        "seconds": time.monotonic() - begun,
    }


def child() -> None:
    """One of the processes: its first steps, then as many as a window of time has, once all are ready."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--name")
    parser.add_argument("--device")
    parser.add_argument("--window", type=float)
    parser.add_argument("--compiled", action="store_true")
    options = parser.parse_args()
    import torch

    from atalho import recipes
    from atalho.data.batches import fit
    from atalho.data.dataset import Dataset, Split
    from atalho.networks import subjects
    from atalho.runtime.determinism import deterministic
    from atalho.runtime.device import resolve_device
    from atalho.runtime.precision import fastest
    from atalho.training.arguments import Arguments
    from atalho.training.initial import InitialModel
    from atalho.training.loop import Run

    device = resolve_device(options.device, 1)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (IMAGES, 32, 32, 3), dtype=torch.uint8, generator=generator)
    split = Split(images, torch.randint(0, 10, (IMAGES,), generator=generator))
    classes = tuple(map(str, range(10)))
    noise = Dataset("noise", classes, dict.fromkeys(("train", "val", "test"), split), True, "")
    network = subjects.get("resnet20")
    recipe = recipes.get("he2015_cifar", subjects.facts(network))
    precision, _ = fastest(device.torch)
    run = Run(
        Arguments("resnet20", recipe, 0, device, precision, compiled=options.compiled),
        InitialModel(network, subjects.build(network), fit(split.images, recipe.normalisation)),
        noise,
        options.folder,
    )

    def clock() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.monotonic()

    run.model.train()
    with deterministic(device.torch, "resnet20", required=False, say=print_error):
        begun = clock()
        for _ in range(UNCOUNTED if device.type == "cuda" else 2):
            run.advance()
        first = clock() - begun
        (options.folder / f"ready-{options.name}").touch()
        until((options.folder / "go").exists, 600)
        begun, steps = clock(), 0
        while time.monotonic() - begun < options.window:
            run.advance()
            steps += 1
        seconds = clock() - begun
    run.close()
    print(
        json.dumps(
            {"steps_per_second": steps / seconds, "first_steps": first, "precision": precision}
        )
    )


def print_error(message: str) -> None:
    print(message, file=sys.stderr)


if __name__ == "__main__":
    child()
