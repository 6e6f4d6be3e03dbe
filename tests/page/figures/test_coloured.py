"""Drawings in the colours of the gradient."""

import base64
import re
from xml.etree import ElementTree

import pytest

from atalho.page.contents import Contents
from atalho.page.figures import coloured
from atalho.page.page import html
from atalho.record import Record
from example_diagnosis import example_diagnosis
from web_page import Page, contrast


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return example_diagnosis()


def test_every_row_has_the_colour_of_its_gradient(records: list[Record]) -> None:
    alone = [record for record in records if record.subject == "resnet20"]
    shown = Page(html(Contents.of(alone, {})))
    (source,) = [v for tag, name, v in shown.attributes if (tag, name) == ("img", "src")]
    image = base64.b64decode(source.partition(",")[2]).decode()
    root = ElementTree.fromstring(image)
    rules = dict(re.findall(r'\[data-row~="(\w+)"\] \.face\{fill:(#\w{6})\}', image))
    # The scale is of all networks drawn and all moments; this one alone goes from 1 to 8.35.
    assert rules == {
        "conv1": coloured.RAMP[-1],
        "conv2_1": coloured.colour(0.5),
        "conv2_2": coloured.RAMP[0],
    }
    groups = {name for g in root.iter() for name in (g.get("data-row") or "").split()}
    assert set(rules) <= groups
    (styles,) = [v for _, name, v in shown.attributes if name == "data-styles"]
    assert styles.isascii() and styles.count("[data-row]") == 2  # one a moment
    (alternative,) = [v for tag, name, v in shown.attributes if (tag, name) == ("img", "alt")]
    assert "8.35 nats per element at conv1 and 1.00 at conv2_2" in alternative


def test_type_stands_out_on_every_colour_of_the_drawing() -> None:
    for step in range(11):
        assert contrast(coloured.colour(step / 10), "#1b1c1e") >= 4.5
