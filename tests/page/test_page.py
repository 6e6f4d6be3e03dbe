"""The page: what it shows, and what it lets in."""

import base64
import hashlib
import re
from pathlib import Path
from xml.etree import ElementTree

from atalho.choice.choosing import choose
from atalho.page.contents import Contents
from atalho.page.page import html
from atalho.record import Record
from example_records import IMAGES, NETWORKS, changed, example, foreign, renamed
from web_page import HOSTILE, Page


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
    assert HOSTILE in parsed.text
    assert "A. <b>Somebody</b> 2020, Table 3" in parsed.text
    svg = (folder / "charts" / "accuracy-operations.svg").read_text(encoding="utf-8")
    assert HOSTILE in "".join(ElementTree.fromstring(svg).itertext())


def test_characters_that_nobody_sees_are_shown_as_escapes() -> None:
    """In the text and in the charts, whose drawing would end the process."""
    unseen = "\x1b[31m\x07\u202eb\r\u2028"
    records = changed(example(["resnet20"]), "resnet20", "top1", data=unseen)
    page = html(Contents.of(renamed(records, unseen), {}))
    assert not [each for each in unseen if each in page and not each.isprintable()]
    assert "\\x1b[31m\\x07\\u202eb\\r\\u2028" in Page(page).text


def test_no_two_elements_share_an_id(page: str) -> None:
    ids = [value for _, name, value in Page(page).attributes if name == "id"]
    assert any("clip" in each for each in ids)
    assert len(ids) == len(set(ids))


def test_figures_are_numbered_and_described(page: str, charts: set[str]) -> None:
    parsed = Page(page)
    found = re.findall(r"Figure (\d+)\. ", parsed.text)
    assert found == [str(number) for number in range(1, len(charts) + 1)]
    described = [v for _, name, v in parsed.attributes if name == "aria-label" and "networks" in v]
    assert len(described) >= 2 * len(charts)


def test_a_drawing_is_an_image(page: str) -> None:
    sources = [v for tag, name, v in Page(page).attributes if (tag, name) == ("img", "src")]
    assert len(sources) == len({*NETWORKS, "resnet110"})  # all but the one of no catalogue
    for source in sources:
        kind, _, data = source.partition(",")
        assert kind == "data:image/svg+xml;base64"
        assert b"<svg" in base64.b64decode(data)


def test_what_was_not_measured_is_said_and_never_zero(page: str) -> None:
    assert "Not measured: power and energy." in Page(page).text
    contents = Contents.of(example(["resnet20"])[:2], {})
    bare = Page(html(contents)).text
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


def test_malformed_conditions_are_no_crash() -> None:
    odd = [
        foreign("a", "top1", 0.5, interval="x", images="many", seed=[1]),
        foreign("a", "latency", 0.1, batch="one", quartiles=[1]),
        foreign("a", "train_top1", 0.1, epoch="first"),
        Record.of("a", "macs", 0, "computed"),
        Record.of("b", "top1", 0.0, "measured"),
    ]
    assert "a" in Page(html(Contents.of(odd, {}))).text


def test_the_page_shows_the_choice() -> None:
    contents = Contents.of(example(["resnet20"])[:4], {})
    assert contents.choice == choose(contents.comparison)
    shown = html(contents)
    assert shown.count('class="chosen"') == 1
    assert f"{100 * 354 / IMAGES:.1f}" in shown
