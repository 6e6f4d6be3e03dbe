"""A station → the HTML of its page, which loads nothing, and whose policy forbids it to."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from atalho.claims import Verdict
from atalho.page.document import policy
from atalho.page.document import source as report_source
from atalho.slides import scripts
from atalho.slides.cards import card
from atalho.slides.lecture import Material, Station, View
from atalho.slides.words import LANGUAGES, Words

_TEMPLATES = Path(__file__).parent / "templates"


def file_name(station: Station, number: int) -> str:
    """Returns the name of a station's page: `02-reduction.html`."""
    return f"{number:02}-{station.name}.html"


class Pages:
    """Makes the pages of one language.

    Args:
        stations: in the lecture's order.
    """

    def __init__(self, stations: tuple[Station, ...], material: Material, words: Words) -> None:
        self._stations, self._material, self._words = stations, material, words
        self._environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["n"] = words.number
        self._css = report_source("page.css") + scripts.source("slides.css")

    def index(self, folder: str = "") -> str:
        """Returns the page that lists the stations and all claims.

        Args:
            folder: where the stations' pages are, as seen from this page: `pt/`, or nothing.
        """
        shown = {claim: station for station in self._stations for claim in station.claims}
        cards = [card(claim, self._material, self._words) for claim in shown]
        counts = {verdict.value: sum(c.verdict == verdict for c in cards) for verdict in Verdict}
        numbers = {each.name: number for number, each in enumerate(self._stations, start=1)}
        return self._page(
            "index.html.j2",
            View({"cards": cards, "shown": shown, "numbers": numbers, "counts": counts}),
            page="index.html",
            folder=folder,
        )

    def station(self, station: Station) -> str:
        """Returns a station's page."""
        place = self._stations.index(station)
        cards = [card(claim, self._material, self._words) for claim in station.claims]
        view = station.view(self._material, self._words)
        return self._page(
            f"{station.name}.html.j2",
            View(
                {**view.values, "cards": cards, "verdicts": {c.id: c.verdict for c in cards}},
                view.data,
                view.styles,
            ),
            page=file_name(station, place + 1),
            station=station,
            number=place + 1,
            script=scripts.bundle(station.name) if station.live else "",
        )

    def _page(self, template: str, view: View, *, script: str = "", **values: Any) -> str:
        words = self._words
        data = json.dumps(view.data, ensure_ascii=False).replace("<", "\\u003c")
        return self._environment.get_template(template).render(
            {
                "folder": "",
                "station": None,
                "number": 0,
                **values,
                **view.values,
                "t": words,
                "language": words.language,
                "locale": words.locale,
                "languages": LANGUAGES,
                "stations": [
                    (each, file_name(each, n)) for n, each in enumerate(self._stations, start=1)
                ],
                "policy": policy([self._css, *view.styles], [script]),
                "css": Markup(self._css),
                "script": Markup(script),
                "data": Markup(data),
            }
        )
