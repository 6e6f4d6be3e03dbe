"""The records that go with the package: what `verify` and the lecture read of results/.

    python benchmarks/ship.py

writes `src/atalho/claims/records/STUDY.jsonl`: of each study the quantities that decide a claim or are drawn, without raw
samples and without what is known afterwards alone, such as which images were right. No number is changed.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from atalho import record
from atalho.claims.shipped import FOLDER, STUDY
from atalho.record import Record

RESULTS = Path(__file__).parents[1] / "results"
LEFT_OUT = {
    "outcomes",
    "right",
    "interval",
    "quartiles",
    "p90",
    "p99",
    "elements",
    "trial_seconds",
    "bound",
}
WITH_SAMPLES = {"response_std"}  # a value for each layer

ALL = ("0", "1", "10", "100", "end")
MOMENTS = {
    "gradient_norm": ALL,
    "gradient_ratio": ALL,
    "gradient_correlation": ("0", "end"),
    "shortcut_share": ALL,
    "response_std": ("end",),
}
"""Of a diagnosis: the moments at which each quantity is shown."""

Chosen = Callable[[Record], bool]


def _trained(record: Record) -> bool:
    return record.quantity in {"top1", "train_top1", "val_top1", "train_throughput"}


def _diagnosed(record: Record) -> bool:
    if record.quantity == "lesion_top1":  # of one row or none
        return record.conditions["count"] < 2
    of_training = record.quantity in {"top1", "train_throughput"}
    return of_training or record.conditions.get("moment") in MOMENTS.get(record.quantity, ())


def _costs(record: Record) -> bool:
    return record.quantity in {"top1", "latency", "peak_memory"}


STUDIES: Mapping[str, Chosen] = {
    "cifar10-degradation": _trained,
    "cifar10-auxiliary-heads": _trained,
    "cifar10-depth": _diagnosed,
    "cifar10-resnet20-54-epochs": _trained,
    "imagenet-networks": _costs,
}


def shipped(study: str) -> Iterator[Record]:
    """The records of a study that go with the package."""
    for path in sorted((RESULTS / study).rglob("*.jsonl")):
        for each in filter(STUDIES[study], record.read(path)):
            kept = {name: value for name, value in each.conditions.items() if name not in LEFT_OUT}
            samples = each.samples if each.quantity in WITH_SAMPLES else ()
            yield replace(each, conditions={STUDY: study, **kept}, samples=samples)


def main() -> None:
    for study in STUDIES:
        path = FOLDER / f"{study}.jsonl"
        path.unlink(missing_ok=True)
        record.append(path, shipped(study))
        print(f"{path}: {path.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
