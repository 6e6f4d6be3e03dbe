"""ONNX with the preprocessing inside: pictures of any size are prepared as by Pillow, and labels have names."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from atalho import networks
from atalho.cli import main
from atalho.data.batches import Preprocessing, preprocess
from atalho.data.image import Framing
from atalho.errors import AtalhoError, Exit
from atalho.exports import FROM_PIXELS, export, pixels
from atalho.grammar.module import build
from atalho.weights.trained import Trained

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

OPSET, IR = 18, 10


def prepared(framing: Framing, picture: Image.Image) -> Any:
    """(h, w, C) grey levels that the graph makes of a picture."""
    graph = onnx.parser.parse_model(pixels.preparation(framing, OPSET, IR))
    onnx.checker.check_model(graph)
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (scaled,) = session.run(None, {"pixels": np.array(picture)[None]})
    return 255 * scaled[0].transpose(1, 2, 0)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("input", [(3, 224, 224), (1, 32, 32), (3, 96, 128)])
@pytest.mark.parametrize(
    ("crop_pct", "crop_mode"), [(0.875, "center"), (1.0, "center"), (0.9, "squash")]
)
def test_photos_are_prepared_as_by_pillow(
    interpolation: Any, input: tuple[int, int, int], crop_pct: float, crop_mode: Any
) -> None:
    framing = Framing(input, crop_pct, crop_mode, interpolation)
    for photo in pixels.photos():
        expected = framing(photo).astype(float)
        levels = np.abs(prepared(framing, photo) - expected)
        assert levels.shape == (*input[1:], input[0])
        # Both round between two passes; Pillow begins with the other one in some pictures whose proportions change.
        assert levels.max() < (2.01 if crop_mode == "center" else 6.01)
        assert (levels > 1.01).mean() < 0.001
        assert levels.mean() < 0.2


def test_pictures_that_need_no_resize_are_the_same_to_the_bit() -> None:
    framing = Framing((3, 32, 48))
    noise = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    assert np.array_equal(np.rint(prepared(framing, Image.fromarray(noise))), noise)


def random(input: tuple[int, int, int], **framing: Any) -> Trained:
    network = networks.get("resnet20", input=input, num_classes=5)
    classes = {f"n{index}": f"kind {index}" for index in range(5)}
    channels = input[0]
    mean, std = torch.full((1, 1, channels), 0.45), torch.full((1, 1, channels), 0.25)
    model = build(network).eval()
    return Trained(
        network, model, Framing(input, **framing), Preprocessing(mean, std), classes, "0" * 64
    )


@pytest.mark.parametrize(
    "trained",
    [
        random((3, 64, 64), crop_pct=0.875, interpolation="bicubic"),
        random((1, 28, 28)),
        random((3, 32, 32), crop_mode="squash", crop_pct=0.9),
    ],
)
def test_a_file_labels_pictures_of_any_size_as_the_network_does(
    trained: Trained, tmp_path: Path
) -> None:
    path = tmp_path / "network.onnx"
    framed = torch.stack([torch.from_numpy(trained.framing(photo)) for photo in pixels.photos()])
    agreement = export(trained, FROM_PIXELS, path, framed)
    assert agreement.difference <= agreement.bound
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()
    assert (taken.name, taken.type, len(taken.shape), taken.shape[-1]) == (
        "pixels",
        "tensor(uint8)",
        4,
        3,
    )
    for photo, image in zip(pixels.photos(), framed, strict=True):
        with torch.inference_mode():
            expected = trained.model(preprocess(image[None], trained.preprocessing))
        both = np.stack([np.array(photo)] * 2)  # any number of pictures of one size
        logits, label = session.run(["logits", "label"], {"pixels": both})
        assert np.abs(logits[0] - expected.numpy()[0]).max() <= 0.01 * expected.abs().max()
        assert np.array_equal(logits[0], logits[1]) or np.allclose(logits[0], logits[1], atol=1e-5)
        assert [*label] == [f"kind {expected.argmax()}"] * 2


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (("antialias = 1, exclude_outside = 1", "antialias = 0"), "of a photo its logits differ"),
        (("spare, two", "spare, sides"), "of a photo its logits differ"),
    ],
)
def test_another_preparation_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: tuple[str, str], cause: str
) -> None:
    right = pixels.preparation

    def wrong(*given: Any) -> str:
        text = right(*given)
        assert change[0] in text
        return text.replace(*change)

    monkeypatch.setattr(pixels, "preparation", wrong)
    trained = random((3, 64, 64), crop_pct=0.875)
    noise = torch.randint(0, 256, (4, 64, 64, 3), dtype=torch.uint8)
    with pytest.raises(AtalhoError) as caught:
        export(trained, FROM_PIXELS, tmp_path / "network.onnx", noise)
    assert caught.value.exit is Exit.CHECK_FAILED
    assert cause in caught.value.cause
    assert [*tmp_path.iterdir()] == []


def test_what_onnx_cannot_prepare_is_refused(tmp_path: Path) -> None:
    trained = random((3, 64, 64), interpolation="lanczos")
    with pytest.raises(AtalhoError) as caught:
        export(
            trained,
            FROM_PIXELS,
            tmp_path / "network.onnx",
            torch.zeros(2, 64, 64, 3, dtype=torch.uint8),
        )
    assert (caught.value.code, caught.value.exit) == ("EXPORT-PREPROCESSING", Exit.CHECKPOINT)
    assert "lanczos" in caught.value.cause


def test_the_option_goes_with_onnx_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["export", "resnet20", "--to", "pt2", "--with-preprocessing", "-o", str(tmp_path / "x")]
    assert main(words) == Exit.USAGE
    assert "--with-preprocessing" in capsys.readouterr().err
