"""Exported files answer as the network does, by their readers' own means; what would answer otherwise is not left behind."""

import json
import shlex
import sys
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from atalho import data, networks, recipes, record
from atalho.cli import main
from atalho.cli.options import Target
from atalho.data.batches import Preprocessing, preprocess
from atalho.data.dataset import Dataset
from atalho.data.image import Framing
from atalho.errors import AtalhoError, Exit
from atalho.exports import FORMATS, FROM_PIXELS, TOLERANCE, export, images
from atalho.networks import subjects
from atalho.runtime.device import Device
from atalho.training import run
from atalho.training.arguments import Arguments
from atalho.training.folder import load as load_run
from atalho.weights import layouts
from atalho.weights.trained import Trained, read

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def finished(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of resnet20 on digits."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    network = networks.get("resnet20", input=(1, 8, 8))
    recipe = replace(recipes.get("quick", subjects.facts(network)), epochs=None, steps=40)
    run.execute(Arguments("resnet20", recipe, 0, Device("cpu", 1), "float32"), digits, folder)
    return folder


@pytest.fixture(scope="module")
def trained(finished: Path) -> Trained:
    return load_run(finished)


@pytest.fixture(scope="module")
def asked(trained: Trained, digits: Dataset) -> Tensor:
    return images.of_dataset(trained, digits)


def random(name: str, *input: int, num_classes: int = 5) -> Trained:
    """A network whose every tensor has numbers of its own; BatchNorm's statistics are those of noise."""
    network = subjects.get(name, input=input, num_classes=num_classes)
    model = subjects.build(network)
    generator = torch.Generator().manual_seed(0)
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 1.5, generator=generator)
            nn.init.uniform_(part.bias, -0.5, 0.5, generator=generator)
            part.momentum = None  # statistics of all that was seen
    with torch.no_grad():
        model.train()(torch.randn(4, *input, generator=generator))
    channels = input[0]
    return Trained(
        network,
        model.eval(),
        Framing(input, 0.9, "squash", "bicubic"),
        Preprocessing.per_channel([0.4, 0.5, 0.6][:channels], [0.2, 0.3, 0.25][:channels]),
        {f"n{label:02}": f"name {label}" for label in range(num_classes)},
        "0" * 64,
    )


@pytest.fixture(scope="module")
def resnet() -> Trained:
    return random("resnet18.b", 3, 64, 64)


@pytest.fixture(scope="module")
def googlenet() -> Trained:
    return random("googlenet.bn", 3, 64, 64)


def noise(trained: Trained, count: int = 3) -> Tensor:
    channels, height, width = trained.network.input
    generator = torch.Generator().manual_seed(1)
    return torch.randint(
        256, (count, height, width, channels), dtype=torch.uint8, generator=generator
    )


def answers(model: nn.Module, trained: Trained, images: Tensor) -> Tensor:
    with torch.inference_mode():
        answer: Tensor = model(preprocess(images, trained.preprocessing))
    return answer


def config(trained: Trained) -> dict[str, Any]:
    """What is expected of `pretrained_cfg`, from the parts."""
    return {
        "input_size": list(trained.network.input),
        "mean": pytest.approx(trained.preprocessing.mean.mean(dim=(0, 1)).tolist()),
        "std": pytest.approx(trained.preprocessing.std.flatten().tolist()),
        "crop_pct": trained.framing.crop_pct,
        "crop_mode": trained.framing.crop_mode,
        "interpolation": trained.framing.interpolation,
    }


# What a reader has, by independent means.


def test_onnx(trained: Trained, asked: Tensor, digits: Dataset, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    path = tmp_path / "new" / "digits.onnx"
    found = export(trained, "onnx", path, asked)
    assert found.difference <= found.bound
    assert (found.top1, found.images) == (1.0, images.COUNT)
    assert [*tmp_path.rglob("*")] == [path.parent, path]
    onnx.checker.check_model(path, full_check=True)
    session = runtime.InferenceSession(path)
    (given,), (answered,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.shape) == ("images", ["batch", 1, 8, 8])
    assert (answered.name, answered.shape) == ("logits", ["batch", 10])
    said = json.loads(session.get_modelmeta().custom_metadata_map["config.json"])
    assert said["architecture"] == "resnet20"
    assert said["label_names"] == [*digits.classes]
    settings = said["pretrained_cfg"]
    assert settings == config(trained)
    test = digits.splits["test"].images
    floats = (test.numpy() / 255 - settings["mean"]) / settings["std"]
    floats = floats.transpose(0, 3, 1, 2).astype(np.float32)
    expected = answers(trained.model, trained, test)
    for count in (1, 2, 7, 360):  # dynamic batch
        (logits,) = session.run(None, {"images": floats[:count]})
        assert abs(logits - expected[:count].numpy()).max() < TOLERANCE * expected.abs().max()


def test_pt2(trained: Trained, asked: Tensor, tmp_path: Path) -> None:
    path = tmp_path / "digits.pt2"
    assert export(trained, "pt2", path, asked).difference == 0
    files = {"config.json": ""}
    program = torch.export.load(path, extra_files=files)
    said = json.loads(files["config.json"])
    assert said["label_names"] == [*trained.classes]
    assert said["pretrained_cfg"] == config(trained)
    for count in (1, 5, 32):
        own = answers(trained.model, trained, asked[:count])
        assert torch.equal(answers(program.module(), trained, asked[:count]), own)


def test_safetensors(trained: Trained, asked: Tensor, tmp_path: Path, finished: Path) -> None:
    folder = tmp_path / "digits"
    assert export(trained, "safetensors", folder, asked).difference == 0
    assert (folder / "model.safetensors").read_bytes() == (
        finished / "model.safetensors"
    ).read_bytes()
    assert json.loads((folder / "config.json").read_text()) == {
        **json.loads((finished / "config.json").read_text()),
        "pretrained_cfg": config(trained),
    }
    found = load_run(folder)
    assert (found.classes, found.framing) == (trained.classes, trained.framing)
    assert found.weights == trained.weights


def test_torchvision(resnet: Trained, tmp_path: Path) -> None:
    models = pytest.importorskip("torchvision.models")
    path = tmp_path / "resnet18.pth"
    assert export(resnet, "torchvision", path, noise(resnet)).difference == 0
    theirs = models.resnet18(num_classes=5)
    state = torch.load(path, weights_only=True)
    assert type(state) is dict
    theirs.load_state_dict(state, strict=True)
    more = noise(resnet, 6)
    assert torch.equal(answers(theirs.eval(), resnet, more), answers(resnet.model, resnet, more))


def test_timm(resnet: Trained, tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    folder = tmp_path / "resnet18"
    assert export(resnet, "timm", folder, noise(resnet)).difference == 0
    said = json.loads((folder / "config.json").read_text())
    assert said["architecture"] == "resnet18"
    assert {**config(resnet), "tag": "atalho"} == said["pretrained_cfg"]
    more = noise(resnet, 6)
    expected = answers(resnet.model, resnet, more)
    named = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    assert named.pretrained_cfg["label_names"] == [*resnet.classes]
    assert named.pretrained_cfg["label_descriptions"] == resnet.classes
    loaded = timm.create_model(
        "resnet18", num_classes=5, checkpoint_path=folder / "model.safetensors"
    )
    for theirs in (named, loaded.eval()):
        assert torch.equal(answers(theirs, resnet, more), expected)
    back = read(folder)
    assert back.network.name == "resnet18.b"
    assert (back.classes, back.framing) == (resnet.classes, resnet.framing)
    assert torch.equal(answers(back.model, back, more), expected)


def test_timm_of_one_channel(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    grey = random("resnet18.b", 1, 32, 32)
    export(grey, "timm", tmp_path / "grey", noise(grey))
    theirs = timm.create_model(f"local-dir:{tmp_path / 'grey'}", pretrained=True).eval()
    more = noise(grey, 5)
    assert torch.equal(answers(theirs, grey, more), answers(grey.model, grey, more))


def test_timms_own_network(tmp_path: Path) -> None:
    pytest.importorskip("timm")
    theirs = random("timm:resnet18d", 3, 32, 32)
    assert export(theirs, "timm", tmp_path / "theirs", noise(theirs)).difference == 0
    with pytest.raises(AtalhoError, match="no network of torchvision's"):
        export(theirs, "torchvision", tmp_path / "theirs.pth", noise(theirs))


def test_auxiliary_heads_go_where_the_target_has_them(googlenet: Trained, tmp_path: Path) -> None:
    models = pytest.importorskip("torchvision.models")
    asked = noise(googlenet)
    export(googlenet, "torchvision", path := tmp_path / "googlenet.pth", asked)
    theirs = models.googlenet(num_classes=5, aux_logits=True, init_weights=False)
    theirs.load_state_dict(torch.load(path, weights_only=True), strict=True)
    export(googlenet, "pt2", path := tmp_path / "googlenet.pt2", asked)
    assert not any("aux" in key for key in torch.export.load(path).state_dict)
    export(googlenet, "safetensors", folder := tmp_path / "googlenet", asked)
    assert load_run(folder).network == googlenet.network


def test_weights_without_auxiliary_heads(googlenet: Trained, tmp_path: Path) -> None:
    models = pytest.importorskip("torchvision.models")
    from atalho.exports.format import for_inference

    export(for_inference(googlenet), "torchvision", path := tmp_path / "g.pth", noise(googlenet))
    theirs = models.googlenet(num_classes=5, aux_logits=False, init_weights=False)
    theirs.load_state_dict(torch.load(path, weights_only=True), strict=True)


@pytest.mark.parametrize("to", FORMATS)
def test_the_line_that_reads_a_file_reads_it(
    resnet: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    import onnxruntime
    import PIL
    import timm
    import torchvision

    path = tmp_path / "it's.pt2"
    export(resnet, to, path, noise(resnet))
    line = FORMATS[to].usage(resnet, path)
    if to in ("safetensors", "hub-folder"):
        Image.new("RGB", (9, 9)).save(tmp_path / "image.png")
        program, *words = shlex.split(line.replace("IMAGE", str(tmp_path / "image.png")))
        assert program == "atalho"
        assert main(words) == 0
    else:
        monkeypatch.chdir(tmp_path)
        Image.new("RGB", (90, 70)).save("photo.jpg")
        scope = {"onnxruntime": onnxruntime, "timm": timm, "torch": torch, "numpy": np, "PIL": PIL}
        found = eval(line, scope | {"torchvision": torchvision})
        assert found is not None


# A mean of every pixel, which not every format can hold.


@pytest.fixture(scope="module")
def per_pixel(trained: Trained) -> Trained:
    mean = torch.rand(8, 8, 1, generator=torch.Generator().manual_seed(2))
    return replace(trained, preprocessing=Preprocessing(mean, torch.ones(1, 1, 1)))


@pytest.mark.parametrize("to", ["onnx", "pt2", "safetensors"])
def test_a_mean_of_every_pixel_is_kept(
    per_pixel: Trained, asked: Tensor, tmp_path: Path, to: str
) -> None:
    path = tmp_path / "file.pt2"
    export(per_pixel, to, path, asked)
    reader = FORMATS[to].read(per_pixel, path)
    expected = answers(per_pixel.model, per_pixel, asked)
    torch.testing.assert_close(reader.logits(asked), expected, rtol=0, atol=1e-4)


def test_timm_has_no_mean_of_every_pixel(resnet: Trained, tmp_path: Path) -> None:
    other = replace(
        resnet, preprocessing=resnet.preprocessing._replace(mean=torch.zeros(64, 64, 3))
    )
    error = refused(other, "timm", tmp_path)
    assert error.code == "EXPORT-PREPROCESSING"
    assert "a mean of every pixel" in error.cause


# Refusals.


def refused(trained: Trained, to: str, folder: Path) -> AtalhoError:
    with pytest.raises(AtalhoError) as error:
        export(trained, to, folder / "file", noise(trained))
    assert error.value.exit is Exit.CHECKPOINT
    assert [*folder.iterdir()] == []
    return error.value


@pytest.mark.parametrize("to", ["torchvision", "timm"])
@pytest.mark.parametrize(
    ("name", "size", "variant"),
    [
        ("resnet20", 32, ""),  # option A
        ("resnet18", 32, "resnet18.b"),  # option A
        ("resnet50", 32, "resnet50.v1_5"),  # the paper's stride
        ("alexnet", 67, "alexnet.owt"),  # local response normalisation
        ("googlenet", 112, "googlenet.bn"),
    ],
)
def test_other_arithmetic_is_refused_and_the_variant_named(
    tmp_path: Path, name: str, size: int, variant: str, to: str
) -> None:
    error = refused(random(name, 3, size, size), to, tmp_path)
    assert f"{to} has no network with this arithmetic" in error.cause
    if variant in layouts.RULES[to]:
        assert f"those of {variant} can" in error.cause
        assert error.next_step == f"atalho show {variant}"


@pytest.mark.parametrize(
    ("name", "input", "to", "says"),
    [
        ("vgg11", (3, 32, 32), "torchvision", "classifier.0.weight is 4096x512, theirs 4096x25088"),
        ("vgg11", (3, 32, 32), "timm", "pre_logits.fc1.weight"),
        ("resnet18.b", (1, 32, 32), "torchvision", "conv1.weight is 64x1x7x7, theirs 64x3x7x7"),
    ],
)
def test_other_shapes_are_refused(
    tmp_path: Path, name: str, input: tuple[int, ...], to: str, says: str
) -> None:
    error = refused(random(name, *input), to, tmp_path)
    assert error.code == "EXPORT-SHAPE"
    assert says in error.cause


# Files that answer otherwise are not left behind.


def wrong(monkeypatch: pytest.MonkeyPatch, to: str, change: Callable[[Trained], Trained]) -> None:
    """Makes the writer of a format write another network."""
    right = FORMATS[to]

    def write(trained: Trained, path: Path) -> None:
        right.write(change(trained), path)

    monkeypatch.setitem(FORMATS, to, replace(right, write=write))


def not_exported(trained: Trained, to: str, folder: Path, *, code: str) -> AtalhoError:
    before = [*folder.rglob("*")]
    with pytest.raises(AtalhoError) as error:
        export(trained, to, folder / "file.pt2", noise(trained))
    assert (error.value.code, error.value.exit) == (code, Exit.CHECK_FAILED)
    assert [*folder.rglob("*")] == before
    return error.value


def other_weight(trained: Trained) -> Trained:
    model = deepcopy(trained.model)
    norm = next(part for part in model.modules() if isinstance(part, nn.BatchNorm2d))
    norm.running_mean[0] += 1.0
    return replace(trained, model=model)


def other_mean(trained: Trained) -> Trained:
    mean = trained.preprocessing.mean + 0.02
    return replace(trained, preprocessing=trained.preprocessing._replace(mean=mean))


def other_classes(trained: Trained) -> Trained:
    return replace(trained, classes=dict(reversed(trained.classes.items())))


@pytest.mark.parametrize("to", FORMATS)
def test_another_weight_is_found(
    resnet: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    wrong(monkeypatch, to, other_weight)
    assert "logits differ" in not_exported(resnet, to, tmp_path, code="EXPORT-DIFFERS").cause


@pytest.mark.parametrize("to", ["pt2", "safetensors", "timm"])
@pytest.mark.parametrize(
    ("change", "says"), [(other_mean, "logits differ"), (other_classes, "its classes")]
)
def test_other_preprocessing_and_other_classes_are_found(
    resnet: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    to: str, change: Callable[[Trained], Trained], says: str,
) -> None:  # fmt: skip
    wrong(monkeypatch, to, change)
    assert says in not_exported(resnet, to, tmp_path, code="EXPORT-DIFFERS").cause


@pytest.mark.parametrize("to", ["torchvision", "timm"])
def test_another_arithmetic_is_found_though_its_keys_are_the_librarys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: layouts.Library
) -> None:
    """The paper's stride, were it taken for torchvision's."""
    rules = layouts.RULES[to]
    monkeypatch.setitem(rules, "resnet50", rules["resnet50.v1_5"])
    error = not_exported(random("resnet50", 3, 64, 64), to, tmp_path, code="EXPORT-DIFFERS")
    assert "logits differ" in error.cause


def test_numbers_that_are_none_are_found(resnet: Trained, tmp_path: Path) -> None:
    broken = replace(resnet, model=deepcopy(resnet.model))
    for norm in broken.model.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_var.zero_().sub_(1)
    assert "nan" in not_exported(broken, "torchvision", tmp_path, code="EXPORT-DIFFERS").cause


def test_a_batch_that_is_fixed_is_found(
    resnet: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(trained: Trained, path: Path) -> None:
        example = torch.zeros(3, *trained.network.input)
        torch.export.save(
            torch.export.export(trained.model, (example,)), path, extra_files={"config.json": said}
        )

    said = resnet.config.embedded()
    monkeypatch.setitem(FORMATS, "pt2", replace(FORMATS["pt2"], write=write))
    not_exported(resnet, "pt2", tmp_path, code="EXPORT-READ")


@pytest.mark.parametrize("to", FORMATS)
def test_a_damaged_file_is_not_left_and_what_was_there_stays(
    resnet: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    right = FORMATS[to]

    def write(trained: Trained, path: Path) -> None:
        right.write(trained, path)
        file = path / "model.safetensors" if right.folder else path
        file.write_bytes(file.read_bytes()[:1000])

    monkeypatch.setitem(FORMATS, to, replace(right, write=write))
    old = tmp_path / "file.pt2"
    old.mkdir() if right.folder else old.write_text("old")
    with pytest.raises(AtalhoError):
        export(resnet, to, old, noise(resnet))
    assert [*tmp_path.rglob("*")] == [old]
    assert right.folder or old.read_text() == "old"


def test_a_full_disk_leaves_nothing(
    resnet: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(AtalhoError, match="No space left"):
        export(resnet, "torchvision", tmp_path / "file.pth", noise(resnet))
    assert [*tmp_path.iterdir()] == []


def test_a_file_that_is_there_is_replaced(resnet: Trained, tmp_path: Path) -> None:
    path = tmp_path / "file.pth"
    path.write_text("old")
    export(resnet, "torchvision", path, noise(resnet))
    assert torch.load(path, weights_only=True).keys() >= {"fc.weight", "fc.bias"}
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize(
    ("to", "name", "says"),
    [
        ("timm", "full", "is no empty folder"),
        ("timm", "full/file", "is no empty folder"),
        ("safetensors", "model.safetensors", "is a folder of model.safetensors"),
        ("torchvision", "full", "is a folder"),
        ("torchvision", "full/file/x.pth", "could not be written"),
    ],
)
def test_where_nothing_can_be_put(
    resnet: Trained, tmp_path: Path, to: str, name: str, says: str
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    before, path = [*tmp_path.rglob("*")], tmp_path / name
    if path.parent.is_dir():  # what a killed process leaves is removed by a refusal, too
        path.with_name(f".{path.name}.tmp").mkdir()
    with pytest.raises(AtalhoError, match=says) as error:
        export(resnet, to, path, noise(resnet))
    assert (error.value.code, error.value.exit) == ("OUTPUT", Exit.USAGE)
    assert [*tmp_path.rglob("*")] == before


@pytest.mark.parametrize(
    ("to", "package"), [("onnx", "onnxruntime"), ("onnx", "onnxscript"), ("timm", "timm")]
)
def test_an_extra_that_is_not_installed(
    resnet: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(AtalhoError, match=f"needs {package}") as error:
        export(resnet, to, tmp_path / "file", noise(resnet))
    assert error.value.exit is Exit.RESOURCES
    assert error.value.next_step == f"pip install 'atalho[{to}]'"


# Every layer that the exporters have to know.


@pytest.mark.full
@pytest.mark.parametrize("to", ["onnx", "pt2"])
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("alexnet", 227),
        ("alexnet.owt", 96),
        ("vgg11", 64),
        ("nin", 224),
        ("googlenet", 224),
        ("googlenet.separable", 224),
        ("inception_v3", 299),
        ("inception_v4", 128),
        ("resnet50", 64),
        ("resnet34.c", 64),
        ("resnet56", 32),
        ("enet", 128),
    ],
)
def test_networks_of_every_family(tmp_path: Path, name: str, size: int, to: str) -> None:
    made = random(name, 3, size, size)
    found = export(made, to, tmp_path / "file.pt2", noise(made))
    assert found.difference <= found.bound
    assert found.top1 == 1


# The command.


def test_the_commands_choices_are_the_formats() -> None:
    assert get_args(Target) == (*[to for to in FORMATS if to != FROM_PIXELS], "engine")


def test_export_a_run(capsys: Captured, tmp_path: Path, finished: Path) -> None:
    path, kept = tmp_path / "digits.pt2", tmp_path / "records.jsonl"
    command = ["export", str(finished), "--to", "pt2", "-o", str(path)]
    assert main([*command, "--records", str(kept), "--format", "json"]) == 0
    said = capsys.readouterr()
    difference, agreement = json.loads(said.out)
    assert (difference["quantity"], difference["unit"]) == ("max_difference", "logit")
    assert (agreement["quantity"], agreement["value"]) == ("agreement", 1.0)
    conditions = agreement["conditions"]
    weights = record.read(finished / "records.jsonl")[0].conditions["weights"]
    assert conditions["weights"] == weights
    assert (conditions["format"], conditions["data"]) == ("pt2", "digits")
    assert conditions["batches"] == [1, 32]
    assert [each.quantity for each in record.read(kept)] == ["max_difference", "agreement"]
    assert "torch.export.load" in said.err
    assert main(command) == 0
    assert "same top-1" in capsys.readouterr().out


def test_export_a_network_with_weights(capsys: Captured, tmp_path: Path, resnet: Trained) -> None:
    """A state dict in torchvision's layout, compared on photos of which one cannot be read."""
    export(resnet, "torchvision", source := tmp_path / "source.pth", noise(resnet))
    photos = tmp_path / "photos"
    (photos / "below").mkdir(parents=True)
    colours = np.random.default_rng(0).integers(0, 256, (3, 40, 60, 3), np.uint8)
    for number, pixels in enumerate(colours):
        Image.fromarray(pixels).save(photos / "below" / f"{number}.png")
    (photos / "broken.png").write_bytes(b"no image")
    command = ["export", "resnet18", "--weights", str(source), "--num-classes", "5", "--to"]
    path = tmp_path / "out.pt2"
    given = [*command, "pt2", "-o", str(path), "--format", "json"]
    assert main([*given, "--data", str(photos)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found[0]["subject"] == "resnet18.b"
    assert found[0]["conditions"]["images"] == 3
    path.unlink()
    assert main(given) == 0
    found = json.loads(capsys.readouterr().out)
    assert found[0]["conditions"]["data"] == "scikit-learn's sample images"
    path.unlink()
    engine = [*command, "engine", "--engine", "eager", "-t", "1", "-o", str(tmp_path / "ready")]
    assert main(engine) == 0
    assert main(["predict", str(tmp_path / "ready"), str(photos / "below")]) == 0
    capsys.readouterr()
    for name in ("0", "1"):
        (photos / "below" / f"{name}.png").unlink()
    assert main([*given, "--data", str(photos)]) == Exit.DATA
    assert "no two images" in capsys.readouterr().err
    assert not path.exists()


@pytest.mark.parametrize(
    ("code", "arguments", "says"),
    [
        (2, "export RUN --to onx -o x", "'onnx'"),
        (2, "export RUN --to pt2", "--output"),
        (2, "export RUN -o x", "--to"),
        (2, "export resnet20 --to pt2 -o x", "WEIGHTS-MISSING"),
        (4, "export nothing --to pt2 -o x", "no finished run"),
        (2, "export RUN --to pt2 -o x --data mnist", "digits, cifar10"),
        (4, "export RUN --to timm -o x", "timm has no network"),
    ],
)
def test_bad_input_is_one_line(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished: Path,
    code: int, arguments: str, says: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(arguments.replace("RUN", str(finished)).split()) == code
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert says in line
    assert [*tmp_path.iterdir()] == []


def test_data_of_another_kind_is_refused(resnet: Trained) -> None:
    with pytest.raises(AtalhoError, match="3x64x64"):
        images.of_dataset(resnet, data.load("digits", Path("unused")))
