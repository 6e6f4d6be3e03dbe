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
from web_page import HOSTILE, Page

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
    .filter((each) => each.checkVisibility({ contentVisibilityAuto: true }) && !(each.type === "radio" && !each.checked))"""
"""Of a group of radio buttons the chosen one; the arrows lead to the others."""


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
def test_every_box_is_ticked_by_keyboard(name: str, lecture: Path, tab: Browser) -> None:
    tab.events.clear()
    tab.open(page(lecture, name), 1440)
    boxes = tab.run(
        "(window.boxes = [...document.querySelectorAll('input[type=checkbox]')]).length"
    )
    for index in range(boxes):
        before = tab.run(f"boxes[{index}].focus(); boxes[{index}].checked", 0)
        tab.press(" ")
        assert tab.run(f"boxes[{index}].checked", 0) != before
        assert tab.run(f"boxes[{index}].labels.length", 0) == 1
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
        assert tab.run("document.querySelector('main').textContent.length") > 800
    finally:
        tab.call("Emulation.setScriptExecutionDisabled", value=False)


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_to_pages_and_places_that_are_there(name: str, lecture: Path) -> None:
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


def test_the_moment_changes_chart_arrows_and_words(lecture: Path, tab: Browser) -> None:
    tab.open(page(lecture, station("gradients")), 1440)
    shown = "[...document.querySelectorAll('[data-frame]')].filter((each) => !each.hidden).map((each) => each.dataset.frame)"
    width = "document.querySelector('#shortcut-arrow').getAttribute('stroke-width')"
    before = tab.run(width)
    assert tab.run(shown) == ["0"]
    tab.run("document.querySelector('#moment').focus()")
    tab.press("ArrowRight")
    assert tab.run(shown) == ["1"]
    assert tab.run(width) != before
    assert "1 iteração" in tab.run("document.querySelector('#share-caption').textContent")
    tab.run("document.querySelector('#block').focus()")
    tab.press("Home")
    assert "conv2_1" in tab.run("document.querySelector('#share-caption').textContent")


def test_a_bet_is_answered_by_the_record(lecture: Path, tab: Browser) -> None:
    tab.open(page(lecture, station("lesions")), 1440)
    said = "document.querySelector('#revealed').textContent"
    hidden = tab.run(said)
    assert "%" not in hidden
    tab.run("document.querySelector('#game button').focus()")
    tab.press("Enter")
    assert "conv2_1" in tab.run(said)
    assert "50 %" in tab.run(said)
    tab.run(
        "document.querySelector('#row').selectedIndex = 1; document.querySelector('#row').dispatchEvent(new Event('change'))"
    )
    assert tab.run(said) == hidden


def test_conventions_of_the_last_columns_are_counted(lecture: Path, tab: Browser) -> None:
    tab.open(page(lecture, station("deeper")), 1440)
    said = "document.querySelector('#agreed').textContent"
    assert "3 das 5 colunas: 18, 101, 152" in tab.run(said)
    tab.run("document.querySelector('#cut').click()")
    assert "5 das 5 colunas" in tab.run(said)  # cut off, 34's 3.664 and 50's 3.858 pass too
    tab.run(
        "document.querySelector('#projections').click(); document.querySelector('#cut').click()"
    )
    assert "2 das 5 colunas: 18, 34" in tab.run(said)


def test_an_exam_is_marked(lecture: Path, tab: Browser) -> None:
    tab.open(page(lecture, station("questions")), 1440)
    tab.run(
        "document.querySelector('#seed').value = 7; document.querySelector('#seed').dispatchEvent(new Event('change'))"
    )
    first = tab.run("document.querySelector('#exam').innerText")
    assert "6.422.528" not in first
    tab.run(
        "document.querySelector('#answer-0').value = '6.422.528'; document.querySelector('#answer-0').focus()"
    )
    tab.press("Enter")
    assert "Certo." in tab.run("document.querySelector('#exam').innerText")
    tab.run(
        "document.querySelector('#answer-1').value = '2'; document.querySelector('#answer-1').focus()"
    )
    tab.press("Enter")
    assert "1 de 2" in tab.run("document.querySelector('#score').textContent")


def _dropped(tab: Browser, text: str) -> None:
    """A file with this text, chosen by the reader."""
    tab.run(
        f"""(async () => {{
            const files = new DataTransfer();
            files.items.add(new File([{json.dumps(text)}], "records.jsonl"));
            const field = document.querySelector("#file");
            field.files = files.files;
            field.dispatchEvent(new Event("change"));
        }})()""",
        0.3,
    )


def test_somebodys_own_records_change_the_choice_and_hostile_ones_are_text(
    lecture: Path, tab: Browser
) -> None:
    tab.events.clear()
    path = page(lecture, station("comparison"))
    tab.open(path, 1440)
    choice = "document.querySelector('#choice').textContent"
    assert "resnet50" in tab.run(choice)
    tab.run("document.querySelector('#max-latency').focus()")
    tab.run(
        "document.querySelector('#max-latency').value = 300; document.querySelector('#max-latency').dispatchEvent(new Event('input'))"
    )
    assert "resnet18" in tab.run(choice)
    conditions = {"device": HOSTILE, "batch": 1, "threads": 2}
    lines = [
        {
            "subject": name,
            "quantity": quantity,
            "value": value,
            "provenance": "measured",
            "conditions": given,
        }
        for name, accuracy, seconds in ((HOSTILE, 0.9, 0.02), ("__proto__", 0.8, 0.01))
        for quantity, value, given in (
            ("top1", accuracy, {"data": "mine"}),
            ("latency", seconds, conditions),
        )
    ]
    text = "\n".join([*map(json.dumps, lines), "<script>alert(2)</script>", '{"subject": 1}'])
    _dropped(tab, text)
    shown = tab.run("document.querySelector('#networks').innerText")
    assert "<script>alert(1)</script>{{ 7 * 7 }}" in shown
    assert "__proto__" in shown
    assert "5" in tab.run(
        "document.querySelector('#told').textContent"
    )  # the line that is no record
    tab.run(
        "document.querySelector('#max-latency').value = 1000; document.querySelector('#max-latency').dispatchEvent(new Event('input'))"
    )
    assert HOSTILE in tab.run(choice)
    assert tab.run("document.querySelectorAll('main script').length") == 0
    _dropped(tab, "nothing at all")
    assert HOSTILE in tab.run(choice)  # what was there stays
    tab.run("document.querySelector('#own').click()")
    assert "resnet50" in tab.run(choice)
    assert tab.complaints == []
    assert tab.requested == [path.as_uri()]


def test_a_file_can_be_dropped(lecture: Path, tab: Browser) -> None:
    tab.open(page(lecture, station("comparison")), 1440)
    lines = [
        {
            "subject": "mine",
            "quantity": quantity,
            "value": value,
            "provenance": "measured",
            "conditions": {"batch": 1},
        }
        for quantity, value in (("top1", 0.5), ("latency", 0.001))
    ]
    tab.run(
        f"""(async () => {{
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([{json.dumps(chr(10).join(map(json.dumps, lines)))}], "records.jsonl"));
            document.querySelector("#drop").dispatchEvent(new DragEvent("drop", {{ dataTransfer, cancelable: true }}));
        }})()""",
        0.3,
    )
    assert "mine" in tab.run("document.querySelector('#choice').textContent")
    assert "2 registros" in tab.run("document.querySelector('#told').textContent")


def test_the_lines_of_the_budget_can_be_dragged(lecture: Path, tab: Browser) -> None:
    tab.open(page(lecture, station("comparison")), 1440)
    line = "document.querySelector('[data-limit=latency]')"
    tab.run(f"{line}.scrollIntoView({{ block: 'center' }})", 0.2)
    box = tab.run(f"{line}.getBoundingClientRect().toJSON()")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 3
    tab.drag((x, y), (x - 300, y))
    assert int(tab.run("document.querySelector('#max-latency').value")) < 900
    assert tab.run(
        "document.querySelector('#max-latency').getAttribute('aria-valuetext')"
    ).endswith("ms")
