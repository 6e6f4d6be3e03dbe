"""Labels with probabilities, beside torchvision's own model and preprocessing, and on real photos."""

import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from atalho.cli import main
from atalho.data.batches import preprocess
from atalho.data.dataset import Dataset
from atalho.errors import AtalhoError
from atalho.evaluation.predicting import Source, predict, sources
from atalho.training import run
from atalho.training.arguments import Arguments
from atalho.training.folder import load as load_run
from atalho.weights.pretrained import load
from atalho.weights.trained import Inference, Trained

Captured = pytest.CaptureFixture[str]
CPU = Inference(torch.device("cpu"), "float32")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """torchvision's resnet18 for seven classes, not trained."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(torchvision.models.resnet18(num_classes=7).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def trained(file: Path) -> Trained:
    return load("resnet18.b", str(file), num_classes=7)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Five photos of noise in a folder, one of them in a folder below."""
    generator = np.random.default_rng(0)
    for name in ("a.png", "b.jpg", "c.webp", "below/d.bmp", "e.gif"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (256, 256, 3), dtype=np.uint8)).save(path)
    return tmp_path / "photos"


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_probabilities_are_torchvisions(
    trained: Trained, file: Path, photos: Path, batch: int
) -> None:
    model = torchvision.models.resnet18(num_classes=7).eval()
    model.load_state_dict(torch.load(file, weights_only=True))
    preset = torchvision.models.ResNet18_Weights.IMAGENET1K_V1.transforms()
    paths = sorted(path for path in photos.rglob("*") if path.is_file())
    inference = Inference(torch.device("cpu"), "float32", batch)
    found = [*predict(trained, [Source(str(p), p) for p in paths], inference, top=7)]
    for prediction, path in zip(found, paths, strict=True):
        with Image.open(path) as image, torch.inference_mode():
            theirs = model(preset(image.convert("RGB"))[None]).softmax(1)[0]
        assert not isinstance(prediction.outcome, AtalhoError)
        assert prediction.path == str(path)
        assert [int(guess.label) for guess in prediction.outcome] == theirs.argsort().tolist()[::-1]
        assert [guess.probability for guess in prediction.outcome] == pytest.approx(
            theirs.sort(descending=True).values.tolist(), abs=1e-5
        )
        assert sum(guess.probability for guess in prediction.outcome) == pytest.approx(1)


def test_one_bad_image_fails_alone(trained: Trained, photos: Path) -> None:
    (photos / "b.jpg").write_bytes(b"torn")
    asked = [*sources([str(photos), str(photos / "none.png")], io.BytesIO(), print)]
    names = [Path(source.path).name for source in asked]
    assert names == ["a.png", "b.jpg", "d.bmp", "c.webp", "e.gif", "none.png"]
    for batch in (1, 3, 6):
        inference = Inference(torch.device("cpu"), "float32", batch)
        found = [*predict(trained, asked, inference, top=1)]
        failed = [Path(each.path).name for each in found if isinstance(each.outcome, AtalhoError)]
        assert failed == ["b.jpg", "none.png"]
        for each in found:
            keys = ["path", "error"] if Path(each.path).name in failed else ["path", "labels"]
            assert [*each.document()] == keys


def test_all_bad_images_are_named_too(trained: Trained) -> None:
    found = [*predict(trained, sources(["no.png", "nor.png"], io.BytesIO(), print), CPU, top=1)]
    assert [each.path for each in found if isinstance(each.outcome, AtalhoError)] == [
        "no.png",
        "nor.png",
    ]


def test_more_labels_than_classes_are_all_of_them(trained: Trained, photos: Path) -> None:
    (found,) = predict(trained, sources([str(photos / "a.png")], io.BytesIO(), print), CPU, top=100)
    assert not isinstance(found.outcome, AtalhoError)
    assert len(found.outcome) == 7


def test_a_folder_without_images_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(AtalhoError, match="holds no images"):
        [*sources([str(tmp_path)], io.BytesIO(), print)]
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(AtalhoError, match=r"holds no images; left out: .*1 \.txt"):
        [*sources([str(tmp_path)], io.BytesIO(), print)]
    (tmp_path / "a.png").write_bytes(b"")
    said: list[str] = []
    (found,) = sources([str(tmp_path)], io.BytesIO(), said.append)
    assert found.content == tmp_path / "a.png"
    assert said == [f"{tmp_path}: left out: 1 file that is no image (1 .txt)"]


# The command


class Input:
    """Standard input that holds bytes."""

    def __init__(self, content: bytes) -> None:
        self.buffer = io.BytesIO(content)


def test_predict_answers_in_every_format(
    capsys: Captured, file: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Input((photos / "a.png").read_bytes()))
    command = ["predict", "resnet18", "--weights", str(file), "--num-classes", "7", "--top", "2"]
    images = [str(photos / "a.png"), "-"]
    assert main([*command, *images, "--format", "json"]) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert [each["path"] for each in found] == images
    assert found[0]["labels"] == found[1]["labels"]
    assert [*found[0]["labels"][0]] == ["label", "name", "probability"]
    assert "resnet18.b, which is used" in said.err
    (photos / "b.jpg").write_bytes(b"torn")
    images = [str(photos / "a.png"), str(photos / "b.jpg")]
    assert main([*command, *images, "--format", "csv"]) == 3
    said = capsys.readouterr()
    header, first, second, bad = said.out.splitlines()
    assert header == "path,label,name,probability,error"
    assert first.startswith(f"{images[0]},") and second.startswith(f"{images[0]},")
    assert bad.startswith(f"{images[1]},,,,")
    assert f"error[IMAGE-UNREADABLE] {images[1]}: " in said.err
    assert main([*command, images[0]]) == 0
    assert "probability" in capsys.readouterr().out
    assert main([*command, *images, "--format", "json"]) == 3
    good, bad_one = json.loads(capsys.readouterr().out)
    assert len(good["labels"]) == 2
    assert [*bad_one] == ["path", "error"]


def test_names_that_are_no_text_are_shown_and_survive_json(
    capsys: Captured, file: Path, photos: Path
) -> None:
    """A file's name may hold line ends, escapes and bytes that are no UTF-8."""
    name = b"caf\xe9 \x1b[31m\n.png"
    path = photos / os.fsdecode(name)
    path.write_bytes((photos / "a.png").read_bytes())
    command = ["predict", "resnet18", "--weights", str(file), "--num-classes", "7", str(path)]
    assert main([*command, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["path"] == str(path)
    for shown in ("table", "csv", "markdown"):
        assert main([*command, "--format", shown]) == 0
        assert "\x1b" not in capsys.readouterr().out


def test_a_runs_folder_predicts(
    capsys: Captured, arguments: Arguments, digits: Dataset, tmp_path: Path
) -> None:
    """A digit saved as a picture is what the run's own test makes of it."""
    run.execute(arguments, digits, tmp_path / "run")
    trained = load_run(tmp_path / "run")
    images, labels = digits.splits["test"].select(torch.arange(30))
    paths = []
    for number, pixels in enumerate(images):
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(pixels[..., 0].numpy()).save(paths[-1])
    assert main(["predict", str(tmp_path / "run"), *map(str, paths), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    with torch.inference_mode():
        logits = trained.model(preprocess(images, trained.preprocessing))
    seen = [int(each["labels"][0]["label"]) for each in found]
    assert seen == logits.argmax(1).tolist()
    assert sum(a == b for a, b in zip(seen, labels.tolist(), strict=True)) > 3


@pytest.mark.parametrize(
    ("code", "arguments", "says"),
    [
        (2, "predict resnet50 x.png", "--weights"),
        (2, "predict resnet5 x.png --weights tv_in1k", "resnet50"),
        (2, "predict resnet18 x.png --weights nowhere", "tv_in1k"),
        (4, "predict nowhere x.png", "no finished run"),
        (2, "predict nowhere x.png --num-classes 3", "goes with --weights"),
        (2, "predict resnet50", "IMAGE"),
        (2, "predict resnet50 x.png --top 0 --weights y", "--top"),
        (2, "evaluate resnet50 --data digits", "--weights"),
        (4, "evaluate resnet18 --weights tv_in1k --num-classes 10", "1000 classes, not 10"),
    ],
)
def test_bad_input_is_one_line(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    code: int, arguments: str, says: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(arguments.split()) == code
    said = capsys.readouterr()
    assert said.out == ""
    last = said.err.splitlines()[-1]
    assert last.startswith("error[") and ". Next: " in last
    assert says in last


# Real photos: 200 of 200 classes, of which the paper's ResNet-50 takes sixteen for others


def evaluated(capsys: Captured, *arguments: str) -> Any:
    assert main(["evaluate", "resnet50", *arguments, "--format", "json"]) == 0
    return json.loads(capsys.readouterr().out)


FIRST_WRONG = {
    *("n01698640", "n01729977"),  # American alligator, green snake
    *("n01740131", "n01751748"),  # night snake, sea snake
}
"""Of the first twenty photos, those that torchvision's ResNet-50 with the paper's strides takes for others too."""


def test_photos_of_twenty_classes(capsys: Captured, shared: Path, tmp_path: Path) -> None:
    data = shared / "data"
    for source in sorted((data / "imagenet-sample").iterdir())[:20]:
        (tmp_path / source.name).symlink_to(source.resolve())
    found = evaluated(capsys, "--weights", str(data / "resnet50-v1"), "--data", str(tmp_path))
    assert (found["network"], found["images"]) == ("resnet50", 20)
    wrong = {name for name, right in found["per_class"].items() if right != 1}
    assert wrong == FIRST_WRONG
    assert (found["top1"], found["top5"]) == (0.8, 1.0)
    assert found["unreadable"] == []
    assert "confusion" not in found


@pytest.mark.full
def test_photos_of_all_classes(capsys: Captured, shared: Path) -> None:
    data = shared / "data"
    found = evaluated(
        capsys,
        *("--weights", str(data / "resnet50-v1"), "--data", str(data / "imagenet-sample")),
    )
    assert found["images"] == 200
    assert found["top1"] * 200 == 184
    assert found["top5"] == 1
    assert sum(right == 1 for right in found["per_class"].values()) == 184
