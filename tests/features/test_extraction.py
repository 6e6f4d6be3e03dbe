"""Features of frozen networks: what a classifier is given, on every engine, computed once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from atalho.data.batches import Preprocessing, preprocess
from atalho.data.dataset import Dataset, Split
from atalho.data.image import Framing
from atalho.engines import Backend
from atalho.errors import AtalhoError
from atalho.features import cache, extraction
from atalho.features.classifier import LinearHead, as_features, check, with_head
from atalho.features.extraction import Extraction, features
from atalho.networks import subjects
from atalho.runtime.device import Device
from atalho.weights.config import numbered
from atalho.weights.trained import Trained

HOW = Extraction(Device("cpu", 1))
CLASSIFIERS = {
    "resnet20": ("fc.linear", (1, 8, 8)),
    "vgg11.bn": ("fc8", (3, 32, 32)),
    "googlenet.small": ("linear.linear", (1, 8, 8)),
    "torchvision:shufflenet_v2_x0_5": ("fc", (3, 32, 32)),
    "timm:lcnet_035": ("classifier", (3, 32, 32)),
}


def trained(name: str = "resnet20", input: tuple[int, int, int] = (1, 8, 8)) -> Trained:
    network = subjects.get(name, input=input, num_classes=10)
    preprocessing = Preprocessing.per_channel([0.5] * input[0], [0.25] * input[0])
    model = subjects.build(network, seed=0).eval()
    return Trained(network, model, Framing(input), preprocessing, numbered(10), "weights")


@pytest.fixture
def images(digits: Dataset) -> Split:
    split = digits.splits["val"]
    assert isinstance(split, Split)
    return split.select(torch.arange(40))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_features_are_what_the_classifier_is_given(name: str) -> None:
    layer, shape = CLASSIFIERS[name]
    network = trained(name, shape)
    assert check(network).endswith(layer)
    body = as_features(network)
    shown = torch.rand(2, *shape)
    seen: list[torch.Tensor] = []
    network.model.get_submodule(check(network)).register_forward_hook(
        lambda _, given, __: seen.append(given[0])
    )
    with torch.inference_mode():
        network.model(shown)
        assert torch.equal(body.model(shown), seen[0])


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_network_with_another_head_returns_what_the_head_does(name: str) -> None:
    _, shape = CLASSIFIERS[name]
    network = trained(name, shape)
    shown = torch.rand(3, *shape)
    with torch.inference_mode():
        seen = as_features(network).model(shown).double()
        generator = torch.Generator().manual_seed(0)
        weight = torch.randn(4, seen.shape[1], generator=generator, dtype=torch.float64)
        bias = torch.randn(4, generator=generator, dtype=torch.float64)
        other = with_head(network, LinearHead(weight, bias), {name: name for name in "abcd"})
        assert [*other.classes] == [*"abcd"]
        torch.testing.assert_close(
            other.model(shown).double(), seen @ weight.T + bias, atol=1e-4, rtol=1e-4
        )


def test_a_network_that_ends_in_no_linear_layer_has_no_features() -> None:
    with pytest.raises(AtalhoError, match=r"CLASSIFIER.*nin.*linear layer"):
        check(trained("nin", (3, 224, 224)))


def test_features_are_computed_once(images: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    network = trained()
    first = features(network, images, HOW)
    assert first.shape == (40, 64)
    with torch.inference_mode():
        whole = as_features(network).model(preprocess(images.images, network.preprocessing))
    np.testing.assert_allclose(first, whole.numpy(), atol=1e-5)

    def refuse(*_: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(extraction, "_computed", refuse)
    reordered = images.select(torch.arange(39, -1, -1))
    assert np.array_equal(features(network, reordered, HOW), first[::-1])
    with pytest.raises(AssertionError, match="computed again"):
        features(replace(network, weights="others"), images, HOW)
    with pytest.raises(AssertionError, match="computed again"):
        features(
            replace(network, preprocessing=Preprocessing.per_channel([0.4], [0.25])), images, HOW
        )


def test_only_images_that_are_new_are_computed(images: Split) -> None:
    network = trained()
    features(network, images.select(torch.arange(30)), HOW)
    counted: list[int] = []
    with_count = replace(HOW, progress=lambda done, total: counted.append(total))
    features(network, images, with_count)
    assert counted[0] == 40  # the last call alone: ten are fewer than a batch
    assert len(cache.read(cache.path(network, images.framing), print)) == len({*images.checksums()})


@pytest.mark.parametrize("damage", ["cut", "flip", "other"])
def test_a_damaged_cache_is_said_and_computed_anew(images: Split, damage: str) -> None:
    network = trained()
    first = features(network, images, HOW)
    file = cache.path(network, images.framing)
    content = bytearray(file.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
    file.write_bytes({"cut": content[:-10], "flip": content, "other": b"x"}[damage])
    lines: list[str] = []
    again = features(network, images, replace(HOW, say=lines.append))
    assert np.array_equal(first, again)
    assert len(lines) == 1 and "is damaged" in lines[0]
    features(network, images, replace(HOW, say=lines.append))
    assert len(lines) == 1


def test_features_are_computed_without_a_place_to_keep_them(
    images: Split, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ATALHO_CACHE", str(tmp_path / "file"))
    lines: list[str] = []
    assert features(trained(), images, replace(HOW, say=lines.append)).shape == (40, 64)
    assert len(lines) == 1 and "cannot be written" in lines[0]


def test_much_work_is_done_on_another_engine_that_agrees(
    images: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    network = trained()
    plain = features(network, images, HOW)
    used: list[str] = []
    monkeypatch.setattr(extraction, "WORTH", 0)
    monkeypatch.setattr(extraction, "ENGINES_TRIED", (Backend("onnxruntime", "float32"),))
    own = extraction._faster

    def noted(*given: object) -> object:
        session = own(*given)  # type: ignore[arg-type]
        used.append(type(session).__name__)
        return session

    monkeypatch.setattr(extraction, "_faster", noted)
    other = replace(network, weights="others")
    np.testing.assert_allclose(features(other, images, HOW), plain, atol=1e-3)
    assert used == ["OnnxRuntime"]
    monkeypatch.setattr(extraction, "BOUND", -1.0)
    lines: list[str] = []
    third = replace(network, weights="third")
    assert np.array_equal(features(third, images, replace(HOW, say=lines.append)), plain)
    assert len(lines) == 1 and "is not used for features" in lines[0]
