"""Class activation maps by their definition, and Grad-CAM beside them and where there are none."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import atalho
from atalho.data.batches import Preprocessing
from atalho.data.image import Framing
from atalho.errors import AtalhoError, Exit
from atalho.evaluation.predicting import Guess, Prediction, Source
from atalho.grammar.network import Network
from atalho.networks import subjects
from atalho.probes import explaining
from atalho.probes.activation_maps import activation_maps
from atalho.weights.trained import Inference, Trained
from photo_folders import picture, save

CPU = torch.device("cpu")


def model_of(name: str, side: int) -> nn.Module:
    """With BatchNorm's statistics of real size, so that maps are not all alike."""
    subject = subjects.get(name, input=(3, side, side), num_classes=7)
    if isinstance(subject, Network):
        subject = subject.without_auxiliary()
    model = subjects.build(subject, seed=1)
    with torch.no_grad():
        model.train()(images_of(side, 8))
    return model.eval()


def images_of(side: int, count: int = 3) -> Tensor:
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(0))


def test_a_map_is_the_weighted_sum_of_the_last_maps_and_its_mean_the_logit() -> None:
    model = model_of("resnet20", 32)
    images, classes = images_of(32), torch.tensor([0, 6, 3])
    found = activation_maps(model, images, classes, "resnet20")
    assert found.exact
    (linear,) = [part for part in model.modules() if isinstance(part, nn.Linear)]
    with torch.no_grad():
        outputs = model.forward_rows(images)
        maps = next(o for o in reversed([*outputs.values()]) if o.dim() == 4 and o.shape[-1] > 1)
        logits = model(images)
    for image, label in enumerate(classes.tolist()):
        for y in range(maps.shape[2]):
            for x in range(maps.shape[3]):
                expected = sum(linear.weight[label] * maps[image, :, y, x])
                assert found.parts[image, y, x].item() == pytest.approx(expected.item(), abs=1e-4)
        total = found.parts[image].mean() + linear.bias[label]
        assert total.item() == pytest.approx(logits[image, label].item(), abs=1e-4)


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("plain20", 32),
        ("resnet18", 64),
        ("googlenet.small", 32),
        ("enet", 64),
        ("torchvision:resnet18", 64),
        ("timm:resnet18", 64),
    ],
)
def test_networks_that_end_in_average_pooling_and_one_layer_have_exact_maps(
    name: str, side: int
) -> None:
    model, images, classes = model_of(name, side), images_of(side, 2), torch.tensor([1, 4])
    found = activation_maps(model, images, classes, name)
    assert found.exact
    linear = [part for part in model.modules() if isinstance(part, nn.Linear)][-1]
    with torch.no_grad():
        logits = model(images)[[0, 1], classes]
    totals = found.parts.mean((1, 2)) + linear.bias[classes]
    torch.testing.assert_close(totals, logits, rtol=1e-4, atol=1e-4)


def test_maps_that_are_only_averaged_are_the_class_s_own() -> None:
    model, images, classes = model_of("nin", 128), images_of(128, 2), torch.tensor([1, 4])
    found = activation_maps(model, images, classes, "nin")
    assert found.exact
    with torch.no_grad():
        logits = model(images)[[0, 1], classes]
    torch.testing.assert_close(found.parts.mean((1, 2)), logits, rtol=1e-4, atol=1e-4)


def test_grad_cam_is_the_class_activation_map_where_both_apply() -> None:
    from captum.attr import LayerGradCam

    model, images, classes = model_of("resnet20", 32), images_of(32), torch.tensor([0, 6, 3])
    exact = activation_maps(model, images, classes, "resnet20").parts
    layers = [part for name, part in model.named_children() if "conv" in name or "_" in name]
    grad_cam = LayerGradCam(model, layers[-1]).attribute(images, target=classes)
    # Its weights are gradients of the logit, which are those of the linear layer divided by the number of places.
    torch.testing.assert_close(
        grad_cam[:, 0].detach() * exact[0].numel(), exact, rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize(("name", "side"), [("vgg11", 64), ("alexnet.owt", 96)])
def test_other_convolutional_networks_have_grad_cam_s(name: str, side: int) -> None:
    model, images, classes = model_of(name, side), images_of(side, 2), torch.tensor([1, 4])
    found = activation_maps(model, images, classes, name)
    assert not found.exact
    assert found.parts.shape[0] == 2
    assert found.parts.shape[1] > 1
    assert found.parts.abs().sum() > 0
    again = activation_maps(model, images, torch.tensor([2, 2]), name)
    assert not torch.equal(found.parts, again.parts)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_without_captum_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    model = model_of("vgg11", 64)
    with pytest.raises(AtalhoError) as caught:
        activation_maps(model, images_of(64, 1), torch.tensor([1]), "vgg11")
    assert (caught.value.code, caught.value.exit) == ("EXTRA-MISSING", Exit.RESOURCES)
    assert caught.value.next_step == "pip install 'atalho[explain]'"


def test_a_network_of_tokens_is_refused() -> None:
    name = "timm:test_vit"
    subject = subjects.get(name, num_classes=7)
    side = subject.input[1]
    model = subjects.build(subject, seed=1).eval()
    with pytest.raises(AtalhoError) as caught:
        activation_maps(model, images_of(side, 1), torch.tensor([1]), name)
    assert (caught.value.code, caught.value.exit) == ("NO-MAPS", Exit.USAGE)


class Corner(nn.Module):
    """Sees the first class in the lower right quarter of a picture that is bright there."""

    def __init__(self) -> None:
        super().__init__()
        self.pool, self.linear = nn.AvgPool2d(8), nn.Linear(3, 2)
        with torch.no_grad():
            self.linear.weight.copy_(torch.tensor([[1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]]))

    def forward(self, images: Tensor) -> Tensor:
        return self.linear(self.pool(images).mean((2, 3)))


def trained_corner() -> Trained:
    subject = subjects.get("resnet20", input=(3, 32, 32), num_classes=2)
    preprocessing = Preprocessing.per_channel([0.0] * 3, [1.0] * 3)
    classes = {"bright": "bright", "dark": "dark"}
    return Trained(subject, Corner().eval(), Framing((3, 32, 32)), preprocessing, classes, "")


def test_the_picture_is_red_where_the_class_is_seen_and_grey_elsewhere(tmp_path: Path) -> None:
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[16:, 16:] = 255
    good = save(tmp_path / "a.png", Image.fromarray(pixels))
    hostile = save(tmp_path / "x" / "../y $(b)\n.png", Image.fromarray(pixels[::-1].copy()))
    sources = [Source(str(path), path) for path in (good, tmp_path / "missing.png", hostile)]
    error = AtalhoError("X", "x", "x", next_step="", exit=Exit.DATA)
    bright = (Guess("bright", "bright", 0.9),)
    predictions = [Prediction(sources[0].path, bright), Prediction("b", error)]
    predictions.append(Prediction(sources[2].path, bright))
    inference = Inference(CPU, "float32", 1)
    paths = explaining.explain(trained_corner(), sources, predictions, inference, tmp_path / "out")
    assert sorted(paths) == sorted((tmp_path / "out").iterdir())
    assert len(paths) == 2
    for path, flipped in zip(paths, (False, True), strict=True):
        with Image.open(path) as image:
            both = np.asarray(image).astype(int)
        assert both.shape == (224, 448, 3)
        height = both[:112] if flipped else both[112:]
        other = both[112:] if flipped else both[:112]
        red = height[40:70, 340:440]
        assert (red[..., 0] - red[..., 2]).min() > 60
        assert np.ptp(other[40:70, 230:330], axis=-1).max() == 0
        assert height[40:70, 120:220].min() == 255  # the picture as it is


def test_what_speaks_against_the_class_is_blue() -> None:
    part = torch.tensor([[-1.0, 0.0], [0.0, 1.0]])
    drawn = np.asarray(explaining.side_by_side(np.full((28, 28, 1), 90, np.uint8), part)).astype(
        int
    )
    assert drawn.shape == (224, 448, 3)
    assert drawn[0, 224, 2] > drawn[0, 224, 0] + 60
    assert drawn[-1, -1, 0] > drawn[-1, -1, 2] + 60


def test_predict_writes_the_pictures(tmp_path: Path) -> None:
    atalho.train("resnet20", steps=3, output=tmp_path / "run", threads=1)
    images = [save(tmp_path / f"{number}.png", picture(number)) for number in range(2)]
    lines: list[str] = []
    atalho.predict(
        tmp_path / "run",
        images,
        explain=tmp_path / "where",
        reporter=atalho.Reporter(say=lines.append),
    )
    assert len([*(tmp_path / "where").glob("*.png")]) == 2
    assert f"2 pictures of where resnet20 looks are in {tmp_path / 'where'}" in lines
    (tmp_path / "file").touch()
    with pytest.raises(AtalhoError, match="OUTPUT") as caught:
        atalho.predict(tmp_path / "run", images, explain=tmp_path / "file")
    assert caught.value.exit == Exit.USAGE
