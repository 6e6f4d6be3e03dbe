"""The page in a browser: what it loads, complains of and shows, and how it answers to pointer and keyboard."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import chromium
from atalho.page.contents import Contents
from atalho.page.page import html
from atalho.record import Record
from chromium import Browser, browser
from example_records import ANALYSED, analysed, changed, example, failure, renamed, without
from web_page import HOSTILE, Page

pytestmark = pytest.mark.skipif(chromium.EXECUTABLE is None, reason="no Chromium here")

WIDE, NARROW = 1400, 400


def written(records: Sequence[Record], folder: Path) -> Path:
    """The page alone, without the files beside it."""
    path = folder / "report.html"
    path.write_text(html(Contents.of(records, {})), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three machines, a failure, and hostile text wherever records hold text."""
    hostile = renamed(analysed(["resnet18"]), HOSTILE)
    records = [
        *changed(analysed(), "vgg16", "top1", reference=HOSTILE),
        *hostile,
        *analysed(slower=0.1, device=HOSTILE, threads=8),
        failure(HOSTILE, HOSTILE, HOSTILE),
    ]
    return written(records, tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    records = changed(example(), "plain20", "top1", recipe=HOSTILE)
    return written(records, tmp_path_factory.mktemp("trained"))


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Browser]:
    with browser(tmp_path / "profile") as found:
        yield found


def picked(tab: Browser) -> set[str]:
    """The networks that stand out: by what the page dims of the rest."""
    script = """[...document.querySelectorAll('.legend button')].filter((button, index) =>
        document.querySelector('main').classList.contains(`pick${index}`)).map((b) => b.textContent.trim())"""
    return set(tab.run(script))


def opacity(tab: Browser, figure: str, network: str) -> set[str]:
    """Of the marks in the network's colour, in a figure as this width shows it."""
    script = f"""(() => {{
        const button = [...document.querySelectorAll('.legend button')].find((b) => b.textContent.trim() === '{network}');
        const chart = [...document.querySelectorAll('#{figure} .chart')].find((chart) => chart.offsetParent);
        const colour = button.dataset.colour;
        const marks = chart.querySelectorAll(`[stroke="${{colour}}"], [fill="${{colour}}"]`);
        return [...new Set([...marks].map((mark) => getComputedStyle(mark).opacity))];
    }})()"""
    return set(tab.run(script, 0.2))


def centre(tab: Browser, selector: str, index: int = 0) -> tuple[float, float]:
    """Where an element's middle is on the screen, with the element in the screen's middle."""
    tab.run(
        f"document.querySelectorAll({selector!r})[{index}].scrollIntoView({{block: 'center', inline: 'center'}})",
        0.2,
    )
    box: dict[str, Any] = tab.run(
        f"document.querySelectorAll({selector!r})[{index}].getBoundingClientRect().toJSON()"
    )
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.mark.parametrize(("which", "width"), [("page", WIDE), ("page", NARROW), ("trained", WIDE)])
def test_it_asks_for_nothing_complains_of_nothing_and_shows_hostile_text(
    which: str, width: int, tab: Browser, request: pytest.FixtureRequest
) -> None:
    path: Path = request.getfixturevalue(which)
    assert path.stat().st_size < 5_000_000
    tab.open(path, width)
    tab.draw()
    assert tab.requested == [path.as_uri()]
    assert tab.complaints == []
    assert "<script>alert(1)</script>{{ 7 * 7 }}" in tab.run("document.body.innerText")
    assert tab.run("document.querySelectorAll('.chart .vega-embed').length") >= 10
    # Only the tables are wider than a small screen, and they scroll by themselves.
    assert tab.run("document.documentElement.scrollWidth") == width


def test_a_policy_that_is_broken_would_be_noticed(page: Path, tab: Browser, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    broken = tmp_path / "broken.html"
    image = "<img src='https://example.invalid/a.png'><script>alert(2)</script>"
    broken.write_text(text.replace("<main>", f"<main>{image}"), encoding="utf-8")
    tab.open(broken)
    assert len(tab.complaints) >= 2


def test_a_network_stands_out_everywhere_under_the_pointer(page: Path, tab: Browser) -> None:
    tab.open(page, WIDE)
    tab.draw("accuracy-network", "operations-time", "time-batch", "memory-parameters")
    assert picked(tab) == set()
    tab.move(*centre(tab, "#accuracy-network .wide .mark-rect path", 2))
    assert picked(tab) == {"vgg16"}
    for figure in ("accuracy-network", "operations-time", "time-batch", "memory-parameters"):
        assert opacity(tab, figure, "vgg16") == {"1"}
        assert opacity(tab, figure, "alexnet") == {"0.12"}
    assert (
        tab.run("document.querySelectorAll('tr.picked').length") == 2
    )  # of the comparison, of the machines
    tab.move(2, 2)
    assert picked(tab) == set()
    assert "0.12" not in opacity(tab, "time-batch", "alexnet")
    # A name beside a point or in a legend stands for its network too.
    tab.move(*centre(tab, "#time-batch .wide .role-legend-label text", 1))
    assert len(picked(tab)) == 1


def test_the_keyboard_brings_networks_out_and_lets_them_go(page: Path, tab: Browser) -> None:
    tab.open(page, NARROW)
    tab.run("document.querySelectorAll('.legend button')[1].focus()")
    (network,) = picked(tab)
    tab.press("Enter")
    tab.run("document.querySelectorAll('.networks .name button')[0].focus()")
    assert len(picked(tab)) == 2
    tab.run("document.activeElement.blur()")
    assert picked(tab) == {network}
    pressed = (
        "[...document.querySelectorAll('[aria-pressed=true]')].map((b) => b.textContent.trim())"
    )
    assert set(tab.run(pressed)) == {network}
    assert len(tab.run(pressed)) == 3  # in the legend, in the comparison, among the machines
    tab.press("Escape")
    assert picked(tab) == set()
    assert tab.run(pressed) == []


def test_a_rectangle_drawn_over_points_brings_them_out(page: Path, tab: Browser) -> None:
    tab.open(page, WIDE)
    tab.draw("accuracy-latency", "operations-time")
    x, y = centre(tab, "#accuracy-latency .wide svg")
    tab.drag((x - 250, y - 200), (x + 150, y + 60))
    assert picked(tab) == {"googlenet", "resnet18", "resnet34", "resnet50", HOSTILE}
    # The right one of two panels has a rectangle of its own.
    x, y = centre(tab, "#operations-time .wide svg")
    tab.drag((x + 250, y - 60), (x + 330, y + 60))
    assert picked(tab) == {"vgg16"}
    # In the left panel, vgg16 stands at this height.
    tab.drag((x + 250, y - 122), (x + 330, y - 95))
    assert picked(tab) == set()
    assert tab.complaints == []


def test_the_table_sorts_by_keyboard(page: Path, tab: Browser) -> None:
    tab.open(page, WIDE)
    names = "[...document.querySelectorAll('.networks tbody .name')].map((n) => n.textContent)"

    def heading(words: str) -> str:
        return (
            "[...document.querySelectorAll('.networks thead button')]"
            f".find((button) => button.textContent.includes('{words}'))"
        )

    tab.run(f"{heading('Parameters')}.focus()")
    tab.press("Enter")
    by_size = sorted(ANALYSED, key=lambda name: ANALYSED[name][0])
    assert [name for name in tab.run(names) if name != HOSTILE] == by_size
    sort = f"{heading('Parameters')}.closest('th').getAttribute('aria-sort')"
    assert tab.run(sort) == "ascending"
    tab.press("Enter")
    assert [name for name in tab.run(names) if name != HOSTILE] == by_size[::-1]
    assert tab.run(sort) == "descending"
    tab.run(f"{heading('Throughput')}.focus()")
    tab.press("Enter")
    assert tab.run(names)[0] == "alexnet"  # the highest first where more is better


def test_every_way_in_has_a_name_and_every_link_a_place(page: Path, tab: Browser) -> None:
    tab.open(page, WIDE)
    assert tab.run("[...document.querySelectorAll('button')].every((b) => b.textContent.trim())")
    lost = "[...document.querySelectorAll('nav a')].filter((a) => !document.querySelector(a.hash))"
    assert tab.run(f"{lost}.length") == 0
    assert tab.run("document.querySelectorAll('nav a').length") >= 5
    ids = tab.run("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))
    labelled = tab.run(
        "[...document.querySelectorAll('[aria-labelledby]')].map((e) => e.getAttribute('aria-labelledby'))"
    )
    assert set(labelled) <= set(ids)


def test_without_scripts_the_page_is_whole(page: Path, tab: Browser) -> None:
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    tab.call("Page.navigate", url=page.as_uri())
    tab.until("document.readyState === 'complete' && document.querySelector('main') !== null")
    assert tab.run("document.querySelectorAll('.chart > svg').length") >= 20
    assert tab.run("document.querySelector('.legend').hidden")
    assert tab.run("document.querySelectorAll('button:not(.legend button)').length") == 0


def test_dark_colours_take_the_place_of_light_ones(page: Path, tab: Browser) -> None:
    def colours() -> list[str]:
        bars = "[...document.querySelectorAll('#accuracy-network .wide .mark-rect path')]"
        found = tab.run(f"{bars}.map((bar) => getComputedStyle(bar).stroke)")
        return [*found, tab.run("getComputedStyle(document.body).backgroundColor")]

    tab.open(page, WIDE)
    light = colours()
    tab.open(page, WIDE, dark=True)
    dark = colours()
    assert len(light) == len(dark) == len(ANALYSED) + 2
    assert all(one != other for one, other in zip(light, dark, strict=True))
    assert all(re.fullmatch(r"rgb\(\d+, \d+, \d+\)", colour) for colour in [*light, *dark])


def test_one_network_without_figures_is_a_page_without_complaint(
    tmp_path: Path, tab: Browser
) -> None:
    bare: list[Record] = [r for r in analysed(["alexnet"], batches=()) if r.quantity == "params"]
    assert without(bare, "params") == []
    tab.open(written(bare, tmp_path))
    assert tab.complaints == []
    assert tab.run("document.querySelector('.legend')") is None


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fourteen networks with names of up to 27 characters, each at seven sizes of batch."""
    records = [
        replace(each, subject=name, value=each.value * (1 + place / 10))
        for place, name in enumerate(CROWD)
        for each in analysed(["alexnet"])
        if each.quantity in ("params", "macs", "latency")
    ]
    return written(records, tmp_path_factory.mktemp("crowded"))


CROWD = (
    *("timm:mobilenetv4_conv_large", "timm:convnextv2_nano_in22k", "timm:mobilenetv3_small_100"),
    *("alexnet", "vgg16", "vgg19", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    *("googlenet", "nin", "enet"),
)


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_many_networks_stay_within_the_page(crowded: Path, tab: Browser, width: int) -> None:
    tab.open(crowded, width)
    tab.draw()
    assert tab.run("document.documentElement.scrollWidth") == width
    wider = """[...document.querySelectorAll('.chart svg, .legend')].filter((e) => e.getClientRects().length).filter((e) => {
        const box = e.getBoundingClientRect(); return box.left < 0 || box.right > innerWidth }).length"""
    assert tab.run(wider) == 0
    # Drawn at its own size, and not made small because something in it is wide.
    scaled = """[...document.querySelectorAll('#time-batch .chart svg, #operations-time .chart svg')]
        .filter((e) => e.getClientRects().length)
        .map((e) => e.getBoundingClientRect().width / e.viewBox.baseVal.width)"""
    assert all(0.85 < each <= 1 for each in tab.run(scaled))
    assert not tab.run("document.querySelector('.legend').open")
    tab.run("document.querySelector('.legend summary').click()")
    assert tab.run("document.querySelector('.legend').getBoundingClientRect().height") < 200


def test_many_lines_are_small_multiples_under_their_names(crowded: Path, tab: Browser) -> None:
    tab.open(crowded, WIDE)
    tab.draw("time-batch")
    texts = "[...document.querySelectorAll('#time-batch .wide text')].map((t) => t.textContent)"
    assert {*CROWD} <= {*tab.run(texts)}
    assert tab.run("document.querySelectorAll('#time-batch .wide .role-legend').length") == 0


def test_the_pointer_touches_no_text(crowded: Path, tab: Browser) -> None:
    tab.open(crowded, WIDE)
    tab.draw("time-batch")
    tab.run(
        """(() => { window.touched = 0; const seen = new MutationObserver((all) => { window.touched += all.length });
        for (const chart of document.querySelectorAll('.chart'))
            seen.observe(chart, {subtree: true, attributes: true, attributeFilter: ['class']}); })()"""
    )
    tab.move(*centre(tab, ".networks tbody tr", 3))
    (network,) = picked(tab)
    assert tab.run("window.touched") == 0
    weights = f"""[...document.querySelectorAll('#time-batch .wide text')]
        .filter((t) => t.textContent === {network!r}).map((t) => getComputedStyle(t).fontWeight)"""
    assert tab.run(weights, 0.2) == ["700"]
    other = next(name for name in CROWD if name != network)
    dimmed = f"""[...document.querySelectorAll('#time-batch .wide text')]
        .filter((t) => t.textContent === {other!r}).map((t) => getComputedStyle(t).opacity)"""
    assert tab.run(dimmed, 0.3) == ["0.3"]


def test_choice_and_front_say_of_which_machine_and_engine(crowded: Path) -> None:
    text = Page(crowded.read_text(encoding="utf-8")).text
    assert "both on Example EPYC 9000, 2 cores, with 2 threads, on eager float32." in text
