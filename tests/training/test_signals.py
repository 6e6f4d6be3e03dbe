"""How often processes ask one another whether a signal has come."""

import time

import torch

from atalho.runtime.world import ALONE
from atalho.training.signals import Meetings

CPU = torch.device("cpu")


def test_processors_ask_after_every_step() -> None:
    meetings = Meetings(ALONE, CPU, 7, every=0.0)
    assert [meetings.any(step == 9, step) for step in (8, 9, 10)] == [False, True, False]


def test_others_ask_by_the_time_that_their_steps_take() -> None:
    meetings = Meetings(ALONE, CPU, 0, every=0.2)
    waited, met = time.monotonic(), []
    for step in range(1, 100):
        time.sleep(0.01)
        if meetings.any(True, step):
            met.append(time.monotonic() - waited)
            waited = time.monotonic()
    assert 3 <= len(met) <= 10
    assert max(met) < 0.5  # however slow the machine is
