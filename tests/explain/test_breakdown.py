from itertools import takewhile

import pytest

from atalho import networks
from atalho.explain import breakdown
from atalho.grammar.cost import auxiliary, totals
from atalho.grammar.peak import Dtype, peak
from atalho.networks import CATALOGUE

NUMBERS = ("params", "macs", "weight bytes", "activation bytes")


@pytest.mark.parametrize("name", ["googlenet", "inception_v3", "resnet50", "vgg16"])
def test_lines_add_up_heads_apart(name: str) -> None:
    network = networks.get(name)
    lines = breakdown.table(network, Dtype.BF16)
    main = [*takewhile(lambda line: line["row"] != "total", lines)]
    total, *heads = lines[len(main) :]
    assert [line["row"] for line in main] == [row.name for row in network.without_auxiliary().rows]
    assert [line["row"] for line in heads[:-1]] == [row.name for row in network.taps]
    cost = totals(network)
    assert [total[key] for key in NUMBERS] == [
        *(cost.params, cost.macs, 2 * cost.params, 2 * cost.activations),
    ]
    for key in NUMBERS:
        assert sum(line[key] or 0 for line in main) == total[key]
        assert sum(line[key] or 0 for line in heads[:-1]) == (heads[-1][key] if heads else 0)
    if heads:
        assert heads[-1]["row"] == "auxiliary heads"
        assert heads[-1]["params"] == auxiliary(network).params


def test_fields_as_people_write_them() -> None:
    lines = {line["row"]: line for line in breakdown.table(networks.get("vgg16"), Dtype.FLOAT32)}
    assert lines["pool5"]["receptive field/stride"] == "212/32"
    assert lines["fc6"]["receptive field/stride"] == "whole input"
    assert lines["total"]["receptive field/stride"] == ""
    assert breakdown.row_details(
        totals(networks.get("vgg16")), None, networks.get("vgg16"), Dtype.INT8
    ) == {
        "receptive_field": [224, 224],
        "receptive_stride": None,
        "weight_bytes": 138_357_544,  # torchvision's count of vgg16's parameters
        "activation_bytes": totals(networks.get("vgg16")).activations,
    }


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_network_has_one_line_a_row_and_its_notes(name: str) -> None:
    network = networks.get(name)
    lines = breakdown.table(network, Dtype.FLOAT32)
    assert len(lines) == len(network.rows) + 1 + bool(network.taps)
    assert len({tuple(line) for line in lines}) == 1
    elements, row = peak(network)
    assert any(
        f"{4 * elements:,} bytes, in {row}" in note
        for note in breakdown.notes(network, Dtype.FLOAT32)
    )
