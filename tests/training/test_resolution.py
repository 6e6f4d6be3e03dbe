"""One resolution for all commands: from what a user says to a run's arguments, and the data as the network sees them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from atalho import recipes
from atalho.data.batches import Preprocessing
from atalho.data.dataset import Dataset
from atalho.data.folder import Folder
from atalho.data.image import Framing
from atalho.data.on_disk import Album, OnDisk
from atalho.errors import WRONG_OPTION, AtalhoError, Exit
from atalho.networks import subjects
from atalho.recipes.changes import RecipeChanges
from atalho.runtime.device import Device
from atalho.training.resolution import NO_DATA, Request, Resolved, resolve
from atalho.weights.trained import Trained

CPU = Device("cpu", 1)


def _resolved(data: Dataset | None, start: Trained | None = None, /, **said: Any) -> Resolved:
    weights = "weights" if start else None
    return resolve(Request(weights=weights, **said), data, start, CPU, "float32")


def _trained(name: str, framing: Framing, classes: tuple[str, ...]) -> Trained:
    network = subjects.get(name, input=framing.input, num_classes=len(classes))
    colours = framing.input[0]
    return Trained(
        network,
        subjects.build(network),
        framing,
        Preprocessing.per_channel([0.5] * colours, [0.25] * colours),
        {label: label for label in classes},
        "",
    )


@pytest.fixture
def photos() -> Dataset:
    """Photos of two classes, which are not opened."""
    folder = Folder(Path("photos"), ("ant", "bee"), [], np.zeros(0, np.int32))
    columns = np.zeros((0, 32), np.uint8), np.zeros((0, 2), np.int32), np.zeros(0, np.int64)
    split = OnDisk(Album(folder, *columns), np.zeros(0, np.int64), Framing((3, 224, 224)))
    splits = dict.fromkeys(("train", "val", "test"), split)
    return Dataset("photos", ("ant", "bee"), splits, mirror=True, note="")


@pytest.mark.parametrize(
    ("data", "weights", "recipe", "name"),
    [
        ("digits", False, None, "quick"),
        ("cifar10", False, None, "he2015_cifar"),
        ("digits", True, None, "finetune"),
        ("digits", True, "quick", "quick"),
        ("digits", False, "szegedy2014", "szegedy2014"),
    ],
)
def test_a_recipe_is_the_one_named_or_that_of_weights_or_that_of_the_data(
    digits: Dataset, data: str, weights: bool, recipe: str | None, name: str
) -> None:
    start = _trained("resnet20", digits.framing, digits.classes) if weights else None
    found = _resolved(digits, start, network="resnet20", data=data, recipe=recipe).arguments
    assert found.recipe.name == name
    assert (found.start, found.new_head) == (start, False)


def test_changes_stand_in_place_of_what_the_recipe_says(digits: Dataset) -> None:
    changes = RecipeChanges(batch_size=8, optimiser="adamw", lr=0.0, steps=7, hold_out=False)
    found = _resolved(digits, network="resnet20", changes=changes).arguments.recipe
    facts = subjects.facts(subjects.get("resnet20", input=digits.input))
    own = recipes.get("quick", facts)
    changed = {"batch_size": 8, "optimiser": "adamw", "lr": 0.0, "steps": 7, "epochs": None}
    assert found == replace(own, with_validation=True, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "classes", "new"),
    [
        ({}, ("ant", "bee"), False),
        ({}, ("bee", "cow"), True),
        ({}, ("ant", "bee", "cow"), True),
        ({"recipe": "quick"}, ("bee", "cow"), True),
        ({"new_head": True}, ("ant", "bee"), True),
        ({"new_head": False}, ("bee", "cow"), False),
    ],
)
def test_a_classifier_is_drawn_anew_for_other_classes_unless_it_is_said(
    photos: Dataset, said: dict[str, Any], classes: tuple[str, ...], new: bool
) -> None:
    start = _trained("resnet20", Framing((3, 32, 32)), classes)
    found = _resolved(photos, start, network="resnet20", data="photos", **said)
    assert found.arguments.new_head == new


def test_photos_are_framed_as_the_weights_were_or_as_the_paper_has_it(photos: Dataset) -> None:
    own = Framing((3, 40, 40), 0.8, "squash", "lanczos")
    start = _trained("resnet20", own, photos.classes)
    said = {"network": "resnet20", "data": "photos"}
    found = {
        "weights": _resolved(photos, start, **said),
        "paper": _resolved(photos, **said),
        "side": _resolved(photos, start, img_size=64, **said),
    }
    framings = {name: each.data.framing for name, each in found.items() if each.data}
    assert framings == {
        "weights": own,
        "paper": Framing((3, 32, 32)),
        "side": replace(own, input=(3, 64, 64)),
    }
    assert {each.data.checksum for each in found.values() if each.data} == {photos.checksum}
    assert found["side"].network.input == (3, 64, 64)


def test_the_network_is_the_one_that_the_weights_are_of(photos: Dataset) -> None:
    start = _trained("resnet18.b", Framing((3, 64, 64)), photos.classes)
    found = _resolved(photos, start, network="resnet18", data="photos")
    assert found.arguments.network == found.network.name == "resnet18.b"


def test_images_in_memory_have_the_size_that_they_have(digits: Dataset) -> None:
    found = _resolved(digits, network="resnet20")
    assert found.data is digits
    assert found.network.input == (1, 8, 8)
    assert torch.equal(
        digits.framed(Framing((1, 4, 4))).splits["test"].labels, digits.splits["test"].labels
    )
    assert digits.framed(Framing((1, 4, 4))).input == (1, 8, 8)


def test_without_data_a_network_is_as_its_paper_has_it() -> None:
    found = _resolved(None, network="resnet20", data=NO_DATA)
    assert (found.data, found.network.input) == (None, (3, 32, 32))
    assert found.arguments.recipe.name == "quick"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"network": "resnet21"}, "NETWORK-UNKNOWN"),
        ({"recipe": "slow"}, "RECIPE-UNKNOWN"),
        ({"new_head": True}, WRONG_OPTION),
        ({"new_head": False}, WRONG_OPTION),
        ({"img_size": 64}, WRONG_OPTION),
        ({"img_size": 64, "data": NO_DATA}, WRONG_OPTION),
    ],
)
def test_what_does_not_go_together_is_said_at_once(said: dict[str, Any], code: str) -> None:
    with pytest.raises(AtalhoError) as caught:
        Request(**{"network": "resnet20", **said})
    assert (caught.value.code, caught.value.exit) == (code, Exit.USAGE)


def test_what_the_recipe_or_the_network_cannot_do_is_said(digits: Dataset) -> None:
    with pytest.raises(AtalhoError, match="epochs or in steps"):
        RecipeChanges(epochs=1, steps=1)
    with pytest.raises(AtalhoError, match="finetune chooses by the validation split"):
        _resolved(
            digits, network="resnet20", recipe="finetune", changes=RecipeChanges(hold_out=False)
        )
    with pytest.raises(AtalhoError, match="INPUT-SHAPE"):
        _resolved(digits, network="alexnet")
