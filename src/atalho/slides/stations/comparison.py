"""Comparative analysis: Canziani's figures from records, and a budget that chooses among the networks."""

from typing import Any

from atalho.conditions import CONDITIONS, OF_EVERY_ENGINE
from atalho.ranking import comparison
from atalho.selection import MAY_DIFFER
from atalho.slides.canziani import Figures, networks
from atalho.slides.charts import PALETTE, drawn
from atalho.slides.lecture import Material, Station, View
from atalho.slides.words import Words


def rules() -> dict[str, Any]:
    """Returns, for the script, which conditions of two records must agree for these to be ranked together.

    `ignored` never need to; `own` not in a record that states the condition beside it; `content` not where the checksum is
    stated; versions of other packages than `packages` not where each network's engine was chosen.
    """
    return {
        "ignored": [name for name, each in CONDITIONS.items() if each.owner in MAY_DIFFER],
        "own": {name: each.own_with for name, each in CONDITIONS.items() if each.own_with},
        "content": {name: each.content for name, each in CONDITIONS.items() if each.content},
        "packages": sorted(OF_EVERY_ENGINE),
    }


def view(material: Material, words: Words) -> View:
    """Returns the figures that the records bear, and the networks for the budget."""
    records = material.sufficient(lambda own: networks(comparison(own), own))
    compared = comparison(records)
    rows = networks(compared, records)
    measured = compared.conditions["latency"]
    return View(
        values={
            "figures": {
                name: drawn(chart, name, words) for name, chart in Figures(rows, words).charts()
            },
            "rows": rows,
            "device": measured.get("device", "–"),
            "threads": measured.get("threads", "–"),
            "any_power": any(row.power for row in rows),
            "any_cited": any(row.cited for row in rows),
        },
        data={
            "words": words.tree("comparison.live"),
            "rows": [
                {
                    "network": row.name,
                    "top1": row.top1,
                    "latency": row.latency.get(1),
                    "peak_memory": row.memory.get(1),
                    "params": row.params,
                }
                for row in rows
            ],
            "palette": list(PALETTE),
            "rules": rules(),
        },
    )


STATION = Station(
    "comparison",
    view,
    claims=("L66", "C2", "C4", "C8", "C9", "C11", "C13", "C14", "C16", "C17", "C18"),
)
