"""Records → training curves."""

from atalho.page.curves import MOST_POINTS, curves, thinned
from atalho.record import Record
from example_records import example


def test_curves_are_in_order_and_the_newest_run_counts() -> None:
    shuffled = sorted(example(["resnet20"]), key=lambda r: str(r.conditions.get("epoch")))
    (curve,) = curves(shuffled)
    epochs = [epoch for epoch, _ in curve.points["train_top1"]]
    assert epochs == [float(e) for e in range(1, 31)]
    longer = [
        Record.of(
            "resnet20",
            "train_top1",
            0.7,
            "measured",
            seed=0,
            data="digits",
            recipe="quick",
            epochs=90.0,
            epoch=90.0,
        )
    ]
    (curve,) = curves([*example(["resnet20"]), *longer])
    assert curve.points == {"train_top1": ((90.0, 0.7),)}


def test_long_curves_are_thinned_and_keep_their_end() -> None:
    points = tuple((float(i), i / 10) for i in range(10_000))
    kept = thinned(points)
    assert MOST_POINTS / 2 < len(kept) <= MOST_POINTS
    assert kept[-1] == points[-1]
    assert set(kept) <= set(points)
    assert thinned(points[:7]) == points[:7]
