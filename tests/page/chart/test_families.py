"""A colour for every network."""

import re
from pathlib import Path

from atalho.page import table
from atalho.page.chart.families import FAMILIES, OTHER, styles
from atalho.ranking import comparison
from example_records import example, renamed
from web_page import contrast


def test_a_hue_is_a_family_and_a_shade_a_depth() -> None:
    found = styles(comparison([*example(), *renamed(example(["plain20"]), "timm:resnet10t")]))
    assert list(found)[:3] == ["plain20", "plain32", "plain56"]
    assert found["resnet56"].family == found["timm:resnet10t"].family == "residual"
    assert found["googlenet.small"].family == "GoogLeNet"
    assert len({style.light for style in found.values()}) == len(found)
    assert len({style.dark for style in found.values()}) == len(found)


def test_colours_stand_out_from_the_page() -> None:
    css = (Path(table.__file__).with_name("page.css")).read_text(encoding="utf-8")
    light, dark = re.findall(r"--paper: (#\w{6})", css)
    for _, on_light, on_dark in [*FAMILIES.values(), OTHER]:
        assert min(contrast(colour, light) for colour in on_light) >= 3
        assert min(contrast(colour, dark) for colour in on_dark) >= 3
