"""Made-up comparisons, as `atalho compare` would record it; the numbers are nobody's measurement."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from math import exp, log, sqrt
from pathlib import Path
from typing import Any

from atalho import record
from atalho.record import UNITS, Record

MACHINE: dict[str, Any] = {
    "dtype": "float32",
    "engine": "eager",
    "device": "Example EPYC 9000, 2 cores",
    "threads": 2,
    "versions": {"python": "3.11.9", "atalho": "0.1.0", "torch": "2.15.0"},
    "at": "2026-11-22T20:45:00+00:00",
}
IMAGES = 3600
WRONG_IN_ALL = 20
"""Images that every network gets wrong; the others are each one's own."""

#          depth     params         macs  top1 (of 3600)  s/image  MB  epochs  training accuracy at the end
NETWORKS = {
    "plain20": (20, 271_690, 40_400_000, 3553, 0.0021, 21, 30, 0.990),
    "plain32": (32, 466_122, 68_700_000, 3550, 0.0034, 24, 30, 0.979),
    "plain56": (56, 854_986, 125_300_000, 3310, 0.0061, 31, 30, 0.931),
    "resnet20": (20, 272_474, 40_551_050, 3555, 0.0024, 22, 30, 0.995),
    "resnet32": (32, 466_906, 68_862_602, 3558, 0.0037, 26, 30, 0.998),
    "resnet56": (56, 855_770, 125_485_706, 3560, 0.0066, 34, 30, 0.999),
    "googlenet.small": (22, 5_978_677, 262_000_000, 3548, 0.0148, 96, 12, 0.985),
}

#           params        macs       top1 (made up)  s/image  W above idle
ANALYSED = {
    "alexnet": (60_965_224, 724_000_000, 0.571, 0.0118, 10.6),
    "googlenet": (6_998_552, 1_582_000_000, 0.698, 0.0172, 11.9),
    "resnet18": (11_689_512, 1_814_000_000, 0.697, 0.0181, 11.4),
    "resnet34": (21_797_672, 3_664_000_000, 0.733, 0.0334, 11.8),
    "resnet50": (25_557_032, 3_858_000_000, 0.761, 0.0402, 12.3),
    "vgg16": (138_357_544, 15_470_000_000, 0.716, 0.1310, 12.6),
}
BATCHES = (1, 2, 4, 8, 16, 32, 64)


def wilson(right: int, images: int) -> list[float]:
    p, z = right / images, 1.959964
    centre, spread = (
        p + z**2 / (2 * images),
        z * sqrt(p * (1 - p) / images + z**2 / (4 * images**2)),
    )
    scale = 1 + z**2 / images
    return [(centre - spread) / scale, (centre + spread) / scale]


def answers(name: str) -> str:
    """Which images an example's network classifies correctly, as a record's condition `right`."""
    wrong = IMAGES - NETWORKS[name][3] - WRONG_IN_ALL
    begin = WRONG_IN_ALL + 300 * list(NETWORKS).index(name)
    return bits([*range(WRONG_IN_ALL), *range(begin, begin + wrong)])


def bits(wrong: Iterable[int], images: int = IMAGES) -> str:
    """All images but these as a record's condition `right`."""
    packed = bytearray(b"\xff" * (-(-images // 8)))
    for place in [*wrong, *range(images, 8 * len(packed))]:
        packed[place // 8] &= ~(0x80 >> place % 8)
    return b64encode(packed).decode()


def example(names: Iterable[str] = tuple(NETWORKS), *, seed: int = 0) -> list[Record]:
    """All records of the networks named: cost, accuracy, speed, memory, training curves."""
    return [record for name in names for record in _network(name, seed)]


def analysed(
    names: Iterable[str] = tuple(ANALYSED),
    *,
    batches: Iterable[int] = BATCHES,
    sensor: bool = True,
    slower: float = 1.0,
    **machine: Any,
) -> list[Record]:
    """A comparison without training: cost, speed, memory and energy by batch size, ImageNet accuracy cited.

    Args:
        sensor: whether power and energy were measured.
        slower: times as long as on the machine of `MACHINE`.
        machine: conditions that take the place of `MACHINE`'s.
    """
    given = {"input": [3, 224, 224], **MACHINE, **machine}
    return [r for name in names for r in _analysed(name, batches, sensor, slower, given)]


def foreign(
    subject: str,
    quantity: str,
    value: float,
    samples: Iterable[float] = (),
    **conditions: Any,
) -> Record:
    """A record as somebody else's file may hold it: its conditions may be anything."""
    return Record(subject, quantity, value, UNITS[quantity], "measured", conditions, tuple(samples))


def failure(name: str, stage: str, cause: str, code: int = -9) -> Record:
    """What is recorded where a process did not come to its end."""
    return Record.of(name, "failure", code, "measured", stage=stage, cause=cause, **MACHINE)


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


def as_if_measured(file: Path, **conditions: Any) -> None:
    """Rewrites a file of records as if they were taken under other conditions, where they state them."""
    found = [
        replace(
            each,
            conditions={
                **each.conditions,
                **{name: v for name, v in conditions.items() if name in each.conditions},
            },
        )
        for each in record.read(file)
    ]
    file.write_text("".join(f"{each.to_json()}\n" for each in found))


def without(records: Iterable[Record], quantity: str, subject: str | None = None) -> list[Record]:
    return [
        r
        for r in records
        if r.quantity != quantity or (subject is not None and r.subject != subject)
    ]


def _analysed(
    name: str, batches: Iterable[int], sensor: bool, slower: float, given: Mapping[str, Any]
) -> Iterator[Record]:
    params, macs, top1, seconds, watts = ANALYSED[name]
    shape = {"input": [3, 224, 224], "num_classes": 1000}
    yield Record.of(name, "params", params, "computed", **shape)
    yield Record.of(name, "macs", macs, "computed", **shape)
    yield Record.of(
        *(name, "top1", top1, "cited"),
        data="imagenet",
        split="val",
        protocol="one central crop",
        reference="A. N. Example 2026, Table 1",
    )
    for batch in batches:
        # A fixed part for each batch, then a part for each image, worse again where the cache is full.
        taken = slower * seconds * (0.35 + 0.65 * batch) * (1 + 0.02 * max(0, batch - 16) / 16)
        own = {**given, "batch": batch}
        timed = {**own, "protocol": "median of 50"}
        samples = [taken * (0.98 + 0.001 * i) for i in range(41)]
        quartiles = [0.99 * taken, 1.01 * taken]
        yield Record.of(name, "latency", taken, "measured", samples, **timed, quartiles=quartiles)
        yield Record.of(name, "throughput", batch / taken, "measured", **timed)
        used = 40e6 + 4.2 * params + batch * (2.5e6 + macs / 600)
        yield Record.of(name, "peak_memory", used, "measured", **own, protocol="high water")
        if sensor:
            drawn = watts * (0.9 + 0.1 * min(batch, 8) / 8)
            sensed = {**own, "sensor": "NVML via zeus", "protocol": "mean over 10 s"}
            yield Record.of(name, "power", drawn, "measured", **sensed)
            yield Record.of(name, "energy", drawn * taken / batch, "measured", **sensed)


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
        "split": "val",
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
            name,
            "top1",
            right / IMAGES,
            "measured",
            **tested,
            interval=wilson(right, IMAGES),
            right=answers(name),
        ),
        Record.of(
            name,
            "top5",
            (right + 3) / IMAGES,
            "measured",
            **tested,
            interval=wilson(right + 3, IMAGES),
        ),
        Record.of(name, "loss", 3 * (1 - right / IMAGES), "measured", **tested, guessing=log(10)),
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


def renamed(records: Iterable[Record], name: str) -> list[Record]:
    """The records as if they were of another network."""
    return [
        Record(name, r.quantity, r.value, r.unit, r.provenance, r.conditions, r.samples)
        for r in records
    ]
