"""A made-up comparison, as `atalho compare` would record it; the numbers are nobody's measurement."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import exp, sqrt
from typing import Any

from atalho.record import Record

MACHINE: dict[str, Any] = {
    "dtype": "float32",
    "engine": "eager",
    "device": "Example EPYC 9000, 2 cores",
    "threads": 2,
    "versions": {"python": "3.11.9", "atalho": "0.1.0", "torch": "2.15.0"},
    "at": "2026-11-22T20:45:00+00:00",
}
IMAGES = 360

#          depth     params         macs  top1 (of 360)  s/image  MB  epochs  training accuracy at the end
NETWORKS = {
    "plain20": (20, 271_690, 40_400_000, 352, 0.0021, 21, 30, 0.990),
    "plain32": (32, 466_122, 68_700_000, 349, 0.0034, 24, 30, 0.979),
    "plain56": (56, 854_986, 125_300_000, 331, 0.0061, 31, 30, 0.931),
    "resnet20": (20, 272_474, 40_551_050, 354, 0.0024, 22, 30, 0.995),
    "resnet32": (32, 466_906, 68_862_602, 355, 0.0037, 26, 30, 0.998),
    "resnet56": (56, 855_770, 125_485_706, 356, 0.0066, 34, 30, 0.999),
    "googlenet.small": (22, 5_978_677, 262_000_000, 350, 0.0148, 96, 12, 0.985),
}


def wilson(right: int, images: int) -> list[float]:
    p, z = right / images, 1.959964
    centre, spread = (
        p + z**2 / (2 * images),
        z * sqrt(p * (1 - p) / images + z**2 / (4 * images**2)),
    )
    scale = 1 + z**2 / images
    return [(centre - spread) / scale, (centre + spread) / scale]


def example(names: Iterable[str] = tuple(NETWORKS), *, seed: int = 0) -> list[Record]:
    """All records of the networks named: cost, accuracy, speed, memory, training curves."""
    return [record for name in names for record in _network(name, seed)]


def changed(
    records: Iterable[Record],
    subject: str,
    quantity: str,
    value: float | None = None,
    **conditions: Any,
) -> list[Record]:
    """The same records, those of one network's quantity with another value or other conditions."""
    return [
        replace(
            record,
            value=record.value if value is None else value,
            conditions={**record.conditions, **conditions},
        )
        if (record.subject, record.quantity) == (subject, quantity)
        else record
        for record in records
    ]


def without(records: Iterable[Record], quantity: str, subject: str | None = None) -> list[Record]:
    return [
        r
        for r in records
        if r.quantity != quantity or (subject is not None and r.subject != subject)
    ]


def _network(name: str, seed: int) -> list[Record]:
    depth, params, macs, right, seconds, megabytes, epochs, end = NETWORKS[name]
    shape = {"input": [3, 32, 32], "num_classes": 10, "depth": depth}
    run = {
        "data": "digits",
        "seed": seed,
        "recipe": "quick",
        "steps": 20 * epochs,
        "epochs": float(epochs),
    }
    tested = {
        **run,
        **MACHINE,
        "split": "test",
        "images": IMAGES,
        "batch": 500,
        "weights": f"sha256:{name}{seed}",
        "protocol": "single view, no augmentation",
    }
    found = [
        Record.of(name, "params", params, "computed", **shape),
        Record.of(name, "macs", macs, "computed", **shape),
        Record.of(name, "activations", macs // 100, "computed", **shape),
        Record.of(
            name, "top1", right / IMAGES, "measured", **tested, interval=wilson(right, IMAGES)
        ),
        Record.of(
            name,
            "top5",
            (right + 3) / IMAGES,
            "measured",
            **tested,
            interval=wilson(right + 3, IMAGES),
        ),
        Record.of(name, "loss", 3 * (1 - right / IMAGES), "measured", **tested),
        Record.of(name, "train_time", 600 * seconds * epochs, "measured", **run, **MACHINE),
    ]
    for batch in (1, 8, 64):
        # Larger batches make better use of the machine.
        taken = seconds * batch * (0.4 + 0.6 / batch)
        given = {"input": [3, 32, 32], "batch": batch, "protocol": "median of 50", **MACHINE}
        samples = [taken * (0.98 + 0.001 * i) for i in range(41)]
        quartiles = [0.99 * taken, 1.01 * taken]
        found += [
            Record.of(name, "latency", taken, "measured", samples, **given, quartiles=quartiles),
            Record.of(name, "throughput", batch / taken, "measured", **given),
            Record.of(name, "peak_memory", megabytes * 1e6 + batch * 4e5, "measured", **given),
        ]
    for step in range(1, epochs + 1):
        way = 1 - exp(-6 * step / epochs)
        wiggle = 0.01 * ((step * 7919) % 11 - 5) / 5 * (1 - step / epochs)
        at = {**run, "step": 20 * step, "epoch": float(step)}
        top1 = min(1.0, 0.1 + (end - 0.1) * way / (1 - exp(-6)) + wiggle)
        found += _point(name, "train", top1, at)
        found += _point(name, "val", min(1.0, top1 - 0.006 + wiggle), at)
    return found


def _point(name: str, part: str, top1: float, at: Mapping[str, Any]) -> list[Record]:
    return [
        Record.of(name, f"{part}_loss", 2.5 * (1 - top1) + 0.004, "measured", **at),
        Record.of(name, f"{part}_top1", top1, "measured", **at),
    ]
