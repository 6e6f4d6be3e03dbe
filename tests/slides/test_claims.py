"""Every number that a page shows with a claim's id is the one that CLAIMS.md gives, typed here by hand, and torch's own."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import atalho
from atalho.claims import CLAIMS
from atalho.slides.lecture import Material
from atalho.slides.stations import STATIONS, deeper, table

#      id: the verdict, and the recomputed number as CLAIMS.md writes it, in the claim's unit
TYPED = {
    "L2": ("holds", "112.896"),
    "L3": ("holds", "1.50528"),
    "L4": ("holds", "3.7632"),
    "L5": ("holds", "5.26848"),
    "L7": ("holds", "21.43"),
    "L9": ("holds", "928"),
    "L10": ("holds", "49"),
    "L12": ("holds", "2.712"),
    "L13": ("holds", "34.02"),
    "L14": ("holds", "112.00"),
    "L15": ("holds", "359.66"),
    "L16": ("holds", "159.50"),
    "L17": ("holds", "128.05"),
    "L18": ("differs", "379.00"),
    "L19": ("holds", "304.27"),
    "L20": ("differs", "366.75"),
    "L21": ("differs", "73.61"),
    "L22": ("differs", "438.00"),
    "L23": ("holds", "87.91"),
    "L24": ("differs", "497.50"),
    "L25": ("holds", "99.85"),
    "L26": ("differs", "590.50"),
    "L27": ("holds", "118.52"),
    "L28": ("differs", "847.00"),
    "L29": ("holds", "170.00"),
    "L30": ("differs", "1018.00"),
    "L31": ("differs", "51.08"),
    "L32": ("differs", "1409.00"),
    "L33": ("holds", "70.70"),
    "L34": ("holds", "1000.00"),
    "L35": ("holds", "1.02"),
    "L37": ("holds", "1498.7"),
    "L38": ("holds", "22"),
    "L40": ("differs", "6.998552"),
    "L41": ("differs", "1"),
    "L42": ("differs", "8.71"),
    "L43": ("holds", "2.18"),
    "L53": ("holds", "0.944"),
    "L57": ("holds", "1.795"),
    "L58": ("holds", "3.645"),
    "L59": ("differs", "3.858"),
    "L60": ("holds", "7.570"),
    "L61": ("holds", "11.282"),
    "L62": ("holds", "15.347"),
    "L63": ("holds", "19.632"),
}
WORDS = {
    "L6": "480 → 16",
    "L8": "576.000 → 26.880",
    "L39": "112, 56, 28, 14, 7",
    "L47": "56×56, 28×28",
    "L54": "256 → 64 → 64 → 256",
    "L55": "480 → 16, 256 → 64",
    "L56": "18, 34, 50, 101, 152",
    "L64": "11,3 < 15,3",
    "LT1": "101, 140",
    "LT2": "112×112",
}
"""Recomputed values that are words, as the Portuguese pages write them."""

ARITHMETIC = {
    "L8": ("576.048", "26.944", "1.566.720", "375.552", "4,17", "2,37", "5,06", "30.720"),
    "L10": ("50.176.000", "1.024.000"),
    "L24": ("509.440", "−35.328", "6,9 %", "92,9"),
    "L26": ("604.672", "−10.752", "1,8 %", "116,4"),
    "L30": ("1.042.432", "+55.296", "5,3 %"),
    "L32": ("1.442.816", "−21.504", "1,5 %", "69,6"),
    "L40": ("6.983.576", "6.990.272", "6.998.552", "13.378.280", "5,97", "6.797,7", "6,80"),
    "L41": ("1.025.000", "14,6 %"),
    "L42": ("60.965.224", "12,19", "10,2"),
    "L43": ("724.406.816", "1.135.256.096", "2,07", "1,39"),
    "L53": ("69.632", "73.728", "231,2", "218,4", "1.179.648", "16,9", "135.168", "1,94"),
    "L59": ("3,858", "3,498", "4,089"),
    "L60": ("7,570", "7,211", "7,801"),
    "L61": ("11,282", "10,923", "11,514"),
    "L62": ("15,347", "15,470"),
    "L63": ("19,632", "19,508"),
}
"""Numbers that stand in CLAIMS.md beside a claim, as its Portuguese arithmetic must write them."""


class Cards(HTMLParser):
    """The cards of a page: by the claim's id, the exact number, and what is shown as recomputed and in all."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.verdicts: dict[str, str] = {}
        self.exact: dict[str, str] = {}
        self.recomputed: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self._card = self._part = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "data-claim" in given:
            self._card = given["data-claim"]
            self.verdicts[self._card] = given["class"].split()[1]
            self.texts[self._card] = ""
        if self._card and tag == "dd":
            self._part = given.get("class", "")
            if "data-value" in given:
                self.exact[self._card] = given["data-value"]

    def handle_endtag(self, tag: str) -> None:
        if tag == "li":
            self._card = ""
        if tag == "dd":
            self._part = ""

    def handle_data(self, data: str) -> None:
        if self._card:
            self.texts[self._card] += data
            if self._part == "recomputed":
                self.recomputed[self._card] = data


@pytest.fixture(scope="module")
def cards(lecture: Path) -> Cards:
    return Cards("".join(path.read_text(encoding="utf-8") for path in lecture.glob("pt/*.html")))


def _shown(text: str) -> float:
    """A number as the Portuguese pages write it."""
    number = re.match(r"−?[\d.]+(,\d+)?", text)
    assert number, text
    return float(number[0].replace(".", "").replace(",", ".").replace("−", "-"))


@pytest.mark.parametrize("claim", TYPED)
def test_a_recomputed_number_is_the_one_typed_from_claims(claim: str, cards: Cards) -> None:
    verdict, typed = TYPED[claim]
    assert cards.verdicts[claim] == verdict
    half = 0.5 * 10.0 ** -len(typed.partition(".")[2])
    if claim == "L58":
        half *= 1.1  # CLAIMS.md has 3.645 for 3.644494: one unit of its last digit away
    for number in (float(cards.exact[claim]), _shown(cards.recomputed[claim])):
        assert abs(number - float(typed)) <= half * 1.001, claim


@pytest.mark.parametrize("claim", WORDS)
def test_what_is_recomputed_in_words_is_typed_from_claims(claim: str, cards: Cards) -> None:
    assert cards.recomputed[claim].startswith(WORDS[claim])


@pytest.mark.parametrize("claim", ARITHMETIC)
def test_the_arithmetic_has_the_numbers_of_claims(claim: str, cards: Cards) -> None:
    # The printed column of parameters is 6.80 M in thousands of 1,000 and 6.96 M in those of 1,024, which the page takes.
    wanted = [number for number in ARITHMETIC[claim] if number != "6,80"]
    assert [number for number in wanted if number not in cards.texts[claim]] == []


def test_every_claim_of_the_lecture_has_a_place() -> None:
    shown = [claim for station in STATIONS for claim in station.claims]
    assert len(shown) == len(set(shown))
    lecture = {claim for claim in CLAIMS if claim.startswith("L")}
    assert lecture <= set(shown)


def test_a_wrong_number_would_be_noticed(cards: Cards) -> None:
    assert abs(float(cards.exact["L24"]) - 463) > 1
    assert _shown("1.018,00 K") == 1018


def test_the_rows_of_the_drawings_are_torchs_own_counts(lecture: Path) -> None:
    network = atalho.network("googlenet")
    model = atalho.build("googlenet").eval()
    (page,) = lecture.glob("pt/*-googlenet.html")
    text = page.read_text(encoding="utf-8")
    rows = dict(
        re.findall(
            r'<tr data-row="(\w+)".*?<td class="number">[^<]*</td><td class="number">([^<]*)<', text
        )
    )
    shown = sum(
        int(rows[row.name].replace(".", ""))
        for row in network.rows
        if rows[row.name] != "–" and not row.name.startswith("aux")
    )
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 3, 224, 224))
    assert 2 * shown == counter.get_total_flops()
    assert f"{sum(p.numel() for p in model.parameters()):,}".replace(",", ".") in text


@pytest.mark.parametrize(
    ("claim", "network", "convolutions_alone"),
    [
        *(
            (f"L{57 + index}", f"resnet{depth}", False)
            for index, depth in enumerate((18, 34, 50, 101, 152))
        ),
        ("L62", "vgg16", True),
        ("L63", "vgg19", False),
    ],
)
def test_operations_are_torchs_own(
    claim: str, network: str, convolutions_alone: bool, cards: Cards
) -> None:
    with torch.device("meta"):
        model = atalho.build(network).eval().to("meta")
        images = torch.zeros(1, 3, 224, 224)
    with FlopCounterMode(display=False) as counter:
        model(images)
    flops = counter.get_flop_counts()["Global"]
    counted = sum(
        count
        for kind, count in flops.items()
        if "convolution" in str(kind) or not convolutions_alone
    )
    assert float(cards.exact[claim]) == counted / 2 / 10**9


# CLAIMS.md, 57 to 61: no shortcut convolutions, B with the stride in the first 1×1, B with it in the 3×3.
FLOPS = {
    (False, False): (1.795, 3.645, 3.498, 7.211, 10.923),
    (True, False): (1.814, 3.664, 3.858, 7.570, 11.282),
    (True, True): (1.814, 3.664, 4.089, 7.801, 11.514),
}


def test_hes_table_under_each_convention_is_that_of_claims() -> None:
    ways = {
        (way["projections"], way["later"]): way["values"]
        for way in deeper.conventions()
        if way["linear"]
    }
    for convention, typed in FLOPS.items():
        assert ways[convention] == pytest.approx(typed, abs=0.00055)


def test_no_convention_that_rounds_gives_resnet_50_its_number() -> None:
    assert all(round(way["values"][2], 1) != 3.8 for way in deeper.conventions())


def test_the_conventions_of_table_1_explain_what_claims_says() -> None:
    """Without biases conv2 and linear are exact; biases fix conv1 and 3b, and break 3a and linear where the column rounds."""
    tables = Material(()).tables
    assert table.agreeing(tables, table.STATED) == (
        2,
        3,
        10,
    )  # conv2, linear; 3a cut off; all operations but 4a's and 5a's
    biased = table.STATED._replace(biases=True)
    assert table.agreeing(tables, biased) == (3, 5, 10)
    assert table.agreeing(tables, table.STATED._replace(kilo=1000)) == (1, 1, 10)  # conv1 alone
    dense = table.STATED._replace(separable=False)
    assert table.agreeing(tables, dense).operations == 9
    lines = tables.lines("googlenet")
    biased_rows = {
        row: round(lines[row].cost.params / 1024, 2)
        for row in ("inception_3a", "inception_3b", "linear")
    }
    assert biased_rows == {"inception_3a": 159.86, "inception_3b": 379.62, "linear": 1000.98}
