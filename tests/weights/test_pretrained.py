"""Weights by published name, from files and from folders, beside the models of torchvision and timm that wrote them."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
import torchvision
from PIL import Image
from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights

from atalho.data import imagenet
from atalho.data.batches import preprocess
from atalho.errors import AtalhoError, Exit
from atalho.weights import fitting, pretrained, trained
from atalho.weights.downloads import TAGS, published
from atalho.weights.layouts import library_name
from atalho.weights.pretrained import load
from atalho.weights.published import PUBLISHED
from atalho.weights.trained import Trained

RESNET18 = "resnet18-0123abcd.pth"


def picture(width: int = 320, height: int = 288) -> Image.Image:
    """Noise over a slope; half of what is cut off of it is a whole number of pixels."""
    generator = np.random.default_rng(0)
    slope = np.linspace(0, 155, width)[None, :, None]
    return Image.fromarray(
        (slope + generator.integers(0, 100, (height, width, 3))).astype(np.uint8)
    )


def answers(asked: Trained, image: Image.Image) -> Tensor:
    pixels = torch.from_numpy(asked.framing(image))[None]
    with torch.inference_mode():
        logits = asked.model(preprocess(pixels, asked.preprocessing))
    assert isinstance(logits, Tensor)
    return logits


def lively(model: nn.Module) -> nn.Module:
    """Statistics that are not those of a new model, so that an exchanged tensor shows in the logits."""
    generator = torch.Generator().manual_seed(0)
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.running_mean, -0.2, 0.2, generator=generator)
            nn.init.uniform_(part.running_var, 0.5, 1.5, generator=generator)
    return model.eval()


@pytest.fixture(scope="module")
def theirs() -> nn.Module:
    torch.manual_seed(0)
    return lively(torchvision.models.resnet18())


@pytest.fixture(scope="module")
def file(theirs: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """torchvision's resnet18 as torch.save writes it."""
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(theirs.state_dict(), path)
    return path


def expected(model: nn.Module, name: str) -> Tensor:
    preset = get_model_weights(name)["IMAGENET1K_V1"].transforms()
    with torch.inference_mode():
        return model(preset(picture())[None])  # type: ignore[no-any-return]


# What is published


@pytest.mark.parametrize(
    ("name", "tag"), [(name, tag) for name, tags in PUBLISHED.items() for tag in tags]
)
def test_published_weights_are_prepared_for_as_torchvision_does(name: str, tag: str) -> None:
    """Its presets, and what two of its models do to their input besides."""
    entry = get_model_weights(library_name(name))[TAGS[tag]]
    image = picture(400, 400)
    their_input = entry.transforms()(image)[None]
    if library_name(name) in ("googlenet", "inception_v3"):
        with torch.device("meta"):
            model = get_model(library_name(name), transform_input=True, init_weights=False)
        their_input = model._transform_input(their_input)
    ours = published(name, tag)
    seen = preprocess(torch.from_numpy(ours.framing(image))[None], ours.preprocessing)
    if (entry.transforms().resize_size[0] - seen.shape[-1]) % 4 in (0, 1):
        torch.testing.assert_close(seen, their_input, rtol=0, atol=1e-5)
    else:  # half of what is cut off is rounded to the other side
        torch.testing.assert_close(
            seen.mean(dim=(2, 3)), their_input.mean(dim=(2, 3)), rtol=0, atol=0.02
        )
    found = torch.hub.HASH_REGEX.search(entry.url)
    assert found
    assert (ours.url, ours.checksum) == (entry.url, found[1])
    assert len(ours.checksum) == 8


def test_the_classes_of_imagenet() -> None:
    classes = imagenet.classes()
    assert [*classes.values()] == get_model_weights("resnet18")["IMAGENET1K_V1"].meta["categories"]
    timm = pytest.importorskip("timm")
    assert [*classes] == timm.data.ImageNetInfo().label_names()


# Published names


@pytest.fixture
def server(file: Path, tmp_path: Path) -> Iterator[ThreadingHTTPServer]:
    """The file under a published file's name, on this machine."""
    (tmp_path / RESNET18).write_bytes(file.read_bytes())

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = partial(Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def hub(
    server: ThreadingHTTPServer, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """torch.hub's cache, with weights published on this machine."""
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    publish(monkeypatch, f"http://127.0.0.1:{server.server_port}/{RESNET18}", sha256[:8])
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    return tmp_path / "hub" / "checkpoints"


def publish(monkeypatch: pytest.MonkeyPatch, url: str, checksum: str) -> None:
    monkeypatch.setattr(
        pretrained,
        "published",
        lambda name, tag: published(name, tag)._replace(url=url, checksum=checksum),
    )


def test_a_published_name_is_downloaded_once_and_its_variant_used_and_said(
    hub: Path, server: ThreadingHTTPServer, theirs: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    found = load("resnet18", "tv_in1k", say=said.append)
    assert found.network.name == "resnet18.b"
    assert said[0].startswith("tv_in1k belongs to resnet18.b, which is used: shortcuts of option B")
    assert said[1].startswith(
        f"downloading http://127.0.0.1:{server.server_port}/{RESNET18} (45 MB; "
    )
    assert "BSD-3-Clause" in said[1] and "non-commercial research" in said[1]
    torch.testing.assert_close(
        answers(found, picture()), expected(theirs, "resnet18"), rtol=0, atol=1e-4
    )
    assert found.classes["n01440764"] == "tench"
    assert found.weights == hashlib.sha256((hub / RESNET18).read_bytes()).hexdigest()
    monkeypatch.setattr(torch.hub, "download_url_to_file", None)
    assert load("resnet18.b", "tv_in1k", say=said.append).weights == found.weights
    assert len(said) == 2


def failure(name: str, source: object, **options: int) -> AtalhoError:
    with pytest.raises(AtalhoError) as error:
        load(name, str(source), **options)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)
    return error.value


def test_a_download_with_another_checksum_is_not_kept(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, pretrained.published("resnet18.b", "tv_in1k").url, "00000000")
    error = failure("resnet18", "tv_in1k")
    assert (error.code, error.exit) == ("WEIGHTS-DOWNLOAD", Exit.CHECKPOINT)
    assert "invalid hash value" in error.cause
    assert [*hub.iterdir()] == []


def test_a_damaged_file_in_the_cache_is_not_used(hub: Path) -> None:
    hub.mkdir(parents=True)
    (hub / RESNET18).write_bytes(b"half a download")
    error = failure("resnet18", "tv_in1k")
    assert (error.code, error.exit) == ("WEIGHTS-CHECKSUM", Exit.CHECKPOINT)
    assert "remove it" in error.next_step


@pytest.mark.parametrize(
    "url", ["http://nowhere.invalid/x-00000000.pth", "http://127.0.0.1:9/x-00000000.pth"]
)
def test_a_machine_without_a_network(hub: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    publish(monkeypatch, url, "00000000")
    error = failure("resnet18", "tv_in1k")
    assert (error.code, error.exit) == ("WEIGHTS-DOWNLOAD", Exit.CHECKPOINT)
    assert error.next_step.endswith(f"put it at {hub / 'x-00000000.pth'}")
    assert [*hub.iterdir()] == []


def test_a_file_that_is_not_there_to_be_downloaded(
    hub: Path, server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, f"http://127.0.0.1:{server.server_port}/none-00000000.pth", "00000000")
    assert "File not found" in failure("resnet18", "tv_in1k").cause


@pytest.mark.parametrize(
    ("name", "source", "says"),
    [
        ("resnet18", "a1_in1k", "published for resnet18: tv_in1k"),
        ("resnet50", "nowhere", "published for resnet50: tv_in1k, tv2_in1k"),
        ("resnet18", "tv2_in1k", "not published for this network; published for resnet18: tv_in1k"),
        ("resnet50.c", "tv_in1k", "published for resnet50.c: none"),
        ("nin", "tv_in1k", "published for nin: none"),
    ],
)
def test_names_that_are_not_published(name: str, source: str, says: str) -> None:
    error = failure(name, source)
    assert (error.code, error.exit) == ("WEIGHTS-UNKNOWN", Exit.USAGE)
    assert says in error.cause


def test_classes_are_those_of_the_weights() -> None:
    error = failure("resnet18", "tv_in1k", num_classes=10)
    assert (error.code, error.exit) == ("WEIGHTS-CLASSES", Exit.CHECKPOINT)
    assert "are for 1000 classes, not 10" in error.cause


# Files


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.module."])
def test_a_file_of_torchvisions(file: Path, theirs: nn.Module, tmp_path: Path, prefix: str) -> None:
    path = tmp_path / "x.pt"
    torch.save({f"{prefix}{key}": tensor for key, tensor in theirs.state_dict().items()}, path)
    said: list[str] = []
    found = load("resnet18", str(path), say=said.append)
    assert found.network.name == "resnet18.b"
    torch.testing.assert_close(
        answers(found, picture()), expected(theirs, "resnet18"), rtol=0, atol=1e-4
    )
    assert "belongs to resnet18.b, which is used" in said[0]
    assert "taken as 1000 classes of ImageNet" in said[1]
    assert found.classes == imagenet.classes()


def test_a_published_file_is_known_by_its_checksum(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, "unused", hashlib.sha256(file.read_bytes()).hexdigest()[:8])
    said: list[str] = []
    load("resnet18.b", str(file), say=said.append)
    assert said == [f"{file} is tv_in1k, as published"]


def zeros(name: str, **options: object) -> dict[str, Tensor]:
    """torchvision's keys and shapes."""
    with torch.device("meta"):
        model = get_model(name, **options)
    return {
        key: torch.zeros_like(tensor, device="cpu") for key, tensor in model.state_dict().items()
    }


@pytest.mark.parametrize(
    ("name", "their_name", "options", "used"),
    [
        ("resnet50", "resnet50", {}, "resnet50.v1_5"),
        ("googlenet", "googlenet", {"init_weights": False}, "googlenet.bn"),
        ("googlenet", "googlenet", {"init_weights": False, "aux_logits": False}, "googlenet.bn"),
    ],
)
def test_torchvisions_keys_mean_torchvisions_arithmetic(
    tmp_path: Path, name: str, their_name: str, options: dict[str, bool], used: str
) -> None:
    path = tmp_path / "x.safetensors"
    safetensors.torch.save_file(zeros(their_name, num_classes=7, **options), path)
    said: list[str] = []
    found = load(name, str(path), num_classes=7, say=said.append)
    assert found.network.name == used
    assert len(found.network.taps) == 2 * (options.get("aux_logits", name == "googlenet"))
    assert f"belongs to {used}" in said[0]
    assert "7 classes by number" in said[1]
    assert [*found.classes] == ["0", "1", "2", "3", "4", "5", "6"]
    centred = name == "googlenet"
    assert found.preprocessing.mean.flatten().tolist() == pytest.approx(
        [0.5] * 3 if centred else [0.485, 0.456, 0.406]
    )


def test_another_number_of_classes_than_the_files(file: Path) -> None:
    error = failure("resnet18", file, num_classes=10)
    assert (error.code, error.exit) == ("WEIGHTS-CLASSES", Exit.CHECKPOINT)
    assert "are for 1000 classes, not 10" in error.cause


def test_a_file_of_another_network(file: Path) -> None:
    error = failure("resnet34", file)
    assert (error.code, error.exit) == ("CHECKPOINT-KEYS", Exit.CHECKPOINT)
    assert "missing (layer1.2.conv1.weight" in error.cause


# Folders


@pytest.mark.parametrize("weights", ["model.safetensors", "pytorch_model.bin"])
def test_a_folder_that_timm_wrote(tmp_path: Path, weights: str) -> None:
    """timm's resnet18 is the paper's with option B, and its config has timm's preprocessing."""
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    model = lively(timm.create_model("resnet18", num_classes=3))
    names = {"label_names": ["ant", "bee", "cow"], "label_descriptions": {"cow": "a cow"}}
    timm.models.save_for_hf(
        model, tmp_path, model_config=names, safe_serialization=weights == "model.safetensors"
    )
    assert [each.name for each in tmp_path.glob("*model*")] == [weights]
    said: list[str] = []
    found = load("resnet18", str(tmp_path), num_classes=3, say=said.append)
    assert found.network.name == "resnet18.b"
    assert len(said) == 1
    assert found.classes == {"ant": "ant", "bee": "bee", "cow": "a cow"}
    settings = timm.data.resolve_model_data_config(model)
    transform = timm.data.create_transform(**settings, is_training=False)
    size = picture(320, 320)
    with torch.inference_mode():
        theirs = model(transform(size)[None])
    assert (found.framing.interpolation, found.framing.crop_pct) == ("bicubic", 0.95)
    torch.testing.assert_close(answers(found, size), theirs, rtol=0, atol=0.02)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that names the paper's own ResNet-50 under torchvision's keys."""
    safetensors.torch.save_file(zeros("resnet50", num_classes=3), tmp_path / "model.safetensors")
    config = {
        "architecture": "resnet50",
        "num_classes": 3,
        "label_names": ["ant", "bee", "cow"],
        "pretrained_cfg": {
            "input_size": [3, 96, 128],
            "mean": [0.4, 0.5, 0.6],
            "std": [0.1, 0.2, 0.3],
            "crop_pct": 0.8,
            "crop_mode": "squash",
            "interpolation": "lanczos",
        },
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    return tmp_path


def rewritten(folder: Path, change: Callable[[dict[str, object]], object]) -> Path:
    config = json.loads((folder / "config.json").read_text())
    change(config)
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_a_config_names_its_network_and_all_that_travels_with_it(folder: Path) -> None:
    for source in (folder, folder / "model.safetensors"):
        found = load("resnet50", str(source))
        assert found.network.name == "resnet50"
        assert found.network.input == (3, 96, 128)
        assert found.framing == trained.Framing((3, 96, 128), 0.8, "squash", "lanczos")
        assert found.preprocessing.mean.flatten().tolist() == pytest.approx([0.4, 0.5, 0.6])
        assert found.preprocessing.std.flatten().tolist() == pytest.approx([0.1, 0.2, 0.3])
        assert [*found.classes] == ["ant", "bee", "cow"]


def test_a_config_of_timms_means_timms_network(folder: Path) -> None:
    rewritten(folder, lambda config: config["pretrained_cfg"].update(tag=""))  # type: ignore[attr-defined]
    assert load("resnet50", str(folder)).network.name == "resnet50.v1_5"


def test_a_folder_of_another_network_or_other_classes(folder: Path) -> None:
    error = failure("resnet50.v1_5", folder)
    assert (error.code, error.exit) == ("WEIGHTS-OTHER", Exit.CHECKPOINT)
    assert "are of resnet50, not of resnet50.v1_5" in error.cause
    assert failure("resnet18", folder).code == "WEIGHTS-OTHER"
    assert failure("resnet50", folder, num_classes=4).code == "WEIGHTS-CLASSES"


Settings = dict[str, object]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c.pop("architecture"), "has no architecture"),
        (lambda c: c.pop("pretrained_cfg"), "has no pretrained_cfg"),
        (lambda c: c.update(architecture="vit_base"), "not in the catalogue"),
        (lambda c: c.update(architecture=["resnet50"]), "is no name"),
        (lambda c: c.update(num_classes=4), "3 different label_names for num_classes 4"),
        (lambda c: c.update(label_names=["a", "a", "b"]), "2 different label_names"),
        (lambda c: c.update(num_classes="many"), "invalid literal"),
        (lambda c: c.update(num_classes=float("inf")), "infinity"),
        (lambda c: (c.pop("label_names"), c.update(num_classes=10**12)), "no label_names"),
        (lambda c: c["pretrained_cfg"].update(input_size=[3, 10**6, 10**6]), "is no picture"),
        (lambda c: c["pretrained_cfg"].update(input_size=[3, 224]), "not enough values"),
        (lambda c: c["pretrained_cfg"].update(mean=[0.5]), "not of 3 channels"),
        (lambda c: c["pretrained_cfg"].update(std=[0.0] * 3), "not above zero"),
        (lambda c: c["pretrained_cfg"].update(mean=[float("nan")] * 3), "no numbers"),
        (lambda c: c["pretrained_cfg"].update(crop_pct=0), "not understood"),
        (lambda c: c["pretrained_cfg"].update(crop_mode="border"), "border"),
        (lambda c: c["pretrained_cfg"].update(interpolation="random"), "random"),
        (lambda c: c.update(pretrained_cfg=3), "not subscriptable"),
        (lambda c: c.update(mean_file="../mean.safetensors"), "cannot be read"),
    ],
)
def test_configs_that_cannot_be_used(
    folder: Path, change: Callable[[Settings], object], says: str
) -> None:
    rewritten(folder, change)
    error = failure("resnet50", folder)
    assert error.exit == Exit.CHECKPOINT
    assert says in error.cause


def test_a_config_that_names_code_is_not_obeyed(folder: Path, tmp_path: Path) -> None:
    code = tmp_path / "evil.py"
    code.write_text(f"open({str(tmp_path / 'it was run')!r}, 'w')")
    rewritten(folder, lambda config: config.update(architecture=f"{code}:model"))
    assert failure("resnet50", folder).exit == Exit.UNSAFE
    assert not (tmp_path / "it was run").exists()


@pytest.mark.parametrize("content", [b"", b"[]", b"3", b"{", b"\xff\xfe", b"[" * 100_000])
def test_configs_that_are_none(folder: Path, content: bytes) -> None:
    (folder / "config.json").write_bytes(content)
    assert failure("resnet50", folder).code == "CHECKPOINT-CONFIG"


def test_folders_that_hold_no_weights(tmp_path: Path) -> None:
    assert failure("resnet50", tmp_path).code == "CHECKPOINT-MISSING"


def test_weights_changed_after_their_config_was_written(folder: Path) -> None:
    whole = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    rewritten(folder, lambda config: config.update(sha256=whole))
    load("resnet50", str(folder))
    changed = zeros("resnet50", num_classes=3)
    changed["fc.bias"][0] = 1
    safetensors.torch.save_file(changed, folder / "model.safetensors")
    error = failure("resnet50", folder)
    assert (error.code, error.exit) == ("CHECKPOINT-DAMAGED", Exit.CHECKPOINT)


# A new head


def test_a_new_head_keeps_all_else(folder: Path, theirs: nn.Module, file: Path) -> None:
    found = load("resnet18.b", str(file))
    classes = {name: name for name in ("ant", "bee", "cow", "dog")}
    new = fitting.with_new_head(found, classes, seed=3)
    assert (new.network.num_classes, new.classes) == (4, classes)
    assert (new.framing, new.weights) == (found.framing, found.weights)
    old, state = found.model.state_dict(), new.model.state_dict()
    head = {"fc.linear.weight", "fc.linear.bias"}
    assert all(torch.equal(state[key], old[key]) for key in old.keys() - head)
    assert state["fc.linear.weight"].shape == (4, 512)
    again = fitting.with_new_head(found, classes, seed=3).model.state_dict()
    other = fitting.with_new_head(found, classes, seed=4).model.state_dict()
    assert torch.equal(again["fc.linear.weight"], state["fc.linear.weight"])
    assert not torch.equal(other["fc.linear.weight"], state["fc.linear.weight"])


def test_a_new_head_is_new_for_as_many_classes_too_and_for_auxiliary_heads(tmp_path: Path) -> None:
    safetensors.torch.save_file(
        zeros("googlenet", num_classes=4, init_weights=False), tmp_path / "x.safetensors"
    )
    found = load("googlenet.bn", str(tmp_path / "x.safetensors"), num_classes=4)
    new = fitting.with_new_head(found, {name: name for name in "abcd"}, seed=0)
    drawn = {key for key, tensor in new.model.state_dict().items() if tensor.any()}
    assert drawn == {"aux1.linear.weight", "aux2.linear.weight", "linear.linear.weight"}
