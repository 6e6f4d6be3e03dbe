"""The lecture in a browser: what its pages load, complain of and show, and that keyboard and screen reader reach everything."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import chromium
from atalho.slides.page import file_name
from atalho.slides.stations import STATIONS
from chromium import Browser, browser

pytestmark = pytest.mark.skipif(chromium.EXECUTABLE is None, reason="no Chromium here")

PAGES = ["index.html", *(file_name(station, n) for n, station in enumerate(STATIONS, start=1))]
WIDTHS = (360, 768, 1440, 1920)
AXE = next(
    (
        path
        for path in (
            Path(os.environ.get("AXE_CORE", "axe.min.js")),
            Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js",
        )
        if path.is_file()
    ),
    None,
)
"""axe-core, which is no package of Python's: `npm install --no-save axe-core` here, or its file by `AXE_CORE`."""

FOCUSABLE = """[...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")]
    .filter((each) => each.checkVisibility({ contentVisibilityAuto: true }) && !each.disabled)"""


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def page(lecture: Path, name: str, language: str = "pt") -> Path:
    return lecture / language / name


def station(name: str) -> str:
    """The file of a station's page."""
    return next(each for each in PAGES if each.endswith(f"-{name}.html"))


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("language", ["pt", "en"])
@pytest.mark.parametrize("name", PAGES)
def test_it_loads_nothing_complains_of_nothing_and_fits_every_screen(
    name: str, language: str, dark: bool, lecture: Path, tab: Browser
) -> None:
    path = page(lecture, name, language)
    assert path.stat().st_size < 5_000_000
    tab.events.clear()
    tab.open(path, WIDTHS[-1], dark=dark)
    for width in WIDTHS:
        tab.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=False,
        )
        # What is wider than the screen scrolls by itself.
        assert tab.run("document.documentElement.scrollWidth") == width
    assert tab.complaints == []
    assert tab.requested == [path.as_uri()]


@pytest.mark.skipif(AXE is None, reason="no axe-core here: npm install --no-save axe-core")
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(name: str, dark: bool, lecture: Path, tab: Browser) -> None:
    assert AXE
    tab.open(page(lecture, name), 1440, dark=dark)
    tab.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    tab.run(AXE.read_text(encoding="utf-8") + ";0")
    text = tab.run("axe.run().then(({ violations }) => JSON.stringify(violations))")
    serious = [
        (each["id"], node["html"][:200], node["failureSummary"][:300])
        for each in json.loads(text)
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
    assert serious == []


@pytest.mark.parametrize("name", PAGES)
def test_the_keyboard_reaches_every_control(name: str, lecture: Path, tab: Browser) -> None:
    tab.open(page(lecture, name), 1440)
    tab.run(f"window.controls = {FOCUSABLE}; window.reached = new Set(); controls.length")
    count = tab.run("controls.length")
    assert count > 3
    for _ in range(count + 5):
        tab.press("Tab", pause=0)
        tab.run("reached.add(document.activeElement); 0", 0)
    missed = tab.run(
        "controls.filter((each) => !reached.has(each)).map((each) => each.outerHTML.slice(0, 120))"
    )
    assert missed == []


@pytest.mark.parametrize("name", PAGES)
def test_every_slider_moves_by_keyboard_and_says_its_name(
    name: str, lecture: Path, tab: Browser
) -> None:
    tab.open(page(lecture, name), 1440)
    sliders = tab.run(
        "(window.sliders = [...document.querySelectorAll('input[type=range]')]).length"
    )
    for index in range(sliders):
        at = f"sliders[{index}]"
        assert tab.run(f"{at}.labels.length + (({at}.getAttribute('aria-label') ?? '').length)") > 0
        before = tab.run(f"{at}.focus(); {at}.value = {at}.min; {at}.value", 0)
        tab.press("ArrowRight")
        assert tab.run(f"{at}.value", 0) != before
    assert tab.complaints == []


@pytest.mark.parametrize("name", PAGES)
def test_without_scripts_it_reads_as_an_article(name: str, lecture: Path, tab: Browser) -> None:
    path = page(lecture, name)
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab.call("Page.navigate", url=path.as_uri())
        tab.until(
            f"document.readyState === 'complete' && location.href === {json.dumps(path.as_uri())}"
        )
        empty = "[...document.querySelectorAll('table tbody tr')].filter((row) => !row.textContent.trim())"
        assert tab.run(f"{empty}.length") == 0
        assert tab.run("[...document.querySelectorAll('.live')].every((each) => each.hidden)")
        assert tab.run("document.querySelector('main').innerText.length") > 800
    finally:
        tab.call("Emulation.setScriptExecutionDisabled", value=False)


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_to_pages_and_places_that_are_there(name: str, lecture: Path) -> None:
    from web_page import Page

    for path in (page(lecture, name), page(lecture, name, "en"), lecture / "index.html"):
        found = Page(path.read_text(encoding="utf-8"))
        ids = [value for _, attribute, value in found.attributes if attribute == "id"]
        assert len(ids) == len(set(ids))
        for tag, attribute, value in found.attributes:
            if (tag, attribute) == ("a", "href"):
                file, _, place = value.partition("#")
                target = path.parent / file if file else path
                assert target.is_file(), value
                if place:
                    assert f'id="{place}"' in target.read_text(encoding="utf-8"), value


def test_the_sliders_of_the_reduction_change_table_areas_and_sentence(
    lecture: Path, tab: Browser
) -> None:
    tab.open(page(lecture, station("reduction")), 1440)
    cell = "document.querySelector('#branches').tBodies[0].rows[2].cells[3].textContent"
    assert tab.run(cell) == "112.896.000"
    width = (
        "document.querySelector('[data-branch=\"2\"] [data-kind=reduced]').getAttribute('width')"
    )
    before = float(tab.run(width))
    tab.run("document.querySelector('#reduce5x5').focus()")
    tab.press("ArrowRight")
    assert tab.run(cell) == "112.896.000"  # without the reduction it does not matter
    assert "5.597.760" in tab.run("document.querySelector('#sentence').textContent")  # 17 filters
    assert float(tab.run(width)) > before
    tab.run(
        "document.querySelector('#preset').value = '3a'; document.querySelector('#preset').dispatchEvent(new Event('change'))"
    )
    assert "120.422.400" in tab.run("document.body.innerText")  # 5·5·192·32·28·28


def test_the_spreadsheet_recomputes_what_is_below_a_changed_filter(
    lecture: Path, tab: Browser
) -> None:
    tab.open(page(lecture, station("table")), 1440)
    said = "document.querySelector('#explained').textContent"
    assert "13" in tab.run(said)
    tab.run("document.querySelector('#separable').click()")
    assert "12" in tab.run(said)
    tab.run("document.querySelector('#separable').click()")
    change = "field.dispatchEvent(new Event('input'))"
    tab.run(
        f"const field = document.querySelector('[aria-label^=\"4a, #1×1\"]'); field.value = 200; {change}"
    )
    row = "document.querySelector('#sheet').tBodies[0].rows[5].textContent"
    assert "438,00" not in tab.run(row)  # 4b reads what 4a writes
    tab.run("document.querySelector('#reset').click()")
    assert "438,00" in tab.run(row)
    tab.run("document.querySelector('#sheet').tBodies[0].rows[6].querySelector('button').click()")
    assert "509.440" in tab.run("document.querySelector('#derivation').textContent")


def test_a_row_is_chosen_in_the_table_and_seen_in_drawing_and_photo(
    lecture: Path, tab: Browser
) -> None:
    tab.open(page(lecture, station("residual")), 1440)
    tab.run("document.querySelector('[data-network=resnet34] [data-row=conv2_1] button').click()")
    picked = "[...document.querySelectorAll('g.picked')].map((g) => g.dataset.network)"
    assert tab.run(picked) == ["resnet34"]
    assert tab.run("document.querySelector('#field').getAttribute('width')") == "27"
    assert "27×27" in tab.run("document.querySelector('#seen-caption').textContent")
    assert tab.complaints == []
