"""A model card for the Hugging Face Hub, made from a network and the records of its run: YAML for programs, then Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from atalho.errors import printable
from atalho.grammar.network import Network
from atalho.grammar.shape import text
from atalho.networks import subjects
from atalho.record import Record
from atalho.weights.trained import Trained

ACCURACIES = {"top1": "top-1 accuracy", "top5": "top-5 accuracy"}
SHOWN = 20  # classes


def card(trained: Trained, records: Sequence[Record], reading: Sequence[str]) -> str:
    """The text of README.md.

    Args:
        records: of the network's run; the card has no accuracy that is not among them.
        reading: the lines that load the folder, of a shell or of Python.
    """
    front = yaml.safe_dump(_metadata(trained, records), sort_keys=False, allow_unicode=True)
    return f"---\n{front}---\n\n" + "\n\n".join(_sections(trained, records, reading)) + "\n"


def _metadata(trained: Trained, records: Sequence[Record]) -> dict[str, Any]:
    """What the Hub reads: the task, and the accuracies with the data that they are of."""
    results = []
    tested = _tested(records)
    for data, split in dict.fromkeys(map(_measured_on, tested)):
        metrics = [
            {"type": "accuracy", "name": ACCURACIES[each.quantity], "value": each.value}
            for each in tested
            if _measured_on(each) == (data, split)
        ]
        dataset = {"name": data, "type": data, "split": split}
        task = {"type": "image-classification"}
        results.append({"task": task, "dataset": dataset, "metrics": metrics})
    index = [{"name": trained.network.name, "results": results}]
    return {
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "atalho"],
        **({"model-index": index} if results else {}),
    }


def _measured_on(record: Record) -> tuple[str, str]:
    return record.conditions["data"], record.conditions["split"]


def _sections(trained: Trained, records: Sequence[Record], reading: Sequence[str]) -> Iterator[str]:
    network = trained.network
    yield f"# {_plain(network.name)}"
    if isinstance(network, Network):
        changes = f" It differs: {_plain(network.changes)}." if network.changes else ""
        yield f"After {_plain(network.source)}.{changes}"
    yield "```\n" + "\n".join(map(printable, reading)) + "\n```"
    costs = subjects.costs(network)
    channels, *_ = network.input
    rows = {
        "image": f"{text(network.input)}, {'grey' if channels == 1 else 'RGB'}",
        "resized": f"to {text(trained.framing.covered[::-1])}, {trained.framing.crop_mode}, {trained.framing.interpolation}",
        "classes": f"{len(trained.classes)}: {_classes(trained)}",
        "parameters": f"{costs['params']:,}",
        "multiply-accumulates": f"{costs['macs']:,}",
        "SHA-256 of the weights that were tested": f"`{trained.weights}`",
    }
    yield _table(rows)
    yield "## Accuracy"
    tested = _tested(records)
    if not tested:
        yield "Not among the records that came with these weights, and so not stated."
        return
    yield "\n".join(_accuracies(tested))
    yield "## Training"
    yield _table(_training(tested[0].conditions))
    yield "Written by atalho from the records of the run, which are in `records.jsonl`."


def _tested(records: Sequence[Record]) -> list[Record]:
    """The accuracies that were measured on a split."""
    return [
        each
        for each in records
        if each.quantity in ACCURACIES
        and each.provenance == "measured"
        and {"data", "split", "images"} <= each.conditions.keys()
    ]


def _accuracies(tested: Sequence[Record]) -> Iterator[str]:
    yield "| | value | 95 % interval | measured on |"
    yield "|---|---|---|---|"
    for each in tested:
        given = each.conditions
        low, high = given.get("interval", (None, None))
        interval = "" if low is None else f"{100 * low:.2f} to {100 * high:.2f} %"
        data = f"{given['images']:,} images of {_plain(given['data'])}, {_plain(given['split'])}"
        yield f"| {ACCURACIES[each.quantity]} | {100 * each.value:.2f} % | {interval} | {data} |"


def _training(given: Mapping[str, Any]) -> dict[str, str]:
    """How the run was trained, as far as its records say it."""
    versions = ", ".join(f"{name} {number}" for name, number in given.get("versions", {}).items())
    stated = {
        "data": f"{given['data']} ({given.get('trained_on', 'train')})",
        "SHA-256 of the data": str(given.get("data_checksum", "")).removeprefix("sha256:"),
        "recipe": f"{given['recipe']}, {given['steps']:,} steps" if "steps" in given else "",
        "seed": given.get("seed", ""),
        "precision": given.get("dtype", ""),
        "device": given.get("device", ""),
        "versions": versions,
        "finished": given.get("at", ""),
    }
    return {name: _plain(value) for name, value in stated.items() if value != ""}


def _table(rows: Mapping[str, str]) -> str:
    lines = [
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in rows.items()),
    ]
    return "\n".join(lines)


def _classes(trained: Trained) -> str:
    names = [_plain(name) for name in trained.classes.values()]
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f", and {more} more" if more > 0 else "")


def _plain(value: object) -> str:
    """Text that is no Markdown and no HTML, whatever a folder or a class is called."""
    marked = str.maketrans({c: f"&#{ord(c)};" for c in "\\`*_[]<>|&#~"})
    return printable(value).translate(marked)
