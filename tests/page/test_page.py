"""The page and its files, from records alone."""

import base64
import csv
import hashlib
import io
import re
import subprocess
import sys
from itertools import combinations, product
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from atalho import record
from atalho.choice.choosing import choose
from atalho.errors import AtalhoError, Exit
from atalho.files import write_atomically
from atalho.page import table, write_report
from atalho.page.chart import charts, labels
from atalho.page.chart.axes import NARROW, Axis
from atalho.page.chart.families import FAMILIES, OTHER, styles
from atalho.page.contents import Contents
from atalho.page.curves import MOST_POINTS, curves, thinned
from atalho.page.page import html
from atalho.page.words import answer, text
from atalho.page.words.numbers import NAMES, three, unit
from atalho.ranking import CURVES, comparison
from atalho.record import UNITS, Record
from example_records import IMAGES, NETWORKS, changed, example, renamed, without
from web_page import HOSTILE, Page, contrast

CITED = Record.of("resnet110", "top1", 0.985, "cited", reference="A. <b>Somebody</b> 2020, Table 3")
DRAWINGS = {"resnet20": "<svg xmlns='http://www.w3.org/2000/svg'><script>draw()</script></svg>"}
CHARTS = {
    "accuracy-network",
    "accuracy-operations",
    "accuracy-latency",
    "accuracy-throughput",
    "accuracy-parameter",
    "time-batch",
    "memory-batch",
    "memory-parameters",
    "operations-time",
    "training-curves",
    "training-loss",
}


@pytest.fixture(scope="module")
def records() -> list[Record]:
    """With a hostile name, a cited accuracy and a latency that is not comparable."""
    costs = [
        Record.of("resnet110", quantity, value, "computed", input=[3, 32, 32], num_classes=10)
        for quantity, value in (("params", 1_727_962), ("macs", 253_000_000))
    ]
    hostile = renamed(example(["resnet20"]), HOSTILE)
    return changed([*example(), *hostile, *costs, CITED], "plain32", "latency", threads=4)


@pytest.fixture(scope="module")
def folder(records: list[Record], tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("report") / "made"
    write_report(records, output / "report.html", drawings=DRAWINGS)
    return output


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


def sentences(records: list[Record], **limits: float) -> str:
    """The page's derived sentences, without drawing anything."""
    contents = Contents.of(records, limits)
    return " ".join(
        [
            *map(str, answer.answer(contents.comparison, contents.choice, limits)),
            *text.training(contents.comparison),
            *text.degradation(contents.curves, contents.styles),
            *text.not_ranked(contents.comparison),
            *text.cited(contents.comparison),
            text.not_measured(contents.comparison),
            *(figure.caption for figure in contents.figures),
        ]
    ).replace("\u00a0", " ")


# The files


def test_every_chart_is_there_as_svg_and_as_png(folder: Path) -> None:
    assert {path.name for path in (folder / "charts").iterdir()} == {
        f"{name}.{kind}" for name in CHARTS for kind in ("svg", "png")
    }
    for name in CHARTS:
        root = ElementTree.parse(folder / "charts" / f"{name}.svg").getroot()
        width, height = float(root.attrib["width"]), float(root.attrib["height"])
        with Image.open(folder / "charts" / f"{name}.png") as image:
            image.load()
            assert image.size == pytest.approx((2 * width, 2 * height), abs=2)
            assert len(set(image.convert("L").resize((64, 64)).tobytes())) > 8


def test_nothing_else_is_left_in_the_folder(folder: Path) -> None:
    assert {p.name for p in folder.iterdir()} == {"report.html", "summary.csv", "charts"}


def test_the_summary_has_the_values_of_the_records(folder: Path, records: list[Record]) -> None:
    rows = list(csv.DictReader(io.StringIO((folder / "summary.csv").read_text(encoding="utf-8"))))
    assert {row["network"] for row in rows} == {r.subject for r in records}
    for row, each in product(rows, records):
        given = each.conditions
        ranked = each.provenance != "cited" and given.get("threads") != 4
        shown = given.get("batch") in (None, 500, 64 if each.quantity == "throughput" else 1)
        if each.subject == row["network"] and each.quantity in row and ranked and shown:
            assert float(row[each.quantity]) == each.value
            if each.quantity == "top1":
                assert [float(row["top1_low"]), float(row["top1_high"])] == given["interval"]
    by_name = {row["network"]: row for row in rows}
    assert by_name["resnet110"]["top1"] == by_name["resnet110"]["latency"] == ""
    assert by_name["plain32"]["latency"] == ""
    assert by_name["plain32"]["not_ranked"] == "latency 0.0034: threads 4 against 2"


def test_a_name_is_no_formula_for_a_spreadsheet() -> None:
    named = renamed(example(["resnet20"]), "=1+1")
    rows = list(csv.DictReader(io.StringIO(table.summary(comparison(named)))))
    assert rows[0]["network"] == "'=1+1"


def test_the_page_is_the_same_from_the_records_file_and_without_torch(
    folder: Path, records: list[Record], tmp_path: Path
) -> None:
    record.append(tmp_path / "records.jsonl", records)
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from pathlib import Path; from atalho import record; from atalho.page import write_report\n"
        f"folder = Path({str(tmp_path)!r})\n"
        f"write_report(record.read(folder / 'records.jsonl'), folder / 'report.html', drawings={DRAWINGS!r})\n"
        "assert not [name for name in sys.modules if name.startswith('torch') and sys.modules[name]]\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    assert (tmp_path / "report.html").read_bytes() == (folder / "report.html").read_bytes()
    assert (tmp_path / "summary.csv").read_bytes() == (folder / "summary.csv").read_bytes()


def test_without_records_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(AtalhoError) as caught:
        write_report([], tmp_path / "out" / "report.html")
    assert (caught.value.code, caught.value.exit) == ("RECORDS", Exit.DATA)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(AtalhoError) as caught:
        write_report(example(["resnet20"])[:2], tmp_path / "out" / "report.html")
    assert (caught.value.code, caught.value.exit) == ("OUTPUT", Exit.RESOURCES)
    assert str(tmp_path / "out") in str(caught.value)


def test_a_write_that_fails_leaves_the_old_page_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = example(["resnet20"])[:3]
    page = tmp_path / "report.html"
    write_report(few, page)
    before = page.read_text()

    def full(path: Path, content: bytes) -> None:
        if path != page:
            return write_atomically(path, content)
        monkeypatch.setattr("os.fsync", no_space)
        return write_atomically(path, content)

    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("atalho.page.write_atomically", full)
    with pytest.raises(AtalhoError, match="No space left"):
        write_report(changed(few, "resnet20", "params", 5), page)
    assert (tmp_path / "report.html").read_text() == before
    assert {p.name for p in tmp_path.iterdir()} == {"report.html", "summary.csv"}


def test_the_same_chart_is_the_same_file() -> None:
    (curve,) = [f for f in Contents.of(example(["plain20"]), {}).figures if "loss" in f.name]
    first, again = (charts.svg(curve.draw(NARROW)) for _ in range(2))
    assert "clip" in first
    assert first == again


# The page


def test_the_page_loads_nothing(page: str) -> None:
    assert len(page.encode()) < 5_000_000
    loading = {"src", "srcset", "data", "poster", "action", "xlink:href", "background"}
    for tag, name, value in Page(page).attributes:
        assert name != "style" and not name.startswith("on"), (tag, name)
        if name in loading or (name == "href" and tag in ("link", "image", "use")):
            assert value.startswith("data:"), (tag, name, value)
        if name == "href" and tag == "a":
            assert re.fullmatch(r"(charts/)?[\w-]+\.(svg|png|csv)|#[\w-]+", value)


def test_the_policy_lets_in_the_inline_scripts_and_style_and_nothing_else(page: str) -> None:
    parsed = Page(page)
    (policy,) = [v for tag, n, v in parsed.attributes if n == "content" and "default-src" in v]
    directives = {d.split()[0]: d.split()[1:] for d in policy.split(";")}
    assert directives["default-src"] == ["'none'"]
    assert directives["img-src"] == ["data:"]
    for kind in ("script", "style"):
        hashes = [
            f"'sha256-{base64.b64encode(hashlib.sha256(t.encode()).digest()).decode()}'"
            for t in parsed.inline[kind]
        ]
        assert hashes
        assert directives[f"{kind}-src"] == hashes


def test_foreign_text_is_escaped(page: str, folder: Path) -> None:
    parsed = Page(page)
    assert "alert(1)" not in "".join(parsed.inline["script"])
    assert "<script>alert" not in page
    assert "draw()" not in page
    assert HOSTILE in parsed.text
    assert "A. <b>Somebody</b> 2020, Table 3" in parsed.text
    svg = (folder / "charts" / "accuracy-operations.svg").read_text(encoding="utf-8")
    assert HOSTILE in "".join(ElementTree.fromstring(svg).itertext())


def test_no_two_elements_share_an_id(page: str) -> None:
    ids = [value for _, name, value in Page(page).attributes if name == "id"]
    assert any("clip" in each for each in ids)
    assert len(ids) == len(set(ids))


def test_figures_are_numbered_and_described(page: str) -> None:
    parsed = Page(page)
    found = re.findall(r"Figure (\d+)\. ", parsed.text)
    assert found == [str(number) for number in range(1, len(CHARTS) + 1)]
    described = [v for _, name, v in parsed.attributes if name == "aria-label" and "networks" in v]
    assert len(described) >= 2 * len(CHARTS)


def test_a_drawing_is_an_image(page: str) -> None:
    (source,) = [v for tag, name, v in Page(page).attributes if (tag, name) == ("img", "src")]
    kind, _, data = source.partition(",")
    assert kind == "data:image/svg+xml;base64"
    assert b"<svg" in base64.b64decode(data)


def test_what_was_not_measured_is_said_and_never_zero(page: str) -> None:
    assert "Not measured: power and energy." in Page(page).text
    contents = Contents.of(example(["resnet20"])[:2], {})
    bare = Page(html(contents, {})).text
    assert bare.count("not measured") == 4  # top-1, latency, throughput, peak memory
    assert "No accuracy was measured" in bare
    assert "Figure" not in bare
    assert not re.search(
        r"\b0(\.0+)?\b(?! 0)", bare.split("Table 1.")[1].split("What the sources")[0]
    )


def test_the_conditions_are_on_the_page(page: str) -> None:
    shown = Page(page).text
    for words in (
        "Example EPYC 9000, 2 cores",
        "float32",
        "eager",
        "2.15.0",
        "2026-11-22",
        "median of 50",
    ):
        assert words in shown


# The text


def test_the_answer_follows_the_records() -> None:
    found = sentences(example())
    assert "<strong>plain20</strong> is the fastest of the 6 networks" in found
    assert "97.8 % (95 % interval 95.7–98.9 %), in 2.10 ms for one image" in found
    assert "The highest is resnet56’s 98.9 %" in found
    assert "3.1 times as long" in found
    assert "Less accurate: plain56." in found
    slower = sentences(changed(example(), "plain20", "latency", 0.005))
    assert "<strong>resnet20</strong> is the fastest" in slower
    better = changed(example(), "plain56", "top1", 0.999, interval=[0.997, 1.0])
    assert "<strong>plain56</strong> is the most accurate of 7 networks" in sentences(better)


def test_the_answer_without_latency_and_under_limits() -> None:
    found = sentences(without(example(), "latency"))
    assert "<strong>plain20</strong> is the one of fewest operations" in found
    assert " ms" not in found
    found = sentences(without(example(), "latency", "plain20"))
    assert "No latency to compare: plain20." in found
    found = sentences(example(), peak_memory=25e6)
    assert "Within 25.0 MB of peak memory: <strong>plain20" in found
    assert "Beyond the limits: resnet56, peak memory 34.4 MB (1.38 ×); resnet32," in found
    assert "No network with a measured accuracy is known to be within" in sentences(
        example(), latency=1e-9
    )


def test_a_name_in_the_answer_is_escaped() -> None:
    found = sentences(renamed(example(["resnet20"]), HOSTILE))
    assert "<script>" not in found.split("Trained")[0].split("one seed")[0]
    assert "&lt;script&gt;alert(1)" in found


def test_degradation_is_said_where_the_curves_have_it_and_only_there() -> None:
    found = sentences(example())
    assert (
        "plain20 ended at 99.0 % training accuracy, plain32 at 97.9 % and plain56 at 93.1 %"
        in found
    )
    assert "the deepest plain network trained worse, by 5.9 points" in found
    assert "the deepest residual network trained about as well" in found
    assert "At depth 56, resnet56 ended at 99.9 % training accuracy, plain56 at 93.1 %." in found
    assert "shows here" in found and "does not show here" not in found

    last = {
        "step": 600,
        "epoch": 30.0,
        "data": "digits",
        "seed": 0,
        "recipe": "quick",
        "steps": 600,
        "epochs": 30.0,
    }
    alike = [*example(), Record.of("plain56", "train_top1", 0.986, "measured", **last)]
    assert "the deepest plain network trained about as well" in sentences(alike)
    assert "does not show here" in sentences(alike)

    healthy = [*example(), Record.of("plain56", "train_top1", 0.998, "measured", **last)]
    found = sentences(healthy)
    assert "plain56 at 99.8 %" in found
    assert "the deepest plain network trained better, by 0.8 points" in found
    assert "does not show here" in found

    both = [*example(), Record.of("resnet56", "train_top1", 0.9, "measured", **last)]
    assert "the shortcuts do not remove it" in sentences(both)

    alone = sentences(example(["plain20", "plain56"]))
    assert "the deeper plain network trained worse" in alone
    assert "He et al." not in alone
    assert "trained worse" not in sentences(without(example(), "train_top1"))


def test_curves_of_another_length_are_not_compared() -> None:
    short = [
        r
        for r in example()
        if not (r.subject == "plain56" and r.quantity in CURVES and r.conditions["epoch"] > 10)
    ]
    found = sentences(short)
    assert "plain56 at" not in found
    assert "left out here: plain56" in found


def test_one_seed_and_shorter_schedules_and_other_recipes_are_said() -> None:
    found = sentences(example())
    assert "Every network: one seed" in found
    assert (
        "Trained on a shorter schedule than the others’ 30 epochs: googlenet.small (12)." in found
    )
    assert "The recipes differ" not in found

    equal = sentences(example([name for name in NETWORKS if name != "googlenet.small"]))
    assert "shorter schedule" not in equal

    other = sentences(changed(example(), "plain20", "top1", recipe="he2015_cifar"))
    assert "The recipes differ" in other and "plain20 by he2015_cifar" in other

    seeds = sentences(example() + example(seed=1))
    assert "one seed" not in seeds
    assert "mean of 2 seeds, standard deviation 0.0" in seeds
    assert "Resnet20: one seed" not in sentences(example() + example(["resnet20"], seed=1))


def test_what_is_not_ranked_or_cited_is_said_with_its_reason(records: list[Record]) -> None:
    found = sentences(records)
    assert "plain32, latency 3.40 ms: threads 4 against 2." in found
    assert "resnet110, top-1 accuracy 98.5 %: A. <b>Somebody</b> 2020, Table 3." in found
    assert "Hollow: cited" in found
    assert "threads 4" not in sentences(example())


def test_a_cited_accuracy_on_other_data_is_not_drawn() -> None:
    macs = Record.of("resnet110", "macs", 2.5e8, "computed", input=[3, 32, 32], num_classes=10)
    elsewhere = Record.of("resnet110", "top1", 0.93, "cited", data="cifar10", reference="X")
    assert "Hollow" in sentences([*example(), macs, CITED])
    assert "Hollow" not in sentences([*example(), macs, elsewhere])


def test_malformed_conditions_are_no_crash() -> None:
    odd = [
        Record.of("a", "top1", 0.5, "measured", interval="x", images="many", seed=[1]),
        Record.of("a", "latency", 0.1, "measured", batch="one", quartiles=[1]),
        Record.of("a", "train_top1", 0.1, "measured", epoch="first"),
        Record.of("a", "macs", 0, "computed"),
        Record.of("b", "top1", 0.0, "measured"),
    ]
    assert "a" in Page(html(Contents.of(odd, {}), {})).text


# The parts


def test_every_quantity_has_a_name_and_a_unit() -> None:
    for quantity in UNITS:
        if quantity not in CURVES:
            assert NAMES[quantity]
            assert unit(quantity, [0.5]).text(0.5)


@pytest.mark.parametrize(
    ("quantity", "values", "value", "written"),
    [
        ("latency", [0.0021, 0.01], 0.00231, "2.31 ms"),
        ("latency", [2.0], 12.345, "12.3 s"),
        ("params", [272_474], 272_474, "272 thousand"),
        ("params", [25_557_032], 25_557_032, "25.6 million"),
        ("macs", [3_858_000_000], 3_858_000_000, "3.86 billion"),
        ("peak_memory", [34_400_000], 34_400_000, "34.4 MB"),
        ("top1", [0.9], 0.97777, "97.8 %"),
        ("throughput", [1234], 1234.5, "1,234 images/s"),
        ("train_time", [50, 600, 700], 600, "10.0 min"),
        ("energy", [0.004], 0.004, "4.00 mJ/image"),
    ],
)
def test_numbers_are_written_in_the_unit_that_suits_them(
    quantity: str, values: list[float], value: float, written: str
) -> None:
    assert unit(quantity, values).text(value).replace("\u00a0", " ") == written


def test_three_digits() -> None:
    assert [three(v) for v in (0, 0.000123456, 0.5, 9.876, 98.76, 987.6, 98765.4)] == [
        "0",
        "0.000123",
        "0.500",
        "9.88",
        "98.8",
        "988",
        "98,765",
    ]


@pytest.mark.parametrize(
    ("values", "log"),
    [([1, 4], False), ([1, 100], True), ([0, 100], False), ([0.2, 90_000], True), ([7], False)],
)
def test_an_axis_is_logarithmic_where_values_spread(values: list[float], log: bool) -> None:
    axis = Axis.over("", values)
    assert axis.log is log
    assert axis.low < min(values) and max(values) < axis.high
    assert 2 <= len(axis.ticks) <= 12
    for tick in axis.ticks:
        assert 0 <= axis.share(tick) <= 1
        assert axis.at(axis.share(tick)) == pytest.approx(tick)


def test_names_keep_off_each_other_and_the_points() -> None:
    marks = [labels.Mark(f"network{i}", 150 + 9 * i, 100 - 3 * i, 5, (90, 110)) for i in range(6)]
    places = labels.place(marks, [], 400, 300)
    half = len("network0") * 6 / 2
    boxes = [labels.Box(p.x - half, p.y - 6, p.x + half, p.y + 6) for p in places]
    assert all(one.overlap(other) == 0 for one, other in combinations(boxes, 2))
    points = [labels.Box(m.x - 4, m.y - 4, m.x + 4, m.y + 4) for m in marks]
    assert all(box.overlap(point) == 0 for box in boxes for point in points)
    assert all(box.left >= 0 and box.right <= 400 and box.top >= 0 for box in boxes)


def test_plain_and_residual_have_a_panel_each_and_the_others_share_one() -> None:
    def panels(names: list[str]) -> dict[str, set[str]]:
        contents = Contents.of([*example(names), *renamed(example(["plain20"]), "vgg16")], {})
        (curve,) = [f for f in contents.figures if f.name == "training-curves"]
        spec = curve.draw(NARROW)
        data = {key: {row["network"] for row in rows} for key, rows in spec["datasets"].items()}
        return {each["title"]: data[each["data"]["name"]] for each in spec["concat"]}

    assert panels(list(NETWORKS)) == {
        "Plain": {"plain20", "plain32", "plain56"},
        "Residual": {"resnet20", "resnet32", "resnet56"},
        "Other": {"googlenet.small", "vgg16"},
    }
    assert panels(["resnet20"]) == {"Residual": {"resnet20"}, "VGG": {"vgg16"}}


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


def test_curves_are_in_order_and_the_newest_run_counts() -> None:
    shuffled = sorted(example(["resnet20"]), key=lambda r: str(r.conditions.get("epoch")))
    (curve,) = curves(shuffled)
    epochs = [epoch for epoch, _ in curve.points["train_top1"]]
    assert epochs == [float(e) for e in range(1, 31)]
    longer = [
        Record.of(
            "resnet20",
            "train_top1",
            0.7,
            "measured",
            seed=0,
            data="digits",
            recipe="quick",
            epochs=90.0,
            epoch=90.0,
        )
    ]
    (curve,) = curves([*example(["resnet20"]), *longer])
    assert curve.points == {"train_top1": ((90.0, 0.7),)}


def test_long_curves_are_thinned_and_keep_their_end() -> None:
    points = tuple((float(i), i / 10) for i in range(10_000))
    kept = thinned(points)
    assert MOST_POINTS / 2 < len(kept) <= MOST_POINTS
    assert kept[-1] == points[-1]
    assert set(kept) <= set(points)
    assert thinned(points[:7]) == points[:7]


def test_the_page_shows_the_choice() -> None:
    contents = Contents.of(example(["resnet20"])[:4], {})
    assert contents.choice == choose(contents.comparison)
    shown = html(contents, {})
    assert shown.count('class="chosen"') == 1
    assert f"{100 * 354 / IMAGES:.1f}" in shown
