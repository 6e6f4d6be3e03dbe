"""Views beside torchvision's crops and beside Pillow, view by view; and what is averaged over them."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn
from torchvision.transforms import v2  # type: ignore[import-untyped]

from atalho import networks
from atalho.cli import main
from atalho.data.batches import Preprocessing
from atalho.data.dataset import Dataset, Split
from atalho.data.image import Framing, Pixels
from atalho.data.layout import WHOLE, layout
from atalho.errors import AtalhoError, Exit
from atalho.evaluation import evaluating, views
from atalho.evaluation.accuracy import PROTOCOL
from atalho.grammar import module
from atalho.grammar.network import Network
from atalho.weights import trained
from atalho.weights.config import Config
from atalho.weights.trained import Inference, Trained

Captured = pytest.CaptureFixture[str]
CPU = Inference(torch.device("cpu"), "float32")
IMAGENET = Framing((3, 224, 224), 0.875)
SMALL = Framing((3, 32, 32), 0.8)


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def in_any_order(crops: Iterable[Pixels]) -> list[bytes]:
    return sorted(crop.tobytes() for crop in crops)


def asked(network: Network, framing: Framing = SMALL) -> Trained:
    """A network with drawn weights, whose logits are near enough to one another that every view has its say."""
    model = module.build(network, seed=0).eval()
    *_, last = (part for part in model.modules() if isinstance(part, nn.Linear))
    with torch.no_grad():
        last.weight /= model(torch.randn(8, *network.input)).std()
    labels = {str(label): str(label) for label in range(network.num_classes)}
    preprocessing = Preprocessing.per_channel([0.4, 0.5, 0.6], [0.2, 0.3, 0.25])
    return Trained(network, model, framing, preprocessing, labels, "")


@pytest.fixture(scope="module")
def resnet() -> Trained:
    return asked(networks.get("resnet20"))


@pytest.fixture(params=["n01440764", "n01496331", "n01530575"])
def photo(request: pytest.FixtureRequest, shared: Path) -> Iterator[Image.Image]:
    (path,) = (shared / "data" / "imagenet-sample" / request.param).iterdir()
    with Image.open(path) as image:
        # An odd number of pixels beside the centre: torchvision rounds half of them to an even number.
        yield image.convert("RGB").crop((0, 0, image.width // 2 * 2, image.height // 2 * 2))


def test_ten_crops_are_those_of_torchvision_from_the_central_square(photo: Image.Image) -> None:
    (seen,) = views.ten_crops(photo, IMAGENET)
    resized = v2.CenterCrop(256)(v2.Resize(256)(photo))
    expected = [np.asarray(crop) for crop in v2.TenCrop(224)(resized)]
    assert in_any_order(seen) == in_any_order(expected)
    assert (seen[4] == IMAGENET(photo)).all()


def test_a_squashed_picture_is_seen_whole() -> None:
    image = noise(90, 50)
    (seen,) = views.ten_crops(image, replace(SMALL, crop_mode="squash"))
    resized = image.resize((40, 40), Image.Resampling.BILINEAR)
    expected = [np.asarray(crop) for crop in v2.TenCrop(32)(resized)]
    assert in_any_order(seen) == in_any_order(expected)


def pillows_144(image: Image.Image, side: int) -> list[Pixels]:
    """Szegedy 2014, §7, sentence by sentence."""
    crops = []
    for scale in (256, 288, 320, 352):
        short = side * scale // 224
        width, height = image.size
        if width < height:
            resized = image.resize((short, short * height // width), Image.Resampling.BILINEAR)
            slack = resized.height - short
            corners = [(0, 0), (0, slack // 2), (0, slack)]
        else:
            resized = image.resize((short * width // height, short), Image.Resampling.BILINEAR)
            slack = resized.width - short
            corners = [(0, 0), (slack // 2, 0), (slack, 0)]
        for x, y in corners:
            square = resized.crop((x, y, x + short, y + short))
            end, half = short - side, (short - side) // 2
            for left, top in ((0, 0), (end, 0), (0, end), (end, end), (half, half)):
                crops.append(square.crop((left, top, left + side, top + side)))
            crops.append(square.resize((side, side), Image.Resampling.BILINEAR))
    return [np.asarray(each) for crop in crops for each in (crop, ImageOps.mirror(crop))]


@pytest.mark.parametrize("size", [(90, 50), (50, 75), (60, 60)])
def test_144_crops_are_those_of_pillow(size: tuple[int, int]) -> None:
    image = noise(*size)
    (seen,) = views.szegedy_crops(image, SMALL)
    assert seen.shape == (144, 32, 32, 3)
    assert in_any_order(seen) == in_any_order(pillows_144(image, 32))


def test_144_crops_of_a_photo(photo: Image.Image) -> None:
    (seen,) = views.szegedy_crops(photo, IMAGENET)
    assert in_any_order(seen) == in_any_order(pillows_144(photo, 224))


def test_the_whole_picture_is_seen_at_five_sizes(photo: Image.Image) -> None:
    seen = views.whole_picture(photo, IMAGENET)
    for each, side in zip(seen, (224, 256, 384, 480, 640), strict=True):
        assert (each == np.asarray(v2.Resize(side)(photo))[None]).all()


def prepared(pixels: Pixels) -> Tensor:
    """(1, C, H, W), normalised by torchvision."""
    image = v2.functional.to_dtype(v2.functional.to_image(pixels.copy()), torch.float32, scale=True)
    normalised: Tensor = v2.functional.normalize(image, [0.4, 0.5, 0.6], [0.2, 0.3, 0.25])
    return normalised[None]


@pytest.mark.parametrize("crops", ["10", "144", "full"])
def test_probabilities_are_averaged_over_all_views(resnet: Trained, crops: str) -> None:
    pictures = [noise(90, 50), noise(40, 60, seed=1)]
    every = [views.PROTOCOLS[crops].views(picture, SMALL) for picture in pictures]
    few = replace(CPU, batch=7)  # 10 and 144 are no multiples of it
    found = [*views.log_probabilities(resnet, zip(every, (3, 5), strict=True), few)]
    assert [truth.tolist() for _, truth in found] == [[3], [5]]
    for seen, (answer, _) in zip(every, found, strict=True):
        alone = [prepared(view) for size in seen for view in size]
        with torch.inference_mode():
            shares = [resnet.model(each).softmax(1) for each in alone]
        expected = torch.stack(shares).mean(0)
        torch.testing.assert_close(answer.exp(), expected)
        logits = torch.stack([share.log() for share in shares]).mean(0).softmax(1)
        assert not torch.allclose(expected, logits)  # another average would be seen


def test_full_at_one_scale_is_the_plain_forward() -> None:
    network = networks.get("resnet18", num_classes=10)
    one = asked(network, IMAGENET)
    picture = noise(300, 224)
    seen = views.whole_picture(picture, IMAGENET, scales=[224])
    ((answer, _),) = views.log_probabilities(one, [(seen, 0)], CPU)
    with torch.inference_mode():
        logits = one.model(prepared(np.asarray(picture)))
    torch.testing.assert_close(answer, logits.log_softmax(1))


CATALOGUE = [name for name in networks.CATALOGUE if name != "resnet1202"]  # as resnet20, and slow


def runs_at_any_size(network: Network) -> bool:
    """By running it: the classifier's weights fit, and a picture of several copies is seen whole."""
    channels, height, width = network.input
    larger = networks.get(network.name, input=(channels, height * 2, width * 2))
    return {key: tensor.shape for key, tensor in skeleton(network).state_dict().items()} == {
        key: tensor.shape for key, tensor in skeleton(larger).state_dict().items()
    }


def skeleton(network: Network) -> nn.Module:
    with torch.device("meta"):
        return module.Model(network.without_auxiliary())


@pytest.mark.parametrize("name", CATALOGUE)
def test_full_is_for_networks_that_end_in_global_average_pooling(name: str) -> None:
    network = networks.get(name)
    pooled = runs_at_any_size(network) and not name.startswith("alexnet")
    one = Trained(
        network,
        nn.Identity(),
        replace(IMAGENET, input=network.input),
        Preprocessing.per_channel([0.5] * 3, [0.5] * 3),
        {},
        "",
    )
    if pooled:
        views.check(one, "full", None)
        return
    with pytest.raises(
        AtalhoError, match=rf"CROPS-FULL\] {name}: row \w+ does not follow"
    ) as caught:
        views.check(one, "full", None)
    assert caught.value.exit == Exit.USAGE


def test_full_needs_a_mean_that_fits_any_size(resnet: Trained) -> None:
    mean = resnet.preprocessing._replace(mean=torch.zeros(32, 32, 3))
    with pytest.raises(AtalhoError, match="a mean of every pixel"):
        views.check(replace(resnet, preprocessing=mean), "full", None)


def test_crops_that_would_be_one_are_refused(resnet: Trained) -> None:
    whole = replace(resnet, framing=Framing((3, 32, 32)))
    with pytest.raises(AtalhoError, match="CROPS-SIZE") as caught:
        views.check(whole, "10", None)
    assert caught.value.exit == Exit.USAGE
    views.check(whole, "144", None)


def test_digits_are_not_mirrored(digits: Dataset) -> None:
    network = networks.get("resnet20", input=(1, 8, 8))
    one = asked(network, Framing((1, 8, 8), 0.8))
    one = replace(one, preprocessing=Preprocessing.per_channel([0.5], [0.5]))
    few = digits.splits["val"].select(torch.arange(9))
    digits = replace(digits, splits={**digits.splits, "val": few})
    for crops in ("10", "144"):
        with pytest.raises(AtalhoError, match=r"CROPS-MIRROR\] digits") as caught:
            evaluating.on_dataset(one, digits, "val", CPU, crops)
        assert caught.value.exit == Exit.USAGE
    found = evaluating.on_dataset(one, digits, "val", CPU, "full")
    assert found.accuracy.images == 9
    assert found.protocol == "fully convolutional at 5 scales"


@pytest.mark.parametrize("crops", ["10", "144"])
def test_images_in_memory_are_seen_as_the_same_photos(
    resnet: Trained, tmp_path: Path, crops: str
) -> None:
    images = np.stack([np.asarray(noise(32, 32, seed)) for seed in range(2)])
    split = Split(torch.from_numpy(images), torch.tensor([0, 3]))
    names = tuple(resnet.classes)
    data = Dataset("noise", names, {"test": split, "train": split}, mirror=True, note="")
    in_memory = evaluating.on_dataset(resnet, data, "test", CPU, crops)
    for number, (pixels, label) in enumerate(zip(images, split.labels.tolist(), strict=True)):
        (tmp_path / str(label)).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / str(label) / f"{number}.png")
    told: list[tuple[int, int]] = []
    from_folder = evaluating.on_folder(
        resnet, layout(tmp_path).splits[WHOLE], CPU, lambda *done: told.append(done), crops
    )
    assert in_memory.accuracy.images == 2
    assert in_memory.accuracy.loss == pytest.approx(from_folder.accuracy.loss, rel=1e-6)
    assert torch.equal(in_memory.accuracy.confusion, from_folder.accuracy.confusion)
    assert told == [(1, 2), (2, 2)]
    single = evaluating.on_dataset(resnet, data, "test", CPU)
    assert single.accuracy.loss != pytest.approx(in_memory.accuracy.loss, rel=1e-3)
    assert (single.protocol, in_memory.protocol) == (PROTOCOL, f"{crops} crops")


@pytest.fixture
def command(resnet: Trained, tmp_path: Path) -> list[str]:
    """An evaluation of two pictures, and of a file that is none."""
    weights, photos = tmp_path / "weights", tmp_path / "photos"
    weights.mkdir()
    said = Config("resnet20", SMALL, resnet.preprocessing, resnet.classes)
    trained.write(weights, resnet.model.state_dict(), said)
    (photos / "3").mkdir(parents=True)
    for seed in range(2):
        noise(60, 50, seed).save(photos / "3" / f"{seed}.png")
    (photos / "3" / "bad.png").write_bytes(b"no image")
    return ["evaluate", "resnet20", "--weights", str(weights), "--data", str(photos)]


def test_the_command_says_how_it_looked(capsys: Captured, command: list[str]) -> None:
    assert main([*command, "--crops", "10", "--format", "json"]) == Exit.DATA
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert (document["protocol"], document["images"]) == ("10 crops", 2)
    assert len(document["unreadable"]) == 1
    assert "error[IMAGE-UNREADABLE]" in said.err
    assert main([*command, "--crops", "full"]) == Exit.DATA
    assert "(fully convolutional at 5 scales): top-1" in capsys.readouterr().out
    assert main([*command, "--format", "json"]) == Exit.DATA
    single = json.loads(capsys.readouterr().out)
    assert single["protocol"] == PROTOCOL
    assert single["loss"] != pytest.approx(document["loss"], rel=1e-4)
    assert main([*command, "--crops", "12"]) == Exit.USAGE
    assert "'1', '10', '144', 'full'" in capsys.readouterr().err
