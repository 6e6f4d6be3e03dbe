"""The drawings on the page, from what the records say of the networks."""

from typing import Any

import pytest

from atalho.page import drawings
from atalho.record import Record


def params(network: str, **conditions: Any) -> Record:
    return Record(network, "params", 1, "count", "computed", conditions)


def test_a_network_is_drawn_with_its_own_input_and_classes() -> None:
    record = params("resnet20", input=[1, 8, 8], num_classes=7)
    (svg,) = drawings.compared([record]).values()
    assert "1×8×8" in svg and "fc 7" in svg
    assert drawings.by_row([record]) == {}


def test_the_gradients_drawing_has_every_row() -> None:
    conditions = {"input": [3, 32, 32], "num_classes": 10}
    gradient = Record.of("resnet20", "gradient_norm", 1, "measured", **conditions)
    (svg,) = drawings.by_row([gradient]).values()
    assert 'data-row="conv2_1"' in svg and 'data-row="conv2_2"' in svg
    (folded,) = drawings.compared([params("resnet20", **conditions)]).values()
    assert 'data-row="conv2_1 conv2_2' in folded


@pytest.mark.parametrize(
    "conditions",
    [
        {},
        {"num_classes": 10},
        {"input": [3, 32, 32]},
        {"input": "3x32x32", "num_classes": 10},
        {"input": [3, "32", 32], "num_classes": 10},
        {"input": [3, -1, 0], "num_classes": 10},
        {"input": [3, 2, 2], "num_classes": 10},
        {"input": [3, 224, 224], "num_classes": -1},
    ],
)
def test_a_record_that_states_no_network_is_not_drawn(conditions: dict[str, Any]) -> None:
    assert drawings.compared([params("alexnet", **conditions)]) == {}
    assert drawings.compared([params("nobody's", input=[3, 32, 32], num_classes=10)]) == {}
