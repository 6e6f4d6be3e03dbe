"""What the page says of cross-validated photos, and the curve over their number."""

import pytest

from atalho.page.chart.families import Style
from atalho.page.figures.photos import learning_curve
from atalho.page.words.photos import learning, notes, promise
from atalho.record import Record
from atalho.statistics import with_twice_as_many

COMMON = {"images": 400, "folds": 5, "split": "out-of-fold"}


def of(subject: str, quantity: str, value: float, **conditions: object) -> Record:
    return Record.of(subject, quantity, value, "measured", **COMMON, **conditions)


def curve(subject: str, *errors: float) -> list[Record]:
    return [
        of(subject, "learning_top1", 1 - error, fitted_on=40 * 2**number)
        for number, error in enumerate(errors)
    ]


def test_an_error_that_falls_by_a_power_goes_on_so() -> None:
    falling = [(40.0 * 2**n, 1 - 0.4 * 0.8**n) for n in range(4)]
    assert with_twice_as_many(falling) == pytest.approx(1 - 0.4 * 0.8**4)
    assert with_twice_as_many([(n, 0.7) for n, _ in falling]) == pytest.approx(0.7)
    assert with_twice_as_many([(n, 0.7 - n / 1000) for n, _ in falling]) == pytest.approx(0.38)
    assert with_twice_as_many(falling[:2]) is None
    assert with_twice_as_many([*falling[:3], (320, 1.0)]) is None


def test_what_more_photos_would_bring_is_said() -> None:
    records = curve("deep", 0.4, 0.32, 0.256, 0.2048)
    points = learning([*records, *curve("flat", 0.3, 0.3, 0.3)])
    assert [count for count, _ in points["deep"]] == [40, 80, 160, 320]
    assert promise("deep", points["deep"]).endswith(
        "twice as many photos would bring deep some 4 points more, to about 83.6\u00a0%."
    )
    assert promise("flat", points["flat"]) == (
        "Twice as many photos would bring flat less than half a point."
    )
    assert promise("few", points["deep"][:2]) == ""


def test_a_newer_curve_replaces_an_older_one() -> None:
    records = [*curve("net", 0.4, 0.3, 0.2), *curve("net", 0.5, 0.4, 0.3)]
    assert [accuracy for _, accuracy in learning(records)["net"]] == pytest.approx([0.5, 0.6, 0.7])


def test_the_choice_inside_the_folds_and_the_least_recognised_classes() -> None:
    per_class = {"cat": 0.9, "<b>": 0.5, "dog": 0.7, "owl": 0.8}
    records = [
        of("net", "nested_top1", 0.8, interval=[0.76, 0.84], competitors=["net", "other"]),
        of("net", "balanced_accuracy", 0.725, per_class=per_class),
    ]
    first, second, third = notes(records, "net", {})
    assert "(5 folds); the final ones are fitted on all 400." in first
    assert second.startswith("Choosing among net and other inside the folds gives 80.0\u00a0%")
    assert "least recognised: <b> (50.0\u00a0%), dog (70.0\u00a0%) and owl (80.0\u00a0%)" in third
    assert notes(records, None, {}) == []
    assert len(notes(records, "other", {})) == 0
    assert len(notes(records, "net", {"latency": 0.1})) == 1
    assert notes([], "net", {}) == []


def test_one_network_is_not_chosen() -> None:
    records = [of("net", "nested_top1", 0.8, interval=[0.76, 0.84], competitors=["net"])]
    assert len(notes(records, "net", {})) == 1


def test_a_choice_within_limits_is_of_those_limits() -> None:
    limits = {"latency": 0.1}
    stated = {"interval": [0.76, 0.84], "competitors": ["net", "other"], "limits": limits}
    _, second = notes([of("net", "nested_top1", 0.8, **stated)], "net", limits)
    assert "among net and other, which keep to the limits, inside the folds" in second
    assert notes([of("net", "nested_top1", 0.8, **stated)], "net", {}) == []


def test_records_of_other_people_may_state_anything() -> None:
    records = [of("net", "nested_top1", 0.8), of("net", "balanced_accuracy", 0.7, per_class={})]
    assert notes(records, "net", {}) == []


def test_the_figure_has_a_line_a_network() -> None:
    styles = {name: Style("residual", 20, "#112233", "#445566") for name in ("deep", "other")}
    figure = learning_curve(curve("deep", 0.4, 0.3, 0.2), styles)
    assert figure
    assert figure.words.alternative == "Line chart of 1 networks."
    assert figure.wide.svg
    assert learning_curve([], styles) is None
