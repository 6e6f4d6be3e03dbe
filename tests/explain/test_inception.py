"""The module explained, against the lecture's arithmetic, the printed tables and torch's counters."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from atalho import networks
from atalho.errors import AtalhoError, Exit
from atalho.explain.inception import document, notes, parts, table
from atalho.grammar.module import module
from atalho.networks.googlenet import MODULES, Filters, inception, naive_inception

MODULE_4A = ((480, 14, 14), Filters(192, 96, 208, 16, 48, 64))


def test_the_lectures_5x5_branch() -> None:
    """Sizes of maps times sizes of filters, as the slides write them out."""
    branch = {part.name: part for part in parts(*MODULE_4A)}["5×5"]
    assert branch.naive.cost.macs == 14 * 14 * 48 * 5 * 5 * 480 == 112_896_000
    assert branch.reduced.cost.macs == 14 * 14 * (16 * 480 + 48 * 5 * 5 * 16) == 5_268_480
    assert branch.naive.cost.params == 576_000 + 48
    assert branch.reduced.cost.params == 26_880 + 16 + 48
    assert round(branch.macs_ratio, 2) == 21.43
    assert branch.params_ratio == 576_048 / 26_944
    assert branch.layers == "1×1, 16 · 5×5, 48"


def test_what_reductions_do_to_each_branch() -> None:
    found = {part.name: part for part in parts(*MODULE_4A)}
    assert [*found] == ["1×1", "3×3", "5×5", "pool", "module"]
    assert found["1×1"].reduced == found["1×1"].naive
    assert {name: part.reduced.output[0] for name, part in found.items()} == {
        "1×1": 192,
        "3×3": 208,
        "5×5": 48,
        "pool": 64,
        "module": 512,
    }
    assert found["pool"].naive.output == (480, 14, 14)
    assert found["pool"].macs_ratio == 0  # the projection is what the naive branch does not pay
    assert found["module"].naive.output == (192 + 208 + 48 + 480, 14, 14)


@pytest.mark.parametrize("key", MODULES)
def test_the_modules_of_googlenet(key: str) -> None:
    """Each as the network's own row has it, and as torch counts it with and without reductions."""
    filters, _ = MODULES[key]
    network = networks.get("googlenet")
    row = f"inception_{key}"
    shape = dict(zip([each.name for each in network.rows], network.shapes, strict=True))[row]
    whole = parts(shape, filters)[-1]
    for layer, version in (
        (inception(filters), whole.reduced),
        (naive_inception(filters), whole.naive),
    ):
        with torch.device("meta"):
            built, images = module(layer, shape), torch.empty(1, *shape)
        with FlopCounterMode(display=False) as counter:
            output = built(images)
        assert tuple(output.shape[1:]) == version.output
        assert 2 * version.cost.macs == counter.get_total_flops()
        assert version.cost.params == sum(each.numel() for each in built.parameters())


def test_branches_add_up_to_the_module() -> None:
    *branches, whole = parts(*MODULE_4A)
    for kind in ("reduced", "naive"):
        works = [getattr(part, kind) for part in branches]
        assert sum(work.cost.macs for work in works) == getattr(whole, kind).cost.macs
        assert sum(work.output[0] for work in works) == getattr(whole, kind).output[0]


def test_table_and_document_say_the_same() -> None:
    lines, found = table(*MODULE_4A), document(*MODULE_4A)
    assert [*found] == ["source", "input", "filters", "branches", "module"]
    assert found["filters"] == {
        "conv1x1": 192,
        "reduce3x3": 96,
        "conv3x3": 208,
        "reduce5x5": 16,
        "conv5x5": 48,
        "pool_proj": 64,
    }
    for line, part in zip(lines, [*found["branches"], found["module"]], strict=True):
        for prefix, version in (("", part["reduced"]), ("naive ", part["naive"])):
            assert line[f"{prefix}channels"] == version["output"][0]
            assert line[f"{prefix}params"] == version["params"]
            assert line[f"{prefix}macs"] == version["macs"]
        assert line["macs ratio"] == part["macs_ratio"]
        assert line["params ratio"] == part["params_ratio"]
    assert any("928 leave the module, not 512" in note for note in notes(*MODULE_4A))


def test_an_input_without_pixels() -> None:
    with pytest.raises(AtalhoError, match="0x14x14") as caught:
        parts((0, 14, 14), MODULE_4A[1])
    assert caught.value.exit == Exit.USAGE
