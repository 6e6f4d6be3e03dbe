"""The page's part *Why depth works*, from made-up records alone; the numbers are nobody's measurement."""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from atalho.explain.draw import draw
from atalho.networks import get
from atalho.page import write_report
from atalho.page.chart.axes import NARROW
from atalho.page.contents import Contents
from atalho.page.diagnosis import Diagnosis
from atalho.page.figures import coloured
from atalho.page.figures.depth import rows
from atalho.page.figures.figure import Figure
from atalho.page.page import html
from atalho.page.words.sentences import conditions, sentences, table, times
from atalho.record import Record
from example_records import example
from web_page import HOSTILE, Page, contrast

#                 raw ratio   correlation at 0.1, 0.5   shares of two blocks
AT_START: dict[str, tuple[float, tuple[float, float], tuple[float, ...]]] = {
    "plain20": (23.2, (0.08, 0.01), ()),
    "plain56": (13_300.0, (0.01, 0.0), ()),
    "resnet20": (8.35, (0.56, 0.3), (0.40, 0.60)),
    "resnet56": (34.1, (0.20, 0.1), (0.50, 0.70)),
}
ROWS = ("conv1", "conv2_1", "conv2_2", "fc")
FLOW = {"gradient-norm", "shortcut-share", "gradient-correlation", "responses"}


def diagnosed(network: str, moment: str = "0", **given: Any) -> Iterator[Record]:
    """A network at a moment; after 0 its gradient is as large at either end."""
    ratio, correlations, shares = AT_START[network]
    raw = ratio if moment == "0" else 2.0
    own = {
        "data": "digits",
        "input": [1, 8, 8],
        "num_classes": 10,
        "recipe": "quick",
        "seed": 0,
        "depth": int(re.sub(r"\D", "", network)),
        "moment": moment,
        **given,
    }
    # The last row is no map: its norm is far from the others'.
    for index, (row, norm) in enumerate(zip(ROWS, (raw, raw**0.5, 1.0, 1e6), strict=True)):
        yield Record.of(network, "gradient_norm", norm, "measured", **own, row=row, index=index)
    ends = {"first": "conv1", "last": "conv2_2"}
    yield Record.of(network, "gradient_ratio", raw / 2, "measured", **own, **ends, raw=raw)
    yield Record.of(network, "gradient_slope", -0.5, "measured", **own, **ends)
    for distance, value in zip((0.1, 0.5), correlations, strict=True):
        yield Record.of(
            network, "gradient_correlation", value, "measured", **own, distance=distance
        )
    if not shares:
        yield Record.of(network, "shortcut_share", 0, "computed", **own)
    for index, share in enumerate(shares, start=1):
        yield Record.of(
            network, "shortcut_share", share, "measured", **own, row=ROWS[index], index=index
        )
    kernels = [[3, 3], [1, 1], [3, 3]]
    yield Record.of(
        network, "response_std", 1.0, "measured", [0.5, 9.0, 1.5], **own, kernels=kernels
    )


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return [each for name in AT_START for moment in ("0", "10") for each in diagnosed(name, moment)]


def said(records: list[Record]) -> str:
    contents = Contents.of(records, {})
    assert contents.diagnosis is not None
    return " ".join(sentences(contents.diagnosis, contents.styles)).replace("\u00a0", " ")


def changed(records: list[Record], network: str, quantity: str, **given: Any) -> list[Record]:
    """With other conditions, or another `value`, of one network's quantity at initialisation."""
    value = given.pop("value", None)
    return [
        replace(
            r,
            value=r.value if value is None else value,
            conditions={**r.conditions, **given},
        )
        if (r.subject, r.quantity, r.conditions["moment"]) == (network, quantity, "0")
        else r
        for r in records
    ]


def without(records: list[Record], *quantities: str) -> list[Record]:
    return [r for r in records if r.quantity not in quantities]


def figure(records: list[Record], name: str) -> Figure:
    (found,) = [f for f in Contents.of(records, {}).depth if f.name == name]
    return found


def drawn(records: list[Record], name: str) -> list[dict[str, Any]]:
    """The data behind a figure."""
    spec = figure(records, name).draw(NARROW)
    return [row for rows in spec["datasets"].values() for row in rows]


# Sentences


def test_the_sentences_say_the_numbers_of_the_records(records: list[Record]) -> None:
    found = said(records)
    assert (
        "At initialisation the gradient at the first row of plain56 (conv1) is 1.3 × 10⁴ times that "
        "at its last map (conv2_2), as whole norms; in resnet56, 34.1 times." in found
    )
    assert "In plain56 and resnet56 it grows more than tenfold" in found
    assert "After 10 steps the ratio is 2.00 in plain56 and 2.00 in resnet56." in found
    assert "correlate by 0.01 in plain56 and 0.20 in resnet56 at initialisation" in found
    assert (
        "With depth the correlation falls from 0.08 in plain20 to 0.01 in plain56 and "
        "falls from 0.56 in resnet20 to 0.20 in resnet56." in found
    )
    assert "the shortcut brings 60 % in the median of 2 blocks, 50 to 70 % in single ones" in found


def test_the_sentences_change_with_the_numbers(records: list[Record]) -> None:
    healthy = said(changed(records, "plain56", "gradient_ratio", raw=3.0))
    assert "(conv1) is 3.00 times" in healthy
    assert "In resnet56 it grows more than tenfold" in healthy
    assert "In plain56 it keeps its size within a factor of ten" in healthy
    assert "vanishes" not in healthy

    higher = [
        replace(r, value=0.9)
        if (r.subject, r.quantity) == ("plain56", "gradient_correlation")
        and r.conditions["distance"] == 0.1
        else r
        for r in records
    ]
    assert "rises from 0.08 in plain20 to 0.90 in plain56" in said(higher)


def test_nothing_vanishes_unless_the_numbers_say_so(records: list[Record]) -> None:
    assert re.findall(r"(\S+ \S+) vanish", said(records)) == ["does not"]
    small = said(changed(records, "plain56", "gradient_ratio", raw=0.01))
    assert "In plain56 less than a tenth of it is left at the input: there it vanishes." in small


def test_what_happens_between_the_first_moment_and_the_last_is_said(records: list[Record]) -> None:
    assert "In between" not in said([*records, *diagnosed("plain56", "1")])
    way = [
        replace(r, conditions={**r.conditions, "raw": raw}) if r.quantity == "gradient_ratio" else r
        for network, moment, raw in (
            ("plain56", "1", 0.02),
            ("plain56", "2", 0.003),
            ("resnet56", "1", 0.2),
            ("plain20", "1", 0.001),
        )
        for r in diagnosed(network, moment)
    ]
    assert "resnet56. In between it falls to 0.00300 in plain56 (after 2 steps)." in said(
        [*records, *way]
    )
    higher = changed([*records, *way], "plain56", "gradient_ratio", raw=0.004)
    assert "In between" not in said(higher)  # it begins so


def test_the_correlation_is_told_where_the_networks_differ_most(records: list[Record]) -> None:
    assert "input 0.1 apart" in said(records)
    shattered = [
        replace(r, value=-0.001)
        if r.quantity == "gradient_correlation"
        and (r.conditions["distance"] == 0.1 or r.subject.startswith("plain"))
        else r
        for r in records
    ]
    found = said(shattered)
    assert (
        "input 0.5 apart (root mean square over its values), where the networks differ most"
        in found
    )
    assert "correlate by 0.00 in plain56 and 0.10 in resnet56" in found
    assert "the correlation is 0.00 in plain20 and plain56 alike and falls from 0.30" in found
    assert "\u22120.00" not in found


def test_what_was_not_measured_is_not_said(records: list[Record]) -> None:
    assert "correlate" not in said(without(records, "gradient_correlation"))
    assert "shortcut" not in said(without(records, "shortcut_share"))
    assert "times" not in said(without(records, "gradient_ratio"))
    later = [r for r in records if r.conditions["moment"] == "10"]
    assert "initialisation" not in said(later)
    assert "After 10 steps the gradient" in said(later)
    assert "resnet" not in said([r for r in records if r.subject == "plain56"])


def test_seeds_make_a_median_and_their_number_is_said(records: list[Record]) -> None:
    seeds = [*records]
    for seed, raw in ((1, 100.0), (2, 50.0)):
        again = [replace(r, conditions={**r.conditions, "seed": seed}) for r in records]
        seeds += changed(again, "plain56", "gradient_ratio", raw=raw)
    assert "(conv1) is 100 times" in said(seeds)
    found = Diagnosis.of(seeds)
    one = Diagnosis.of(records)
    assert found and one
    assert "seeds 0, 1 and 2." in conditions(found)
    assert "seed 0 alone, so what another would change is not known." in conditions(one)
    assert "Median of 3 seeds" in figure(seeds, "gradient-norm").caption


def test_the_newest_record_of_a_place_counts(records: list[Record]) -> None:
    again = changed([*diagnosed("plain56")], "plain56", "gradient_ratio", raw=77.0)
    assert "(conv1) is 77.0 times" in said([*records, *again])


def test_networks_on_other_data_are_not_shown_with_these(records: list[Record]) -> None:
    elsewhere = [*diagnosed("plain56", data="noise")]
    found = Diagnosis.of([*records, *elsewhere])
    assert found is not None
    assert "noise" not in {r.conditions["data"] for r in found.records}
    assert "not shown with these: plain56 on noise." in conditions(found)


def test_the_table_has_what_was_measured(records: list[Record]) -> None:
    contents = Contents.of(records, {})
    assert contents.diagnosis
    cells = {(network, at): row for network, at, row in table(contents.diagnosis, contents.styles)}
    assert cells["plain20", "at initialisation"] == ["23.2", "−0.500", "", "0.080"]
    assert cells["resnet20", "after 10 steps"] == ["2.00", "−0.500", "50\u00a0%", "0.560"]
    assert len(cells) == 8


def test_ratios_of_any_size_are_written() -> None:
    found = [times(value).replace("\u00a0", " ") for value in (0, 34.14, 9_999, 5.5e7, 2.1e-9)]
    assert found == ["0", "34.1", "9,999", "5.5 × 10⁷", "2.1 × 10⁻⁹"]


# Figures


def test_every_quantity_has_its_figure_and_none_else(records: list[Record]) -> None:
    assert {f.name for f in Contents.of(records, {}).depth} == FLOW
    for name, quantity in (
        ("gradient-norm", "gradient_norm"),
        ("shortcut-share", "shortcut_share"),
        ("gradient-correlation", "gradient_correlation"),
        ("responses", "response_std"),
    ):
        left = {f.name for f in Contents.of(without(records, quantity), {}).depth}
        assert left == FLOW - {name}


def test_rows_stand_in_order_up_to_the_last_map(records: list[Record]) -> None:
    found = Diagnosis.of(reversed(records))
    assert found is not None
    assert list(rows(found, "plain20", "0")) == ["conv1", "conv2_1", "conv2_2"]
    points = [
        (each["x"], each["y"], each["place"])
        for each in drawn(records, "gradient-norm")
        if (each["network"], each["moment"]) == ("plain20", 0)
    ]
    assert points == [(1, 23.2, "conv1"), (2, 4.817, "conv2_1"), (3, 1, "conv2_2")]


def test_a_row_without_gradient_is_left_off_the_logarithm(records: list[Record]) -> None:
    none = [
        replace(r, value=0.0)
        if r.quantity == "gradient_norm" and r.conditions["row"] == "conv2_1"
        else r
        for r in records
    ]
    assert {each["place"] for each in drawn(none, "gradient-norm")} == {"conv1", "conv2_2"}


def test_a_chart_follows_the_slider(records: list[Record]) -> None:
    spec = figure(records, "gradient-norm").draw(NARROW)
    assert [p for p in spec["params"] if p["name"] == "moment"] == [{"name": "moment", "value": 0}]
    assert {each["moment"] for each in drawn(records, "gradient-norm")} == {0, 1}
    shown = html(Contents.of(records, {}), {})
    attributes = Page(shown).attributes
    assert ("input", "type", "range") in attributes and ("input", "max", "1") in attributes
    assert [v for tag, name, v in attributes if tag == "option" and name == "label"] == [
        "at initialisation",
        "after 10 steps",
    ]
    assert shown.count(" data-follows ") == 2 * len(FLOW)
    one = html(Contents.of([r for r in records if r.conditions["moment"] == "0"], {}), {})
    assert 'type="range"' not in one and " data-follows " not in one


def test_responses_are_of_3x3_convolutions_in_order_and_sorted(records: list[Record]) -> None:
    spec = figure(records, "responses").draw(NARROW)
    for panel, values in zip(spec["concat"], ([0.5, 1.5], [1.5, 0.5]), strict=True):
        data = spec["datasets"][panel["data"]["name"]]
        found = [r["y"] for r in data if (r["network"], r["moment"]) == ("plain20", 0)]
        assert found == values


def test_paths_lesions_and_the_surface_are_drawn_where_measured(records: list[Record]) -> None:
    own = {**records[0].conditions, "moment": "end"}
    for name in ("row", "index"):
        own.pop(name)

    def made(quantity: str, value: float, samples: tuple[float, ...] = (), **at: Any) -> Record:
        return Record.of("resnet20", quantity, value, "measured", samples, **own, **at)

    more = [
        *(made("path_gradient", 0.5, length=k, paths=n) for k, n in enumerate((1, 2, 1))),
        *(made("path_total", 0.7, length=k, paths=n) for k, n in enumerate((1, 2, 1))),
        made("lesion_top1", 0.95, lesion="none", rows=[], count=0),
        made("lesion_top1", 0.9, lesion="removed", rows=["conv2_1"], count=1),
        made("lesion_top1", 0.8, lesion="removed", rows=["conv2_2"], count=1),
        made("lesion_top1", 0.3, lesion="removed", rows=["conv2_1", "conv2_2"], count=2),
        made("lesion_top1", 0.6, lesion="swapped", rows=["conv2_1", "conv2_2"], count=2),
        *(
            made("surface_loss", 1.0, (2.0, 0.5, float("inf")), beta=b, alphas=[-1, 0, 1])
            for b in (-1.0, 0.0)
        ),
    ]
    every = [*records, *more]
    assert {f.name for f in Contents.of(every, {}).depth} - FLOW == {
        "path-lengths",
        "lesion-one",
        "lesion-several",
        "loss-surface",
    }
    times_number = [
        r["y"] for r in drawn(every, "path-lengths") if r["part"] == "times the number of paths"
    ]
    assert times_number == [0.5, 1.0, 0.5]
    one = [(r["place"], r["y"]) for r in drawn(every, "lesion-one") if "place" in r]
    assert one == [("conv2_1", 90), ("conv2_2", 80)]
    several = [(r["x"], r["y"]) for r in drawn(every, "lesion-several")]
    assert several == [(0, 95), (1, 85), (2, 30)]
    assert "resnet20 60.0\u00a0%" in figure(every, "lesion-several").caption
    assert {r["loss"] for r in drawn(every, "loss-surface")} == {2.0, 0.5}
    spec = figure(every, "loss-surface").draw(NARROW)
    assert '"domain": [0.5, 2.0]' in json.dumps(spec)
    assert "darkest" not in figure(every, "loss-surface").caption
    far = made("surface_loss", 1.0, (2.0, 0.5, 900.0), beta=1.0, alphas=[-1, 0, 1])
    cut = figure([*every, far], "loss-surface")
    assert '"domain": [0.5, 15.0]' in json.dumps(cut.draw(NARROW))
    assert cut.caption.endswith("All losses above 15 nats have the darkest colour.")
    assert "Not measured at initialisation" in figure(every, "path-lengths").caption
    assert (
        "With one row taken out the test accuracy at the end of training is 85 % in resnet20 "
        "instead of 95 % (mean of 2 rows)."
    ) in said(every)
    assert "taken out" not in said([*records, *more[-6:]])
    assert "at the end of training" in figure(every, "lesion-one").caption


def test_the_two_parts_and_the_branches_of_a_join_are_drawn(records: list[Record]) -> None:
    own = {**records[0].conditions, "moment": "0"}
    more = [
        Record.of("resnet20", "shortcut_cosine", -0.25, "measured", **{**own, "row": "conv2_1"}),
        *(
            Record.of(
                "googlenet.small", "branch_share", value, "measured",
                **{**own, "row": row, "index": index}, branch=branch,
            )
            for index, (row, shares) in enumerate({"3a": (0.7, 0.3), "3b": (0.4, 0.6)}.items())
            for branch, value in zip(("1x1", "pool"), shares, strict=True)
        ),
    ]  # fmt: skip
    every = [*records, *more]
    assert {f.name for f in Contents.of(every, {}).depth} - FLOW == {
        "shortcut-cosine",
        "branch-share",
    }
    assert [r["y"] for r in drawn(every, "shortcut-cosine")] == [-0.25]
    points = [(r["network"], r["place"], r["y"]) for r in drawn(every, "branch-share")]
    assert points == [
        ("1x1", "3a", 70),
        ("1x1", "3b", 40),
        ("pool", "3a", 30),
        ("pool", "3b", 60),
    ]


def test_degradation_needs_two_depths_of_a_family(records: list[Record]) -> None:
    every = [*records, *example()]
    points = {
        (each["network"], each["part"], each["x"]): each["y"]
        for each in drawn(every, "degradation")
    }
    assert points["plain", "training", 56] == pytest.approx(6.9)
    assert points["residual", "test", 20] == pytest.approx(100 * 6 / 360)
    assert html(Contents.of(every, {}), {}).count("the deepest plain network trained worse") == 1
    few = [*records, *example(["plain20", "resnet56"])]
    assert "degradation" not in {f.name for f in Contents.of(few, {}).depth}


# The page


def test_without_a_diagnosis_there_is_no_such_part() -> None:
    contents = Contents.of(example(["resnet20"]), {})
    assert contents.diagnosis is None and contents.depth == ()
    shown = html(contents, {})
    assert "Why depth works" not in shown and 'type="range"' not in shown


def test_a_diagnosis_alone_is_a_page_without_a_comparison(
    records: list[Record], tmp_path: Path
) -> None:
    write_report(records, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    shown = Page(text).text
    assert shown.count("Why depth works") == 2  # the window's title and the page's
    assert "The comparison" not in shown and "Not measured: top-1" not in shown
    assert "No accuracy was measured" not in shown
    assert {p.name for p in tmp_path.iterdir()} == {"page.html", "charts"}
    assert {p.stem for p in (tmp_path / "charts").iterdir()} == FLOW
    assert len(text.encode()) < 2_000_000


def test_a_page_of_both_numbers_its_figures_through(records: list[Record]) -> None:
    contents = Contents.of([*example(["plain20", "resnet20"]), *records], {})
    shown = Page(html(contents, {})).text
    assert "The comparison" in shown and "Why depth works" in shown
    numbers = [int(n) for n in re.findall(r"Figure (\d+)\. ", shown)]
    assert numbers == list(range(1, len(contents.figures) + len(contents.depth) + 1))
    assert "Table 2." in shown


def test_foreign_text_is_escaped(records: list[Record]) -> None:
    hostile = [
        replace(
            r,
            subject=HOSTILE if r.subject == "resnet20" else r.subject,
            conditions={
                **r.conditions,
                "data": HOSTILE,
                "row": HOSTILE if r.conditions.get("row") == "conv2_1" else r.conditions.get("row"),
                "first": HOSTILE,
            },
        )
        for r in records
    ]
    by_row = {HOSTILE: "<svg xmlns='http://www.w3.org/2000/svg'><style></style></svg>"}
    shown = html(Contents.of(hostile, {}), {}, by_row)
    assert "<script>alert" not in shown
    assert HOSTILE in Page(shown).text
    assert "alert(1)" not in "".join(Page(shown).inline["script"])
    (source,) = [v for tag, n, v in Page(shown).attributes if (tag, n) == ("img", "src")]
    assert "alert" not in base64.b64decode(source.partition(",")[2]).decode()


def test_malformed_conditions_are_left_out() -> None:
    odd = [
        Record.of("a", "gradient_norm", 1, "measured", moment="soon", row="x", index=0),
        Record.of("a", "gradient_norm", 1, "measured", moment="0", row="x"),
        Record.of("a", "gradient_ratio", 1, "measured", moment="0", first="a", last="b", raw="x"),
        Record.of("a", "surface_loss", 1, "measured", [1.0], moment="end", beta=0.0, alphas=["x"]),
    ]
    assert Diagnosis.of(odd) is None
    lone = Record.of("a", "gradient_norm", 1, "measured", moment="0", row="x", index=0)
    assert "Why depth works" in html(Contents.of([*odd, lone], {}), {})


# The drawing


def test_every_row_has_the_colour_of_its_gradient(records: list[Record]) -> None:
    svg = draw([get("resnet20", input=(1, 8, 8))], expand=True)
    shown = Page(html(Contents.of(records, {}), {}, {"resnet20": svg}))
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
    assert "8.35 nats an element at conv1 and 1.00 at conv2_2" in alternative


def test_type_stands_out_on_every_colour_of_the_drawing() -> None:
    for step in range(11):
        assert contrast(coloured.colour(step / 10), "#1b1c1e") >= 4.5
