import pytest
import torch
from torch import Tensor

from atalho import networks
from atalho.data.batches import fit, preprocess
from atalho.data.dataset import Dataset
from atalho.grammar.module import Model, build
from atalho.probes.lesions import Lesion, lesioned, lesions, record, removable
from small_networks import blocks, made, noise


def by_hand(model: Model, images: Tensor, order: list[str], without: set[str]) -> Tensor:
    """The answer with the rows of `order`, those of `without` by their shortcut alone."""
    x = images
    for name in order:
        row = getattr(model, name)
        x = row.relu(row.sum["shortcut"](x)) if name in without else row(x)
    return x


ORDER = ["conv1", "conv2_1", "conv2_2", "conv2_3", "conv3_1", "avgpool", "fc"]


@pytest.mark.parametrize("removed", [("conv2_2",), ("conv3_1",), ("conv2_1", "conv3_1")])
def test_a_removed_block_is_its_shortcut(removed: tuple[str, ...]) -> None:
    network = blocks("A", 4)
    model, images = made(network).eval(), noise(3, network).images
    whole = model(images)
    expected = by_hand(model, images, ORDER, {*removed})
    with lesioned(model, Lesion("removed", removed)):
        found = model(images)
    torch.testing.assert_close(found, expected)
    assert not torch.allclose(found, whole)
    assert torch.equal(model(images), whole)


def test_swapped_blocks_and_removed_plain_rows() -> None:
    network = blocks("A", 4)
    model, images = made(network).eval(), noise(3, network).images
    whole = model(images)
    swapped = ["conv1", "conv2_3", "conv2_2", "conv2_1", *ORDER[4:]]
    expected = by_hand(model, images, swapped, set())
    with lesioned(model, Lesion("swapped", ("conv2_1", "conv2_3"))):
        torch.testing.assert_close(model(images), expected)
    assert torch.equal(model(images), whole)
    network = blocks(None, 4)
    model = made(network).eval()
    with lesioned(model, Lesion("removed", ("conv2_2",))):
        found = model(images)
    torch.testing.assert_close(
        found, by_hand(model, images, [n for n in ORDER if n != "conv2_2"], set())
    )


def test_what_can_be_removed_and_what_is_planned() -> None:
    residual, plain = (build(networks.get(name)) for name in ("resnet20", "plain20"))
    assert removable(residual) == tuple(f"conv{s}_{i}" for s in (2, 3, 4) for i in (1, 2, 3))
    # The plain rows that halve the map cannot be left out.
    assert removable(plain) == tuple(
        f"conv{s}_{i}" for s in (2, 3, 4) for i in (1, 2, 3) if s == 2 or i > 1
    )
    planned = lesions(residual)
    assert planned == lesions(residual)
    assert planned[0] == Lesion("none")
    assert [len(each.rows) for each in planned if each.kind == "removed"] == [
        *[1] * 9,
        *[2] * 5,
        *[4] * 5,
        *[8] * 5,
    ]
    shapes = dict(
        zip((r.name for r in residual.network.rows), residual.network.shapes, strict=True)
    )
    swapped = [each.rows for each in planned if each.kind == "swapped"]
    assert len({*swapped}) == 5
    assert all(a != b and shapes[a] == shapes[b] for a, b in swapped)


def test_accuracy_under_a_lesion_is_that_of_the_lesioned_network(digits: Dataset) -> None:
    network = networks.get("resnet20", input=(1, 8, 8))
    model = build(network).eval()
    few = digits.splits["test"].select(torch.arange(50))
    preprocessing = fit(digits.splits["train"].sample(), "per_channel")
    lesion = Lesion("removed", ("conv4_3",))
    found = record("x", model, lesion, few, preprocessing, seed=0)
    with lesioned(model, lesion), torch.no_grad():
        images, labels = next(few.batches(50))
        right = (model(preprocess(images, preprocessing)).argmax(1) == labels).sum().item()
    assert found.value == right / 50
    assert found.conditions["rows"] == ["conv4_3"]
