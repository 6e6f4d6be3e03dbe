"""A folder of photos: atalho's comparison on frozen features beside twenty lines by hand, and beside fine-tuning.

    python benchmarks/photos.py --photos DIR --weights DIR --start NETWORK=DIR -o results/photos.json

Photos lie as CLASS/file; the weights are ResNet-50's as a folder (`model.safetensors` under torchvision's names with `config.json`),
the second start is a run of another network on other images, as `atalho train resnet20 --data cifar10 --steps 2000` leaves it.
Every contender is a whole process, import and page included, one after another on all cores:

    lines       the twenty lines: features by OpenVINO, a logistic regression, five folds of scikit-learn's
    compare     atalho compare resnet50 NETWORK, with an empty cache: the choice, the page and every photo's out-of-fold answer
    tutorial    the loop of PyTorch's transfer learning tutorial, all of the network, at ten epochs
    finetune    atalho train --recipe finetune

The last two are trained once, on four fifths of the photos (a fifth of each class, by its files' SHA-256, is set aside), and tested
on the rest; on these the comparison's out-of-fold answers are counted too.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

FOLDS = 5
EPOCHS = 10

AIMS = {
    "compare_seconds_at_most": 90,
    "compare_top1_at_least_that_of": "lines",
    "tutorial_seconds_over_compare_at_least": 10,
    "compare_on_tested_photos_at_least_that_of": "tutorial",
}


def files(photos: Path) -> list[tuple[Path, int]]:
    """Every photo with the number of its class."""
    folders = sorted(path for path in photos.iterdir() if path.is_dir())
    return [(path, label) for label, each in enumerate(folders) for path in sorted(each.iterdir())]


def checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def tested(photos: Path) -> set[str]:
    """The checksums of the photos that fine-tuning is tested on: every fifth of a class."""
    by_class: dict[int, list[str]] = {}
    for path, label in files(photos):
        by_class.setdefault(label, []).append(checksum(path))
    return {each for own in by_class.values() for each in sorted(own)[::FOLDS]}


def resnet50(weights: Path, classes: int | None = None) -> Any:
    """torchvision's network with the weights, its strides where they have them; with a new classifier where classes are given."""
    import torch
    from safetensors.torch import load_file
    from torchvision import models

    model = models.resnet50(weights=None)
    for stage in (model.layer2, model.layer3, model.layer4):
        stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)
    state = {name: each.float() for name, each in load_file(weights / "model.safetensors").items()}
    model.load_state_dict(state, strict=False)
    if classes is not None:
        model.fc = torch.nn.Linear(model.fc.in_features, classes)
    return model


def normalisation(weights: Path) -> tuple[list[float], list[float]]:
    settings = json.loads((weights / "config.json").read_text())["pretrained_cfg"]
    return settings["mean"], settings["std"]


def lines(photos: Path, weights: Path) -> dict[str, Any]:
    """The twenty lines."""
    import openvino
    import torch
    from PIL import Image
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import accuracy_score, balanced_accuracy_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from torchvision import transforms

    model = resnet50(weights).eval()
    model.fc = torch.nn.Identity()
    seen = openvino.compile_model(
        openvino.convert_model(model, example_input=torch.zeros(1, 3, 224, 224)), "CPU"
    )
    prepare = transforms.Compose(
        [
            transforms.Resize(256),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize(*normalisation(weights)),
        ]
    )
    every = files(photos)
    labels = np.array([label for _, label in every])
    features = np.concatenate(
        [seen(prepare(Image.open(path).convert("RGB"))[None].numpy())[0] for path, _ in every]
    )
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    guessed = cross_val_predict(classifier, features, labels, cv=folds)
    return {
        "top1": accuracy_score(labels, guessed),
        "balanced_accuracy": balanced_accuracy_score(labels, guessed),
        "images": len(labels),
    }


def tutorial(folder: Path, weights: Path, epochs: int) -> dict[str, Any]:
    """pytorch.org/tutorials/beginner/transfer_learning_tutorial, *Finetuning the ConvNet*: its transforms, batch, rate and schedule."""
    import torch
    from torchvision import datasets, transforms

    torch.manual_seed(0)
    normalise = transforms.Normalize(*normalisation(weights))
    crops = [transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip()]
    centre = [transforms.Resize(256), transforms.CenterCrop(224)]
    parts = {
        name: datasets.ImageFolder(
            str(folder / name),
            transforms.Compose(
                [*(crops if name == "train" else centre), transforms.ToTensor(), normalise]
            ),
        )
        for name in ("train", "val", "test")
    }
    loaders = {
        name: torch.utils.data.DataLoader(part, batch_size=4, shuffle=name == "train")
        for name, part in parts.items()
    }
    model = resnet50(weights, len(parts["train"].classes))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, step_size=7, gamma=0.1)

    def right(name: str) -> int:
        model.eval()
        with torch.no_grad():
            return sum(
                int((model(images).argmax(1) == labels).sum()) for images, labels in loaders[name]
            )

    best, kept = -1, model.state_dict()
    for _ in range(epochs):
        model.train()
        for images, labels in loaders["train"]:
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(model(images), labels).backward()
            optimiser.step()
        schedule.step()
        if (found := right("val")) > best:
            best = found
            kept = {name: each.clone() for name, each in model.state_dict().items()}
    model.load_state_dict(kept)
    images = len(parts["test"])
    return {"top1": right("test") / images, "images": images, "epochs": epochs}


def divide(photos: Path, folder: Path) -> None:
    """`test` has the photos that are set aside, `val` an eighth of the others, `train` the rest."""
    aside = tested(photos)
    by_class: dict[int, list[tuple[str, Path]]] = {}
    for path, label in files(photos):
        by_class.setdefault(label, []).append((checksum(path), path))
    for own in by_class.values():
        rest = sorted(each for each in own if each[0] not in aside)
        val = {key for key, _ in rest[::8]}
        for key, path in own:
            part = "test" if key in aside else "val" if key in val else "train"
            target = folder / part / path.parent.name
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)


def run(command: list[str], cache: Path) -> float:
    """The seconds of a whole process, with an empty cache for features."""
    begun = time.perf_counter()
    subprocess.run(command, check=True, env={**os.environ, "ATALHO_CACHE": str(cache)})
    return time.perf_counter() - begun


def own(part: str, arguments: list[str], folder: Path) -> dict[str, Any]:
    """The answer of a part of this script in a process of its own, with the seconds it took."""
    answer = folder / f"{part}.json"
    command = [sys.executable, __file__, "--part", part, *arguments, "-o", str(answer)]
    seconds = run(command, folder / "cache")
    return {**json.loads(answer.read_text()), "seconds": seconds}


def compare(photos: Path, weights: Path, start: str, folder: Path) -> dict[str, Any]:
    """`atalho compare` with two starts; and what its chosen network promises on the photos that are set aside."""
    network, _, _ = start.partition("=")
    output = folder / "comparison"
    command = [
        sys.executable,
        "-m",
        "atalho",
        "compare",
        "resnet50",
        network,
        "--data",
        str(photos),
    ]
    command += ["--weights", f"resnet50={weights}", "--weights", start, "-b", "1"]
    command += ["--data-dir", str(folder / "data"), "--output", str(output)]
    seconds = run(command, folder / "cache-compare")
    from atalho import record
    from atalho.weights import out_of_fold

    records = record.read(output / "records.jsonl")
    top1 = {each.subject: each for each in records if each.quantity == "top1"}
    chosen = json.loads((output / "chosen" / "config.json").read_text())
    promised = out_of_fold.read(output / "chosen")
    assert promised
    truth = {
        checksum(path): chosen["label_names"].index(path.parent.name) for path, _ in files(photos)
    }
    aside = tested(photos)
    outcomes = [
        int(logits.argmax()) == truth[key.hex()]
        for key, logits in promised.by_image().items()
        if key.hex() in aside
    ]
    name = chosen["architecture"]
    balanced = [r for r in records if r.quantity == "balanced_accuracy" and r.subject == name]
    nested = [r.value for r in records if r.quantity == "nested_top1"]
    return {
        "seconds": seconds,
        "chosen": name,
        "top1": top1[name].value,
        "interval": top1[name].conditions["interval"],
        "balanced_accuracy": balanced[-1].value,
        "nested_top1": nested[-1],
        "images": top1[name].conditions["images"],
        "others": {each: top1[each].value for each in top1 if each != name},
        "on_tested_photos": {"top1": float(np.mean(outcomes)), "images": len(outcomes)},
    }


def finetune(folder: Path, weights: Path, output: Path, cache: Path) -> dict[str, Any]:
    """`atalho train --recipe finetune` on the photos as they are divided."""
    command = [sys.executable, "-m", "atalho", "train", "resnet50", "--data", str(folder)]
    command += ["--weights", str(weights), "--recipe", "finetune", "--data-dir", str(cache)]
    seconds = run([*command, "--output", str(output)], cache)
    from atalho import record

    records = record.read(output / "records.jsonl")
    top1 = next(each for each in records if each.quantity == "top1")
    first = next(each for each in records if each.quantity == "val_top1")
    return {
        "seconds": seconds,
        "top1": top1.value,
        "images": top1.conditions["images"],
        "validation_before_the_first_step": first.value,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--start", metavar="NETWORK=DIR")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--part", choices=("lines", "tutorial"))
    parser.add_argument("--quick", action="store_true", help="Without fine-tuning.")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    if options.part == "lines":
        result = lines(options.photos, options.weights)
        options.output.write_text(json.dumps(result))
        return
    if options.part == "tutorial":
        result = tutorial(options.photos, options.weights, options.epochs)
        options.output.write_text(json.dumps(result))
        return
    from atalho.record import now, versions
    from atalho.runtime.processor import processor

    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        weights = options.weights.resolve()
        common = ["--weights", str(weights)]
        results = {
            "lines": own("lines", ["--photos", str(options.photos), *common], folder),
            "compare": compare(options.photos, weights, options.start, folder),
        }
        if not options.quick:
            divided = folder / "divided"
            divide(options.photos, divided)
            own_arguments = ["--photos", str(divided), *common, "--epochs", str(options.epochs)]
            results["tutorial"] = own("tutorial", own_arguments, folder)
            results["finetune"] = finetune(divided, weights, folder / "run", folder / "cache")
    document = {
        "aims": AIMS,
        "photos": len(files(options.photos)),
        "results": results,
        "machine": processor(),
        "at": now(),
        "versions": versions("torch", "torchvision", "scikit-learn", "openvino"),
    }
    options.output.write_text(json.dumps(document, indent=1) + "\n")
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
