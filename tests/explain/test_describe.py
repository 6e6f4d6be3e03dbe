import json

from atalho import networks
from atalho.explain import describe
from atalho.grammar.peak import Dtype


def _table(name: str) -> dict[str, dict[str, object]]:
    return {row["row"]: row for row in describe.table(networks.get(name))}


def test_googlenet_is_table_1() -> None:
    rows = _table("googlenet")
    assert [*rows["inception_4a"]][4:14] == [
        *("depth", "#1×1", "#3×3 reduce", "#3×3", "#5×5 reduce", "#5×5", "pool proj"),
        *("params K", "printed params", "ops M"),
    ]
    assert [*rows["inception_4a"].values()][1:11] == [
        *("inception (4a)", "", "512×14×14", 2, 192, 96, 208, 16, 48, 64),
    ]
    assert rows["conv2"]["#3×3 reduce"] == 64
    assert rows["conv2"]["#3×3"] == 192
    assert rows["conv1"]["patch/stride"] == "7×7/2"
    assert rows["avgpool"]["patch/stride"] == "7×7/1"
    assert rows["total"]["depth"] == 22
    differing = {name for name, row in rows.items() if "≠" in str(row["printed params"])}
    # CLAIMS.md: 3a is cut off; conv2 and the classifier are exact; conv1 is 2.7 only when separable.
    assert differing == {
        "conv1",
        *(f"inception_{key}" for key in ("3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")),
    }
    assert {name for name, row in rows.items() if "≠" in str(row["printed ops"])} == {
        *("conv1", "inception_5a"),
    }
    assert rows["inception_4c"]["printed params"] == "463  ≠ +34.50"


def test_the_separable_stem_is_what_row_1_counts() -> None:
    row = _table("googlenet.separable")["conv1"]
    assert row["printed ops"] == "34"
    assert row["params K"] == "2.65"


def test_residual_stages_are_folded_as_the_paper_folds_them() -> None:
    rows = _table("resnet50")
    assert [*rows] == [
        *("conv1", "pool1", "conv2_x", "conv3_x", "conv4_x", "conv5_x", "avgpool", "fc", "total"),
    ]
    assert rows["conv4_x"]["type"] == "bottleneck ×6"
    assert rows["conv4_x"]["layers"] == "1×1, 256 · 3×3, 256 · 1×1, 1024"
    assert rows["total"]["params"] == 25_557_032


def test_the_document_is_the_contract() -> None:
    document = describe.document(networks.get("googlenet", input=(3, 256, 192), num_classes=7))
    assert [*document][3:] == [
        *("input", "num_classes", "depth", "params", "macs", "flops", "other_ops", "activations"),
        *("dtype", "weight_bytes", "activation_bytes", "peak_activation_bytes"),
        *("rows", "printed", "auxiliary"),
    ]
    assert document["input"] == [3, 256, 192]
    assert document["flops"] == 2 * document["macs"]
    main = [row for row in document["rows"] if "auxiliary" not in row]
    for key in ("params", "macs", "activations", "depth", "weight_bytes", "activation_bytes"):
        assert sum(row[key] for row in main) == document[key]
    rows = {row["name"]: row for row in document["rows"]}
    assert rows["inception_3a"]["printed"] == {
        "params": 159 * 1024,
        "macs": 128_000_000,
        "depth": 2,
    }
    assert rows["linear"]["output"] == [7]
    assert "printed" not in rows["pool1"]
    json.dumps(document)


def test_the_document_counts_bytes_in_the_dtype() -> None:
    """Half the bytes of everything; numbers of everything else stay."""
    network = networks.get("googlenet")
    single, half = describe.document(network), describe.document(network, Dtype.FLOAT16)
    assert single["weight_bytes"] == 4 * single["params"]
    assert single["peak_activation_bytes"] == 4 * 2 * 64 * 112 * 112  # conv1 and its ReLU
    for one, other in zip([single, *single["rows"]], [half, *half["rows"]], strict=True):
        for key in one.keys() - {"rows", "dtype"}:
            assert other[key] == (one[key] / 2 if key.endswith("_bytes") else one[key])
    rows = {row["name"]: row for row in single["rows"]}
    assert (rows["inception_4a"]["receptive_field"], rows["inception_4a"]["receptive_stride"]) == (
        [171, 171],
        [16, 16],
    )
    assert (rows["avgpool"]["receptive_field"], rows["avgpool"]["receptive_stride"]) == (
        [224, 224],
        None,
    )


def test_notes_say_what_a_variant_changes_and_how_numbers_count() -> None:
    assert "stride 2 in the 3×3" in describe.notes(networks.get("resnet50.v1_5"))[0]
    assert any(
        "1,024 weights without biases" in line for line in describe.notes(networks.get("googlenet"))
    )
    assert any(
        "3.858 G agrees when cut off, not when rounded" in line
        for line in describe.notes(networks.get("resnet50"))
    )
