"""Failures, in words."""

import pytest

from atalho.page.words import failures
from example_records import failure


@pytest.mark.parametrize(
    ("code", "end"),
    [
        (1, "exit code 1"),
        (-9, "signal 9, SIGKILL"),
        (-11, "signal 11, SIGSEGV"),
        (-33, "signal 33"),
        (-1073741819, "status 0xc0000005"),
    ],
)
def test_a_failure_says_how_it_ended(code: int, end: str) -> None:
    (line,) = failures.listed([failure("vgg16", "latency at batch 64", "out of memory.", code)])
    assert line == f"vgg16, latency at batch 64: out of memory ({end})."


def test_the_newest_failure_of_a_stage_is_said_once() -> None:
    lines = failures.listed(
        [
            failure("a", "cost", "first"),
            failure("a", "cost", "second"),
            failure("a", "memory", "third"),
        ]
    )
    assert lines == [
        "a, cost: second (signal 9, SIGKILL).",
        "a, memory: third (signal 9, SIGKILL).",
    ]
