"""Cited accuracies beside those who published them."""

import subprocess
import sys

import pytest
from torchvision.models import get_model_weights

from atalho.claims.he import ONE_CROP
from atalho.claims.szegedy import TOP5
from atalho.comparison import cited
from atalho.networks import CATALOGUE
from atalho.weights.layouts import RULES, library_name


def by_quantity(name: str) -> dict[str, float]:
    return {record.quantity: record.value for record in cited.records(name)}


@pytest.mark.parametrize("name", RULES["torchvision"])
def test_torchvisions_numbers_are_its_own(name: str) -> None:
    weights = get_model_weights(library_name(name))["IMAGENET1K_V1"]
    theirs = weights.meta["_metrics"]["ImageNet-1K"]
    assert by_quantity(name) == {
        "top1": pytest.approx(theirs["acc@1"] / 100, abs=1e-9),
        "top5": pytest.approx(theirs["acc@5"] / 100, abs=1e-9),
    }
    shown = weights.transforms()
    (crop,), (side,) = shown.crop_size, shown.resize_size
    for record in cited.records(name):
        given = record.conditions
        assert given["protocol"] == f"single central {crop} crop, shorter side {side}"
        assert (record.provenance, given["data"], given["split"]) == ("cited", "imagenet", "val")
        assert "IMAGENET1K_V1" in given["reference"]
        assert "of" not in given


@pytest.mark.parametrize("depth", [50, 101, 152])
def test_the_authors_errors_of_one_crop_are_the_claims(depth: int) -> None:
    top1, top5 = ONE_CROP[f"ResNet-{depth}"]
    assert top1 is not None and top5 is not None
    assert by_quantity(f"resnet{depth}") == {
        "top1": pytest.approx(1 - top1 / 100),
        "top5": pytest.approx(1 - top5 / 100),
    }


def test_googlenets_top5_is_its_papers() -> None:
    (top5,) = [each for each in cited.records("googlenet") if each.quantity == "top5"]
    assert top5.value == pytest.approx(1 - TOP5[1, 1] / 100)
    assert "Table 3" in top5.conditions["reference"]


@pytest.mark.parametrize("name", ["resnet18", "resnet34"])
def test_a_network_without_a_number_has_its_variants_and_says_so(name: str) -> None:
    for own, variant in zip(cited.records(name), cited.records(f"{name}.b"), strict=True):
        assert own.subject == name
        assert own.value == variant.value
        assert own.conditions["of"] == f"{name}.b"
        assert "option B" in own.conditions["differs"]


def test_the_networks_of_the_comparison_have_a_top1_each_and_others_none() -> None:
    for name in ("alexnet", "vgg16", "googlenet", "resnet18", "resnet34", "resnet50"):
        assert 0.5 < by_quantity(name)["top1"] < 0.8
    assert cited.CITED.keys() <= CATALOGUE.keys()
    for name in ("resnet20", "googlenet.small", "googlenet.naive", "plain34"):
        assert cited.records(name) == []
    assert cited.records("timm:resnet18") == []


def test_torch_is_not_needed() -> None:
    script = "import sys; sys.modules['torch'] = None\nfrom atalho.comparison import cited; assert cited.records('resnet18')"
    subprocess.run([sys.executable, "-c", script], check=True)
