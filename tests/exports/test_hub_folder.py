"""Folders for the Hugging Face Hub: they load again, and their card says what the run's records say."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import atalho
from atalho import networks, record
from atalho.data.batches import Preprocessing
from atalho.data.image import Framing
from atalho.exports import export
from atalho.exports.card import card
from atalho.grammar.module import build
from atalho.record import Record
from atalho.weights.trained import Trained


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    atalho.train(
        "resnet20",
        steps=8,
        batch_size=16,
        output=folder,
        threads=1,
        device="cpu",
        precision="float32",
    )
    return folder


def front(text: str) -> dict[str, Any]:
    _, document, _ = text.split("---\n", 2)
    loaded: dict[str, Any] = yaml.safe_load(document)
    return loaded


def test_a_runs_folder_loads_again_with_its_records_and_a_card_made_from_them(
    run: Path, tmp_path: Path
) -> None:
    folder = atalho.export(run, "hub-folder", tmp_path / "hub").path
    assert {each.name for each in folder.iterdir()} == {
        "README.md",
        "config.json",
        "model.safetensors",
        "records.jsonl",
    }
    loaded = atalho.load(folder)
    weights = loaded.weights
    assert weights == atalho.load(run).weights
    records = record.read(folder / "records.jsonl")
    assert records == [
        r
        for r in record.read(run / "records.jsonl")
        if r.conditions.get("weights") == f"sha256:{weights}"
    ]
    top1, top5 = (next(r for r in records if r.quantity == name) for name in ("top1", "top5"))
    text = (folder / "README.md").read_text()
    (model,) = front(text)["model-index"]
    (result,) = model["results"]
    assert result["dataset"] == {"name": "digits", "type": "digits", "split": "test"}
    assert [each["value"] for each in result["metrics"]] == [top1.value, top5.value]
    low, high = top1.conditions["interval"]
    assert (
        f"| top-1 accuracy | {100 * top1.value:.2f} % | {100 * low:.2f} to {100 * high:.2f} % | 360 images of digits, test |"
        in text
    )
    assert "| recipe | quick, 8 steps |" in text
    assert "| parameters | 269,434 |" in text
    assert "atalho predict hf-hub:OWNER/NAME IMAGE" in text
    assert "timm" not in text  # it has no ResNet-20


def imagenets(classes: dict[str, str]) -> Trained:
    network = networks.get("resnet18.b", input=(3, 64, 64), num_classes=len(classes))
    preprocessing = Preprocessing.per_channel((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    return Trained(
        network, build(network).eval(), Framing((3, 64, 64)), preprocessing, classes, "0" * 64
    )


def test_timms_networks_are_in_timms_layout_and_say_so(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    images = torch.randint(0, 256, (3, 64, 64, 3), dtype=torch.uint8)
    export(imagenets({"a": "A", "b": "B"}), "hub-folder", tmp_path / "hub", images)
    assert timm.create_model(f"local-dir:{tmp_path / 'hub'}", pretrained=True).num_classes == 2
    assert atalho.load(tmp_path / "hub").network.name == "resnet18.b"
    text = (tmp_path / "hub" / "README.md").read_text()
    assert "timm.create_model('hf-hub:OWNER/NAME', pretrained=True)" in text
    assert "so not stated" in text
    assert "model-index" not in front(text)
    assert not (tmp_path / "hub" / "records.jsonl").exists()


def test_names_are_no_markdown_and_no_yaml() -> None:
    network = imagenets({"a": "<script>|x", "b": "---\nlicense: mit"})
    tested = Record.of(
        "resnet18.b",
        "top1",
        0.5,
        "measured",
        data="[x](y): {",
        split="test",
        images=2,
        recipe="quick",
        steps=1,
    )
    text = card(network, [tested], ["atalho predict x"])
    assert front(text)["model-index"][0]["results"][0]["dataset"]["name"] == "[x](y): {"
    body = text.split("---\n", 2)[2]
    assert "<script>" not in body
    assert "[x](" not in body
    assert "\nlicense" not in body
    assert "&#60;script&#62;&#124;x" in body


def test_long_lists_of_classes_are_cut() -> None:
    many = imagenets({f"n{n}": f"kind {n}" for n in range(25)})
    assert "kind 19, and 5 more" in card(many, [], [])
    cited = Record.of("resnet18.b", "top1", 0.7, "cited", data="x", split="test", images=1)
    assert "70.00" not in card(many, [cited], [])
