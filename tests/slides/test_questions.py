"""Questions with changed numbers: the answers that the page computes are Python's, and two exams differ."""

from pathlib import Path
from random import Random

import pytest

from atalho.claims import CLAIMS
from atalho.slides.questions import KINDS, asked
from javascript import ENGINE, values

needs_engine = pytest.mark.skipif(ENGINE is None, reason="neither node nor Chromium here")


@needs_engine
def test_the_answers_are_pythons_on_a_thousand_exams(tmp_path: Path) -> None:
    random = Random(0)
    own = [question for _ in range(1000) for question in asked(random)]
    others = values("asking", [("answer", [name, numbers]) for name, numbers, _ in own], tmp_path)
    for (name, numbers, answer), other in zip(own, others, strict=True):
        assert other == pytest.approx(answer, rel=1e-12), (name, numbers)


@needs_engine
def test_an_exam_follows_from_its_number_and_keeps_to_the_ranges(tmp_path: Path) -> None:
    kinds = {name: {"ranges": kind.ranges} for name, kind in KINDS.items()}
    seeds = [*range(200), 7]
    exams = values("asking", [("questions", [seed, kinds]) for seed in seeds], tmp_path)
    assert exams[7] == exams[-1]
    assert len({str(exam) for exam in exams}) == 200
    for exam in exams:
        assert [question["kind"] for question in exam] == list(KINDS)
        for question in exam:
            for name, (least, most, step) in KINDS[question["kind"]].ranges.items():
                value = question["numbers"][name]
                assert least <= value <= most
                assert (value - least) % step == 0


@needs_engine
def test_an_answer_counts_within_one_in_a_hundred(tmp_path: Path) -> None:
    calls = [("right", [given, 1000]) for given in (1000, 1009, 991, 1011, 989, 0)]
    assert values("asking", calls, tmp_path) == [True, True, True, False, False, False]


@needs_engine
@pytest.mark.parametrize(
    ("text", "separator", "number"),
    [
        ("1.234,5", ",", 1234.5),
        ("1.234", ",", 1234),
        ("21,43", ",", 21.43),
        ("21.43", ",", 21.43),
        ("6.422.528", ",", 6_422_528),
        ("6422528", ",", 6_422_528),
        ("6 422 528", ",", 6_422_528),
        ("1,234.5", ".", 1234.5),
        ("1,234", ".", 1234),
        ("21,43", ".", 21.43),
        ("", ",", None),
        ("many", ",", None),
        ("1.2.3", ",", None),
    ],
)
def test_numbers_are_read_as_people_write_them(
    text: str, separator: str, number: float | None, tmp_path: Path
) -> None:
    assert values("asking", [("typed", [text, separator])], tmp_path) == [number]


def test_every_kind_is_made_from_a_claim() -> None:
    assert {kind.claim for kind in KINDS.values()} <= set(CLAIMS)
