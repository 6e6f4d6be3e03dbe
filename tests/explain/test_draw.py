"""Drawings are checked as drawings: their SVG is parsed, and its geometry is held against the table."""

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest
from PIL import Image, ImageFont

from atalho.errors import AtalhoError, Exit
from atalho.explain import draw as module
from atalho.explain.draw import draw, write
from atalho.grammar.layers import (
    Add,
    BatchNorm,
    Chain,
    Concat,
    Conv,
    Flatten,
    Identity,
    Join,
    Layer,
    LocalResponseNorm,
    MaxPool,
    PadShortcut,
    ReLU,
    Tap,
    walk,
)
from atalho.grammar.network import Network, Row, classifier
from atalho.networks import CATALOGUE, get

SVG = "{http://www.w3.org/2000/svg}"
SIZES = {"name": 14, "caption": 10, "shape": 10, "row": 9.5, "map": 10.5, "count": 14, "key": 10}
ANCHORS = {"row": 1.0, "map": 0.0, "count": 0.0, "key": 0.0}  # share of a text left of its x


class Rect(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Rect") -> bool:
        # A tenth of a pixel is what the file rounds to.
        return (
            min(self.right, other.right) - max(self.left, other.left) > 0.1
            and min(self.bottom, other.bottom) - max(self.top, other.top) > 0.1
        )

    def within(self, other: "Rect") -> bool:
        return (
            other.left - 0.1 <= self.left
            and self.right <= other.right + 0.1
            and other.top - 0.1 <= self.top
            and self.bottom <= other.bottom + 0.1
        )


class Drawn:
    """A parsed drawing."""

    def __init__(self, svg: str) -> None:
        self.root = ElementTree.fromstring(svg)
        left, top, width, height = map(float, self.root.attrib["viewBox"].split())
        self.page = Rect(left, top, left + width, top + height)
        self.rows = [group for group in self.root.iter(f"{SVG}g") if "data-row" in group.attrib]

    def all(self, kind: str, tag: str = "g") -> list[ElementTree.Element]:
        """Elements of a class inside rows."""
        return [
            each
            for row in self.rows
            for each in row.iter(f"{SVG}{tag}")
            if kind in each.get("class", "").split()
        ]

    @property
    def names(self) -> list[list[str]]:
        return [row.attrib["data-row"].split() for row in self.rows]

    @property
    def faces(self) -> list[Rect]:
        return [rect(each) for each in self.all("face", "rect")]

    @property
    def convolutions(self) -> int:
        return len(self.all("conv")) + len(self.all("pointwise"))

    @property
    def notes(self) -> Iterator[tuple[str, Rect]]:
        """Every text outside boxes with its extent in a font like Helvetica."""
        for each in self.root.iter(f"{SVG}text"):
            if (kind := each.attrib["class"]) in SIZES:
                x, y = float(each.attrib["x"]), float(each.attrib["y"])
                text, size = text_of(each), SIZES[kind]
                left = x - ANCHORS.get(kind, 0.5) * width(text, size)
                yield text, Rect(left, y - 0.7 * size, left + width(text, size), y)

    @property
    def titles(self) -> str:
        return "\n".join(each.text or "" for each in self.root.iter(f"{SVG}title"))


def rect(element: ElementTree.Element) -> Rect:
    x, y, w, h = (float(element.attrib[key]) for key in ("x", "y", "width", "height"))
    return Rect(x, y, x + w, y + h)


def text_of(element: ElementTree.Element) -> str:
    title = element.find(f"{SVG}title")
    return (element.text or "") + ((title.tail or "") if title is not None else "")


def width(text: str, size: float) -> float:
    return ImageFont.load_default(size=size).getlength(text)


def joins(layer: Layer, kind: type[Join]) -> list[Join]:
    if not isinstance(layer, Join):
        return []
    inner = [found for _, part in layer for found in joins(part, kind)]
    return [layer, *inner] if isinstance(layer, kind) else inner


def table(*rows: Row, input: tuple[int, int, int] = (3, 32, 32)) -> Network:
    source = get("resnet20").source
    return Network("ours", source, (*rows, Row("fc", "linear", classifier(10))), input, 10)


def branch(*filters: int) -> Chain:
    return Chain(**{f"conv{i}": Conv(count, 3) for i, count in enumerate(filters)})


def unusual() -> Network:
    """What no paper prints, and the grammar allows."""
    head = Tap(**dict(classifier(10)))
    deep = Tap(**dict(branch(*[4] * 9)), flatten=Flatten(), relu=ReLU())
    triple = Add(
        first=Identity(),
        long=branch(8, 8),
        wide=Concat(a=Chain(conv=Conv(3), bn=BatchNorm()), b=Conv(5, 3)),
        padded=PadShortcut(8, 1),
        short=Chain(conv=Conv(8)),
    )
    return table(
        Row("starts_with_relu", "odd", Chain(relu=ReLU(), conv=Conv(8))),
        Row("head_a", "head", deep),
        Row("head_b", "head", deep),
        Row("head_c", "head", head),
        Row("five_branches", "odd", Chain(sum=triple, relu=ReLU(), bn=BatchNorm())),
        Row("grows", "odd", Conv(8, 1, padding=3)),
        Row("nothing_but_lines", "odd", Add(a=Identity(), b=Identity())),
        Row("an_empty_branch", "odd", Concat(a=Chain(), b=Conv(1), c=Identity())),
        Row("pool", "odd", Concat(a=MaxPool(2, 2), b=Conv(1, 2, (2, 2), padding=0))),
        Row("half", "odd", MaxPool(2, 2)),
        Row("half_again", "odd", MaxPool(2, 2)),
        Row("norm", "odd", Chain(inner=Chain(conv=Conv(4, (1, 3), (1, 2))), bn=BatchNorm())),
    )


EVERY = {**CATALOGUE, "ours": unusual}


@pytest.fixture(scope="module", params=EVERY)
def network(request: pytest.FixtureRequest) -> Network:
    return EVERY[request.param]()


@pytest.fixture(scope="module", params=[False, True], ids=["folded", "expanded"])
def drawn(request: pytest.FixtureRequest, network: Network) -> Drawn:
    return Drawn(draw([network], expand=request.param))


def test_boxes_are_apart_and_on_the_page(drawn: Drawn) -> None:
    waiting: list[Rect] = []
    for face in sorted(drawn.faces, key=lambda face: face.top):
        assert face.within(drawn.page)
        waiting = [other for other in waiting if other.bottom > face.top]
        assert not any(face.meets(other) for other in waiting)
        waiting.append(face)


def test_text_fits_its_box_or_stands_clear_of_boxes(drawn: Drawn) -> None:
    for group in drawn.all("box"):
        face = rect(group.find(f"{SVG}rect"))
        label = group.find(f"{SVG}text")
        assert width(text_of(label), 11) <= face.right - face.left - 4, text_of(label)
        assert face.top < float(label.attrib["y"]) - 8
        strips = [rect(each) for each in group.iter(f"{SVG}rect") if "strip" in each.get("class")]
        assert float(label.attrib["y"]) <= min([face.bottom, *(strip.top for strip in strips)])
        assert all(strip.within(face) for strip in strips)
    faces = drawn.faces
    for text, extent in drawn.notes:
        assert extent.within(drawn.page), text
        assert not any(extent.meets(face) for face in faces), text


def test_arrows_meet_what_they_point_at(drawn: Drawn) -> None:
    targets: dict[int, list[tuple[float, float, float]]] = defaultdict(list)
    for group in drawn.all("box"):
        face = rect(group.find(f"{SVG}rect"))
        middle = (face.left + face.right) / 2
        # Only what joins branches is entered beside its middle.
        reach = face.right - middle if "join" in group.attrib["class"].split() else 0
        targets[round(face.top)].append((middle, face.top, reach))
    for circle in drawn.root.iter(f"{SVG}circle"):
        x, y, r = (float(circle.attrib[key]) for key in ("cx", "cy", "r"))
        targets[round(y - r)].append((x, y - r, 0))
        targets[round(y)].append((x + r, y, 0))
    met = set()
    for tip in drawn.all("tip", "path"):
        x, y = map(float, tip.attrib["d"][1:].split("L")[0].split())
        near = [target for offset in (-1, 0, 1) for target in targets[round(y) + offset]]
        hit = {each for each in near if abs(each[0] - x) < each[2] + 0.2 and abs(each[1] - y) < 0.2}
        assert hit, (x, y)
        met |= hit
    assert met == {target for targets_here in targets.values() for target in targets_here}


def test_wires_leave_every_box(network: Network, drawn: Drawn) -> None:
    starts = defaultdict(list)
    for wire in drawn.root.iter(f"{SVG}path"):
        if wire.get("class") == "wire":
            x, y = map(float, wire.attrib["d"][1:].split("L")[0].split())
            starts[round(y)].append((x, y))
    left = [
        face
        for face in drawn.faces
        if any(
            abs((face.left + face.right) / 2 - x) < 0.2 and abs(face.bottom - y) < 0.2
            for offset in (-1, 0, 1)
            for x, y in starts[round(face.bottom) + offset]
        )
    ]
    heads = [row for row in network.rows if isinstance(row.layer, Tap)]
    unfolded = [row for row in heads if [row.name] in drawn.names]
    assert len(drawn.faces) - len(left) == len(unfolded), "nothing but a head ends in its box"


def test_a_drawing_can_be_put_into_a_page(drawn: Drawn) -> None:
    assert drawn.root.tag == f"{SVG}svg"
    assert not [each for each in drawn.root.iter() if "id" in each.attrib]
    style = drawn.root.find(f"{SVG}style").text
    rules = [line for line in style.splitlines() if "{" in line and not line.startswith("@media")]
    assert rules
    assert all(line.startswith(".atalho-drawing") for line in rules)


def test_every_layer_is_drawn(network: Network) -> None:
    """Expanded, a drawing has a box, a strip or a line for each layer, and says its path on hover."""
    drawn = Drawn(draw([network], expand=True))
    leaves = [(path, leaf) for row in network.rows for path, leaf in walk(row.layer, row.name)]
    assert drawn.convolutions == sum(isinstance(leaf, Conv) for _, leaf in leaves)
    norms = len(drawn.all("batchnorm", "rect")) + len(drawn.all("batchnorm"))
    assert norms == sum(isinstance(leaf, BatchNorm) for _, leaf in leaves)
    relus = len(drawn.all("relu", "rect")) + len(drawn.all("relu"))
    assert relus == sum(isinstance(leaf, ReLU) for _, leaf in leaves)
    hovered = {line.split(":")[0] for line in drawn.titles.splitlines()}
    unseen = {path for path, leaf in leaves if isinstance(leaf, Flatten | Identity)}
    assert {path for path, _ in leaves} - unseen <= hovered


def test_every_join_is_drawn(network: Network) -> None:
    drawn = Drawn(draw([network], expand=True))
    sums = [found for row in network.rows for found in joins(row.layer, Add)]
    assert len(drawn.all("sum")) == len(sums)
    assert len(drawn.all("shortcut")) == sum(len(found.parts) - 1 for found in sums)
    padded = [part for found in sums for _, part in found if isinstance(part, PadShortcut)]
    lines = [each for each in drawn.all("shortcut") if "pad" in each.attrib["class"].split()]
    assert len(lines) == len(padded)
    concats = [found for row in network.rows for found in joins(row.layer, Concat)]
    assert len(drawn.all("join")) == len(concats)


def test_rows_are_folded_with_their_count(network: Network) -> None:
    drawn = Drawn(draw([network]))
    assert [name for names in drawn.names for name in names] == [row.name for row in network.rows]
    shapes = dict(zip((row.name for row in network.rows), network.shapes, strict=True))
    keys = [{(network.row(name).layer, shapes[name]) for name in names} for names in drawn.names]
    assert all(len(key) == 1 for key in keys), "rows that differ, folded"
    assert all(here != below for here, below in pairwise(keys)), "equal rows, not folded"
    for group, names in zip(drawn.rows, drawn.names, strict=True):
        counts = [
            text_of(each) for each in group.iter(f"{SVG}text") if each.get("class") == "count"
        ]
        assert counts == ([f"×{len(names)}"] if len(names) > 1 else [])


def test_expanded_every_row_stands_alone(network: Network) -> None:
    drawn = Drawn(draw([network], expand=True))
    assert drawn.names == [[row.name] for row in network.rows]
    assert not drawn.all("count", "text")


def test_resnet34_is_folded_as_its_table_has_it() -> None:
    """He 2015, Table 1: 3, 4, 6 and 3 blocks; the first of a stage halves the map, but for the first stage's."""
    drawn = Drawn(draw([get("resnet34")]))
    counts = [len(names) for names in drawn.names if names[0].startswith("conv")]
    assert counts == [1, 3, 1, 3, 1, 5, 1, 2]


def test_labels_are_the_papers() -> None:
    """He 2015, Fig. 3 right, but for the pool, whose window it does not print."""
    labels = [text_of(each) for each in Drawn(draw([get("resnet34")])).all("label", "text")]
    assert labels[:5] == [
        "7×7 conv, 64, /2",
        "3×3 max pool, /2",
        "3×3 conv, 64",
        "3×3 conv, 64",
        "3×3 conv, 128, /2",
    ]
    assert labels[-2:] == ["global avg pool", "fc 1000"]


def test_factors_of_a_convolution_are_told_apart() -> None:
    """Szegedy 2015, Fig. 6: n×n as 1×n and n×1."""
    labels = [
        text_of(each)
        for each in Drawn(draw([get("inception_v3")], row="mixed_6b")).all("label", "text")
    ]
    assert labels == [
        "1×1 conv, 192",
        *("1×1 conv, 128", "1×7 conv, 128", "7×1 conv, 192"),
        *("1×1 conv, 128", "7×1 conv, 128", "1×7 conv, 128", "7×1 conv, 128", "1×7 conv, 192"),
        *("3×3 avg pool", "1×1 conv, 192"),
        "concat, 768",
    ]


def test_the_legend_fits_the_narrowest_drawing() -> None:
    drawn = Drawn(draw([table(Row("n", "norm", LocalResponseNorm()))], row="n"))
    extents = dict(drawn.notes)
    assert extents["response normalisation"].within(drawn.page)


def test_hovering_tells_shape_and_cost() -> None:
    """He 2015, Table 1: 64 filters of 7×7 at stride 2 on 3×224×224."""
    params, macs = 7 * 7 * 3 * 64, 7 * 7 * 3 * 64 * 112 * 112
    assert (
        f"conv1.conv: 7×7 conv, 64, /2; 3×224×224 → 64×112×112, {params:,} parameters, "
        f"{macs:,} multiply-accumulates, {64 * 112 * 112:,} activations\n"
        f"conv1.bn: BatchNorm; 64×112×112 → 64×112×112, 128 parameters"
    ) in Drawn(draw([get("resnet50")])).titles


def test_reductions_are_what_the_full_module_adds() -> None:
    """Szegedy 2014, Fig. 2: three 1×1 convolutions more in (b) than in (a)."""
    naive = Drawn(draw([get("googlenet.naive")], row="inception_3a"))
    full = Drawn(draw([get("googlenet")], row="inception_3a"))
    assert (naive.convolutions, full.convolutions) == (3, 6)
    both = Drawn(draw([get("googlenet.naive"), get("googlenet")], row="inception_3a"))
    assert both.convolutions == 9
    assert both.names == [["inception_3a"], ["inception_3a"]]


def test_heads_hang_beside_the_main_path() -> None:
    drawn = Drawn(draw([get("googlenet")]))
    main = [group for group in drawn.rows if not group.attrib["data-row"].startswith("aux")]
    heads = [group for group in drawn.rows if group.attrib["data-row"].startswith("aux")]
    assert len(heads) == 2
    edge = max(rect(each).right for group in main for each in group.iter(f"{SVG}rect"))
    assert edge < min(rect(each).left for group in heads for each in group.iter(f"{SVG}rect"))


def test_networks_for_one_input_are_aligned_by_their_maps() -> None:
    """He 2015, Fig. 3: VGG-19, plain and residual, with output sizes 224 to 1 at the side."""
    networks = [get(name) for name in ("plain34", "resnet34", "vgg19")]
    drawn = Drawn(draw(networks))
    sizes = [each for each in drawn.root.iter(f"{SVG}text") if each.get("class") == "map"]
    assert [text_of(each).split("×")[0] for each in sizes] == [
        "224",
        "112",
        "56",
        "28",
        "14",
        "7",
        "1",
    ]
    starts = [float(each.attrib["y"]) for each in sizes]
    bands = [
        sum(
            start - 12 <= min(rect(each).top for each in group.iter(f"{SVG}rect"))
            for start in starts
        )
        for group in drawn.rows
    ]
    of_maps = {224: 1, 112: 2, 56: 3, 28: 4, 14: 5, 7: 6, 1: 7}
    expected = []
    for network in networks:
        folded = {names[0] for names in Drawn(draw([network])).names}
        outputs = [*network.shapes[1:], (network.num_classes,)]
        expected += [
            of_maps[output[-1] if len(output) == 3 else 1]
            for row, output in zip(network.rows, outputs, strict=True)
            if row.name in folded
        ]
    assert bands == expected


def test_networks_for_different_inputs_are_not_aligned() -> None:
    drawn = Drawn(draw([get("resnet20"), get("resnet34")]))
    tops = {
        group.attrib["data-row"]: min(rect(each).top for each in group.iter(f"{SVG}rect"))
        for group in reversed(drawn.rows)
    }
    sizes = [text_of(each) for each in drawn.root.iter(f"{SVG}text") if each.get("class") == "map"]
    assert sizes == [
        "32×32",
        "16×16",
        "8×8",
        "1×1",
        "112×112",
        "56×56",
        "28×28",
        "14×14",
        "7×7",
        "1×1",
    ]
    assert tops["conv1"] < 120


def test_foreign_names_are_escaped() -> None:
    name = """<script>"&'"""
    network = replace(get("resnet20"), name=name)
    drawn = Drawn(draw([network]))
    assert drawn.root.attrib["aria-label"] == name
    assert name in [text for text, _ in drawn.notes]
    assert not list(drawn.root.iter(f"{SVG}script"))


def test_an_unknown_row_is_told_with_its_neighbours() -> None:
    with pytest.raises(AtalhoError, match=r"ROW-UNKNOWN.*resnet50.*conv2_11.*conv2_1") as caught:
        draw([get("resnet50")], row="conv2_11")
    assert caught.value.exit is Exit.USAGE


def test_the_whole_catalogue_is_drawn_without_torch() -> None:
    program = (
        "import sys; from atalho.explain.draw import draw; from atalho.networks import CATALOGUE, get;"
        "draw([get(name) for name in CATALOGUE]);"
        "print([name for name in ('torch', 'vl_convert', 'numpy') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout == "[]\n"


def test_svg_is_written_as_it_is(tmp_path: Path) -> None:
    svg = draw([get("alexnet")])
    write(svg, tmp_path / "alexnet.svg")
    assert (tmp_path / "alexnet.svg").read_text(encoding="utf-8") == svg
    assert list(tmp_path.iterdir()) == [tmp_path / "alexnet.svg"]


def test_png_is_written_at_twice_the_size(tmp_path: Path) -> None:
    svg = draw([get("alexnet")])
    write(svg, tmp_path / "alexnet.PNG")
    page = Drawn(svg).page
    with Image.open(tmp_path / "alexnet.PNG") as image:
        assert image.format == "PNG"
        assert image.size == pytest.approx((2 * page.right, 2 * page.bottom), abs=1)
        colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 20)}
    assert {(0xB5, 0xCF, 0xF2), (0xF4, 0xBB, 0xB2)} <= colours, "convolution and pooling"


def test_a_huge_png_is_written_smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIXELS", 10_000)
    write(draw([get("alexnet")]), tmp_path / "small.png")
    with Image.open(tmp_path / "small.png") as image:
        assert 9_000 < image.width * image.height < 11_000


def test_other_formats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AtalhoError, match=r"DRAW-FORMAT.*\.svg or \.png") as caught:
        write(draw([get("alexnet")]), tmp_path / "alexnet.pdf")
    assert caught.value.exit is Exit.USAGE
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", ["no folder/a.svg", "a file/a.svg", "a folder.svg"])
def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, place: str) -> None:
    (tmp_path / "a file").write_text("")
    (tmp_path / "a folder.svg").mkdir()
    before = sorted(tmp_path.iterdir())
    with pytest.raises(AtalhoError, match="DRAW-WRITE") as caught:
        write(draw([get("alexnet")]), tmp_path / place)
    assert caught.value.exit is Exit.USAGE
    assert sorted(tmp_path.iterdir()) == before
