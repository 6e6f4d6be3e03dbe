"""Residual networks as repositories and libraries write them: their weights, loaded by name, give their logits.

The modules here are written from the architecture; only the names of their layers are those of the repositories.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from atalho import networks
from atalho.cli import main
from atalho.data import cifar
from atalho.data.image import Framing
from atalho.errors import AtalhoError
from atalho.weights import layouts, pretrained, resnets
from atalho.weights.trained import Trained


def convolution(channels: int, filters: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, filters, kernel, stride, kernel // 2, bias=False)


class PadBothSides(nn.Module):
    """Option A as akamaster's: every second pixel; half of the new channels before the old ones, half behind."""

    def __init__(self, added: int, stride: int) -> None:
        super().__init__()
        self.side, self.stride = added // 2, stride

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.side, self.side))


class Block(nn.Module):
    """`conv1, bn1, conv2, bn2` (and a third of a bottleneck), with the shortcut under a name."""

    def __init__(
        self, channels: int, width: int, stride: int, option: str, shortcut: str, deep: bool
    ) -> None:
        super().__init__()
        filters = 4 * width if deep else width
        self.beside = shortcut
        if deep:
            steps = [(width, 1, 1), (width, 3, stride), (filters, 1, 1)]
        else:
            steps = [(width, 3, stride), (width, 3, 1)]
        self.steps = len(steps)
        before = channels
        for number, (out, kernel, by) in enumerate(steps, start=1):
            self.add_module(f"conv{number}", convolution(before, out, kernel, by))
            self.add_module(f"bn{number}", nn.BatchNorm2d(out))
            before = out
        changes = stride > 1 or channels != filters
        if changes and option == "B":
            projection = convolution(channels, filters, 1, stride)
            self.add_module(shortcut, nn.Sequential(projection, nn.BatchNorm2d(filters)))
        elif changes:
            self.add_module(shortcut, PadBothSides(filters - channels, stride))
        else:
            self.add_module(shortcut, nn.Sequential())

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for number in range(1, self.steps + 1):
            y = self.get_submodule(f"bn{number}")(self.get_submodule(f"conv{number}")(y))
            y = y.relu() if number < self.steps else y
        return (y + self.get_submodule(self.beside)(x)).relu()


class ResNet(nn.Module):
    """`conv1, bn1, layer1.0.conv1, …` and a last layer, as most repositories name them."""

    def __init__(
        self,
        blocks: tuple[int, ...],
        widths: tuple[int, ...],
        *,
        option: str = "B",
        shortcut: str = "downsample",
        head: str = "fc",
        deep: bool = False,
        imagenet: bool = False,
        classes: int = 10,
    ) -> None:
        super().__init__()
        self.pools, self.head, self.stages = imagenet, head, len(blocks)
        self.conv1 = nn.Conv2d(3, widths[0], *((7, 2, 3) if imagenet else (3, 1, 1)), bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        channels = widths[0]
        for stage, (count, width) in enumerate(zip(blocks, widths, strict=True), start=1):
            row = []
            for index in range(count):
                stride = 2 if stage > 1 and index == 0 else 1
                row.append(Block(channels, width, stride, option, shortcut, deep))
                channels = 4 * width if deep else width
            self.add_module(f"layer{stage}", nn.Sequential(*row))
        self.add_module(head, nn.Linear(channels, classes))

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(self.conv1(x)).relu()
        x = F.max_pool2d(x, 3, 2, 1) if self.pools else x
        for stage in range(1, self.stages + 1):
            x = self.get_submodule(f"layer{stage}")(x)
        return self.get_submodule(self.head)(x.mean((2, 3)))


class Function(nn.Module):
    """weiaicunzai's block: everything in two sequences."""

    def __init__(self, channels: int, width: int, stride: int, deep: bool) -> None:
        super().__init__()
        filters = 4 * width if deep else width
        if deep:
            steps = [(width, 1, 1), (width, 3, stride), (filters, 1, 1)]
        else:
            steps = [(width, 3, stride), (width, 3, 1)]
        parts: list[nn.Module] = []
        before = channels
        for out, kernel, by in steps:
            parts += [convolution(before, out, kernel, by), nn.BatchNorm2d(out), nn.ReLU()]
            before = out
        self.residual_function = nn.Sequential(*parts[:-1])
        self.shortcut = nn.Sequential()
        if stride > 1 or channels != filters:
            projection = convolution(channels, filters, 1, stride)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(filters))

    def forward(self, x: Tensor) -> Tensor:
        return (self.residual_function(x) + self.shortcut(x)).relu()


class Weiaicunzai(nn.Module):
    def __init__(self, blocks: tuple[int, ...], *, deep: bool, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(convolution(3, 64, 3), nn.BatchNorm2d(64), nn.ReLU())
        channels = 64
        for stage, (count, width) in enumerate(zip(blocks, (64, 128, 256, 512), strict=True), 2):
            row = []
            for index in range(count):
                row.append(Function(channels, width, 2 if stage > 2 and index == 0 else 1, deep))
                channels = 4 * width if deep else width
            self.add_module(f"conv{stage}_x", nn.Sequential(*row))
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        for stage in ("conv1", "conv2_x", "conv3_x", "conv4_x", "conv5_x"):
            x = self.get_submodule(stage)(x)
        return self.fc(x.mean((2, 3)))


class Step(nn.Module):
    """Hugging Face's convolution with its normalisation."""

    def __init__(self, channels: int, filters: int, kernel: int, stride: int, acts: bool) -> None:
        super().__init__()
        self.convolution = convolution(channels, filters, kernel, stride)
        self.normalization = nn.BatchNorm2d(filters)
        self.acts = acts

    def forward(self, x: Tensor) -> Tensor:
        x = self.normalization(self.convolution(x))
        return x.relu() if self.acts else x


class Layer(nn.Module):
    """Hugging Face's block."""

    def __init__(self, channels: int, width: int, stride: int, deep: bool) -> None:
        super().__init__()
        filters = 4 * width if deep else width
        changes = stride > 1 or channels != filters
        self.shortcut = Step(channels, filters, 1, stride, False) if changes else nn.Identity()
        if deep:
            steps = [
                Step(channels, width, 1, 1, True),
                Step(width, width, 3, stride, True),
                Step(width, filters, 1, 1, False),
            ]
        else:
            steps = [Step(channels, width, 3, stride, True), Step(width, width, 3, 1, False)]
        self.layer = nn.Sequential(*steps)

    def forward(self, x: Tensor) -> Tensor:
        return (self.layer(x) + self.shortcut(x)).relu()


def holder(**parts: nn.Module) -> nn.Module:
    """A module that is only a name for others."""
    module = nn.Module()
    for name, part in parts.items():
        module.add_module(name, part)
    return module


class Transformers(nn.Module):
    """`ResNetForImageClassification`."""

    def __init__(self, blocks: tuple[int, ...], *, deep: bool, classes: int) -> None:
        super().__init__()
        stages, channels = [], 64
        for stage, (count, width) in enumerate(zip(blocks, (64, 128, 256, 512), strict=True)):
            row = []
            for index in range(count):
                row.append(Layer(channels, width, 2 if stage and not index else 1, deep))
                channels = 4 * width if deep else width
            stages.append(holder(layers=nn.Sequential(*row)))
        self.resnet = holder(
            embedder=holder(embedder=Step(3, 64, 7, 2, True)),
            encoder=holder(stages=nn.ModuleList(stages)),
        )
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(channels, classes))

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.resnet.embedder.embedder(x), 3, 2, 1)
        for stage in self.resnet.encoder.stages:
            x = stage.layers(x)
        return self.classifier(x.mean((2, 3), keepdim=True))


class Mmpretrain(nn.Module):
    def __init__(self, blocks: tuple[int, ...], *, deep: bool, classes: int) -> None:
        super().__init__()
        self.backbone = ResNet(blocks, (64, 128, 256, 512), deep=deep, imagenet=True, head="none")
        del self.backbone.none
        self.backbone.head = "none"
        self.head = holder(fc=nn.Linear(2048 if deep else 512, classes))

    def forward(self, x: Tensor) -> Tensor:
        self.backbone.none = nn.Identity()
        features = self.backbone(x)
        del self.backbone.none
        return self.head.fc(features)


def lively(model: nn.Module, images: Tensor) -> nn.Module:
    """BatchNorm with weights and statistics of its own in every channel, those of `images`."""
    generator = torch.Generator().manual_seed(1)
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 1.5, generator=generator)
            nn.init.uniform_(part.bias, -0.5, 0.5, generator=generator)
            part.momentum = 0.9
    with torch.no_grad():
        model.train()(images)
    return model.eval()


def images_for(side: int) -> Tensor:
    return torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(2))


def loaded(
    tmp_path: Path, model: nn.Module, name: str, content: object = None
) -> tuple[Trained, str]:
    """What `--weights FILE` gives for a model's state dict, and all that was said."""
    path = tmp_path / "x.th"
    torch.save(model.state_dict() if content is None else content, path)
    said: list[str] = []
    return pretrained.load(name, str(path), say=said.append), "\n".join(said)


def assert_same_logits(model: nn.Module, found: Trained, images: Tensor) -> None:
    with torch.inference_mode():
        theirs, ours = model(images), found.model(images)
    assert theirs.std() > 0.05
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)


SIX_N = (16, 32, 64)
STAGES = (64, 128, 256, 512)


@pytest.mark.parametrize("head", ["linear", "fc"])
@pytest.mark.parametrize("shortcut", ["shortcut", "downsample"])
@pytest.mark.parametrize("option", ["A", "B"])
def test_six_n_plus_two_layers(tmp_path: Path, head: str, shortcut: str, option: str) -> None:
    torch.manual_seed(0)
    images = images_for(32)
    model = ResNet((3, 3, 3), SIX_N, option=option, shortcut=shortcut, head=head)
    found, said = loaded(tmp_path, lively(model, images), "resnet20")
    assert_same_logits(model, found, images)
    assert found.network.name == ("resnet20" if option == "A" else "resnet20.b")
    assert ("belongs to resnet20.b, which is used" in said) == (option == "B")
    assert "the 10 classes of CIFAR-10" in said


def test_padding_on_both_sides_is_another_order_of_channels() -> None:
    """Without it the logits would be others: the test above can fail."""
    orders = {
        (key, axis): order for key, axis, order in resnets.both_sides(networks.get("resnet20"))
    }
    assert orders["conv3_1.sum.residual.conv1.weight", 1] == [*range(16)]
    assert orders["conv3_1.sum.residual.conv2.weight", 0] == [
        *range(8, 24),
        *range(8),
        *range(24, 32),
    ]
    assert sorted(orders["fc.linear.weight", 1]) == [*range(64)]
    for name in ("resnet20.b", "plain20", "resnet18.b", "resnet50"):
        assert not [*resnets.both_sides(networks.get(name))]


@pytest.mark.parametrize(
    ("name", "blocks"), [("resnet18", (2, 2, 2, 2)), ("resnet50", (3, 4, 6, 3))]
)
def test_networks_of_table_1_for_small_images(
    tmp_path: Path, name: str, blocks: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    images, deep = images_for(32), name == "resnet50"
    makers: list[Callable[[], nn.Module]] = [
        lambda: ResNet(blocks, STAGES, shortcut="shortcut", head="linear", deep=deep),
        lambda: Weiaicunzai(blocks, deep=deep, classes=100),
    ]
    for make, data in zip(makers, ("CIFAR-10", "CIFAR-100"), strict=True):
        model = lively(make(), images)
        wrapped = {"net": {f"module.{k}": v for k, v in model.state_dict().items()}, "acc": 95.1}
        found, said = loaded(tmp_path, model, name, wrapped)
        assert_same_logits(model, found, images)
        assert found.network.name == f"{name}.small"
        assert "its net is taken" in said
        mean = "0.4914" if data == "CIFAR-10" else "0.5071"
        assert f"classes of {data}, pictures normalised as is usual for {data} (mean {mean}" in said


@pytest.mark.parametrize(
    ("name", "blocks"), [("resnet18", (2, 2, 2, 2)), ("resnet50", (3, 4, 6, 3))]
)
@pytest.mark.parametrize("library", [Mmpretrain, Transformers])
def test_libraries(
    tmp_path: Path,
    library: Callable[..., nn.Module],
    name: str,
    blocks: tuple[int, ...],
) -> None:
    torch.manual_seed(0)
    images, deep = images_for(64), name == "resnet50"
    model = lively(library(blocks, deep=deep, classes=5), images)
    content = model.state_dict()
    if library is Mmpretrain:
        content = {"meta": {"epoch": 100, "CLASSES": ["a", "b"]}, "state_dict": content}
    found, said = loaded(tmp_path, model, name, content)
    assert_same_logits(model, found, images)
    assert found.network.name == ("resnet50.v1_5" if deep else "resnet18.b")
    assert found.network.num_classes == 5
    assert "5 classes by number, pictures as for ImageNet" in said


def old_tensors(state: dict[str, Tensor]) -> bytes:
    """A pickle as torch before 0.4 wrote it: `torch._utils._rebuild_tensor`, and no zip."""
    import collections
    import io
    import pickle

    class Old:
        def __init__(self, tensor: Tensor) -> None:
            self.tensor = tensor

        def __reduce__(self) -> tuple[object, ...]:
            t = self.tensor
            return torch._utils._rebuild_tensor, (
                t._typed_storage(),
                t.storage_offset(),
                tuple(t.shape),
                t.stride(),
            )

    file = io.BytesIO()
    torch.save(
        {
            "state_dict": collections.OrderedDict((k, Old(v)) for k, v in state.items()),
            "best_prec1": 91.73,
        },
        file,
        pickle_module=pickle,
        _use_new_zipfile_serialization=False,
    )
    assert b"_rebuild_tensor\n" in file.getvalue()
    return file.getvalue()


@pytest.mark.full
def test_akamasters_file_is_evaluated_on_cifar_by_one_command(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    cifar_dir: Path,
) -> None:
    """As its files are: an old pickle of a DataParallel's state dict beside the accuracy; no flag beside --weights and --data."""
    torch.manual_seed(0)
    model = ResNet((3, 3, 3), SIX_N, option="A", shortcut="shortcut", head="linear")
    lively(model, images_for(32))
    path = tmp_path / "resnet20-12fca82f.th"
    path.write_bytes(old_tensors({f"module.{k}": v for k, v in model.state_dict().items()}))
    arguments = ["evaluate", "resnet20", "--weights", str(path), "--data", "cifar10"]
    assert main([*arguments, "--data-dir", str(cifar_dir), "--format", "json"]) == 0
    told = capsys.readouterr()
    assert "the 10 classes of CIFAR-10, pictures normalised as in akamaster" in told.err
    test = cifar.cifar10(cifar_dir, lambda done, whole: None).splits["test"]
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    right = 0
    with torch.inference_mode():
        for images, labels in test.batches(1000):
            pixels = ((images / 255 - mean) / std).permute(0, 3, 1, 2)
            right += int((model(pixels).argmax(1) == labels).sum())
    assert json.loads(told.out)["top1"] == pytest.approx(right / 10_000, abs=2e-4)


def test_pictures_are_predicted_with_the_names_of_cifar(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    model = lively(ResNet((3, 3, 3), SIX_N, option="B"), images_for(32))
    torch.save(model.state_dict(), tmp_path / "x.pth")
    pixels = (torch.rand(32, 32, 3, generator=torch.Generator().manual_seed(3)) * 255).byte()
    Image.fromarray(pixels.numpy()).save(tmp_path / "x.png")
    arguments = [
        "predict",
        "resnet20",
        str(tmp_path / "x.png"),
        "--weights",
        str(tmp_path / "x.pth"),
    ]
    assert main([*arguments, "--top", "10", "--format", "json"]) == 0
    told = capsys.readouterr()
    assert "mean 0.4914 0.4822 0.4465, std 0.2023 0.1994 0.201" in told.err
    mean, std = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.2023, 0.1994, 0.2010])
    with torch.inference_mode():
        expected = model(((pixels / 255 - mean) / std).permute(2, 0, 1)[None]).softmax(1)[0]
    (answer,) = json.loads(told.out)
    assert [each["label"] for each in answer["labels"]] == [
        cifar.CLASSES[index] for index in expected.argsort(descending=True)
    ]
    for each in answer["labels"]:
        wanted = float(expected[cifar.CLASSES.index(each["label"])])
        assert each["probability"] == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("library", layouts.RULES)
def test_every_layout_names_every_layer_once(library: layouts.Library) -> None:
    for name in layouts.RULES[library]:
        pairs = layouts.pairs(networks.get(name), library)
        assert len({theirs for _, theirs in pairs}) == len(pairs)


HUGGING_FACE = {
    "architectures": ["ResNetForImageClassification"],
    "model_type": "resnet",
    "depths": [2, 2, 2, 2],
    "layer_type": "basic",
    "hidden_sizes": [64, 128, 256, 512],
    "embedding_size": 64,
    "downsample_in_first_stage": False,
    "num_channels": 3,
    "id2label": {"0": "ant", "1": "bee", "2": "cow, or ox"},
}
PREPROCESSOR = {
    "crop_pct": 0.8,
    "size": {"shortest_edge": 64},
    "image_mean": [0.5, 0.4, 0.3],
    "image_std": [0.2, 0.3, 0.4],
    "resample": 2,
}


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """A folder as `save_pretrained` writes it."""
    torch.manual_seed(0)
    model = lively(Transformers((2, 2, 2, 2), deep=False, classes=3), images_for(64))
    safetensors.torch.save_file(model.state_dict(), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(HUGGING_FACE))
    return tmp_path


@pytest.mark.parametrize("file", ["", "model.safetensors"])
def test_a_folder_of_hugging_faces(snapshot: Path, file: str) -> None:
    (snapshot / "preprocessor_config.json").write_text(json.dumps(PREPROCESSOR))
    found = pretrained.load("resnet18", str(snapshot / file))
    assert found.network.name == "resnet18.b"
    assert [*found.classes] == ["ant", "bee", "cow, or ox"]
    assert found.framing == Framing((3, 64, 64), 0.8, "center", "bilinear")
    assert found.preprocessing.mean.flatten().tolist() == pytest.approx([0.5, 0.4, 0.3])
    model = Transformers((2, 2, 2, 2), deep=False, classes=3)
    model.load_state_dict(safetensors.torch.load_file(snapshot / "model.safetensors"))
    assert_same_logits(model.eval(), found, images_for(64))


def test_a_folder_of_hugging_faces_without_a_preprocessor(snapshot: Path) -> None:
    found = pretrained.load("resnet18", str(snapshot))
    assert found.framing == Framing((3, 224, 224), 0.875, "center", "bicubic")


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "vit"},
        {"depths": [2, 2, 2, 3]},
        {"depths": 3},
        {"downsample_in_first_stage": True},
        {"id2label": {"1": "a"}},
        {"id2label": [1]},
        {"hidden_sizes": [64, 128]},
    ],
)
def test_hugging_faces_configs_that_cannot_be_used(
    snapshot: Path, change: dict[str, object]
) -> None:
    (snapshot / "config.json").write_text(json.dumps({**HUGGING_FACE, **change}))
    with pytest.raises(AtalhoError) as error:
        pretrained.load("resnet18", str(snapshot))
    assert error.value.code == "CHECKPOINT-CONFIG"


def test_a_folder_of_timms_for_timms_own_module(tmp_path: Path) -> None:
    """Of a network that the catalogue lacks, and of one that it has, under the name that the user gives."""
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    for name, asked in (
        ("test_resnet", "timm:test_resnet"),
        ("resnet18", "timm:resnet18"),
        ("resnet18", "resnet18"),
    ):
        folder = tmp_path / asked.replace(":", "-")
        model = lively(timm.create_model(name, num_classes=3), images_for(64))
        timm.models.save_for_hf(model, folder, model_config={"label_names": ["a", "b", "c"]})
        found = pretrained.load(asked, str(folder))
        assert found.network.name == ("resnet18.b" if asked == "resnet18" else asked)
        assert [*found.classes] == ["a", "b", "c"]
        assert_same_logits(model, found, images_for(64))
