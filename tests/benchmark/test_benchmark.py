"""Latency, memory and failures of networks in processes of their own, as far as a noisy machine lets anything be asserted."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import pytest

from atalho import networks
from atalho.benchmark import busy, energy, latency, sensor
from atalho.benchmark.bench import Bench
from atalho.benchmark.entry import Entry
from atalho.benchmark.system import System
from atalho.engines import Backend
from atalho.engines.choosing import EngineRequest
from atalho.engines.engine import Placement
from atalho.grammar.cost import totals
from atalho.networks import subjects
from atalho.ranking import comparison
from atalho.record import Record
from atalho.runtime.device import Device
from atalho.tasks import carry_out

EAGER = EngineRequest("eager", None, Placement(Device("cpu", 1)), 1)

MODULES = """
import os, time
import torch
from torch import nn

class Sleeper(nn.Module):
    '''Takes 20 ms an image.'''

    def __init__(self, num_classes):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(num_classes))

    def forward(self, x):
        time.sleep(0.02 * len(x))
        return x.mean((1, 2, 3))[:, None] * self.scale

class Mortal(Sleeper):
    '''Is killed by four images.'''

    def forward(self, x):
        if len(x) == 4:
            os.kill(os.getpid(), 9)
        return super().forward(x)

def sleeper(num_classes=3):
    return Sleeper(num_classes)

def mortal(num_classes=3):
    return Mortal(num_classes)
"""


def measured(folder: Path, names: Sequence[str], batches: Sequence[int]) -> list[Record]:
    """All records of some networks of 3×4×4 images."""
    entries = [
        Entry.untrained(subjects.get(name, input=(3, 4, 4), num_classes=3)) for name in names
    ]
    said: list[str] = []
    with Bench(EAGER, folder / "engines", said.append) as room:
        return carry_out([*room.steps(entries, batches)], folder / "records", said.append)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    folder = tmp_path_factory.mktemp("bench")
    (folder / "modules.py").write_text(MODULES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latency, "SAMPLES", 9)
        names = [f"{folder / 'modules.py'}:{name}" for name in ("sleeper", "mortal")]
        return measured(folder, names, [2, 4])


def of(found: Sequence[Record], name: str, quantity: str, batch: int) -> Record:
    (each,) = (
        r
        for r in found
        if r.subject.endswith(name)
        and r.quantity == quantity
        and r.conditions.get("batch") == batch
    )
    return each


def test_latency_is_what_a_forward_pass_takes(found: list[Record]) -> None:
    for batch in (2, 4):
        timed = of(found, "sleeper", "latency", batch)
        assert 0.02 * batch <= timed.value < 0.02 * batch + 0.02
        assert len(timed.samples) >= 9
        assert timed.value == median(timed.samples)
        first, third = timed.conditions["quartiles"]
        spread = [first, timed.value, third, timed.conditions["p90"], timed.conditions["p99"]]
        assert spread == sorted(spread)
        assert min(timed.samples) <= first
        assert timed.conditions["p99"] <= max(timed.samples)
        throughput = of(found, "sleeper", "throughput", batch)
        assert throughput.value == pytest.approx(batch / timed.value)
        assert timed.conditions["threads"] == 1


def test_a_network_that_is_killed_is_a_record_and_the_rest_go_on(found: list[Record]) -> None:
    failures = [each for each in found if each.quantity == "failure"]
    assert {each.conditions["stage"] for each in failures} == {
        "memory at batch 4",
        "latency at batch 4",
    }
    for each in failures:
        assert each.subject.endswith("mortal")
        assert each.value == -9
        assert "out of memory" in each.conditions["cause"]
    assert of(found, "mortal", "latency", 2).value >= 0.04
    assert of(found, "sleeper", "latency", 4).value >= 0.08


@pytest.mark.parametrize("engine", ["eager", "auto"])
def test_a_network_that_cannot_run_at_all_is_a_record(engine: str, tmp_path: Path) -> None:
    elsewhere = f"os.getpid() != {os.getpid()}"  # its costs are counted in this process
    (tmp_path / "modules.py").write_text(MODULES.replace("len(x) == 4", elsewhere))
    network = subjects.get(f"{tmp_path / 'modules.py'}:mortal", input=(3, 4, 4), num_classes=3)
    request = EngineRequest(engine, None, Placement(Device("cpu", 1)), 1)
    with Bench(request, tmp_path / "engines", print) as room:
        found = carry_out([*room.steps([Entry.untrained(network)], [1])], tmp_path / "r", print)
    stages = {each.conditions["stage"] for each in found if each.quantity == "failure"}
    assert stages >= {"memory at batch 1", "latency at batch 1"}
    assert ("engine" in stages) == (engine == "auto")
    assert "latency" not in {each.quantity for each in found}


def test_memory_holds_the_weights_and_grows_with_the_batch(tmp_path: Path) -> None:
    network = networks.get("alexnet")
    weights = 4 * totals(network).params
    with Bench(EAGER, tmp_path / "engines", print) as room:
        steps = [
            step
            for step in room.steps([Entry.untrained(network)], [1, 64])
            if "latency" not in step.name
        ]
        found = carry_out(steps, tmp_path / "records", print)
    small, large = (of(found, "alexnet", "peak_memory", batch) for batch in (1, 64))
    assert weights < small.value < 1.5 * weights
    # The largest map alone, conv1's 96×55×55, is written and read at once.
    assert large.value - small.value > 63 * 4 * 96 * 55 * 55 / 2
    (size,) = (each for each in found if each.quantity == "size")
    assert weights < size.value < 1.01 * weights


def test_a_busy_machine_is_noticed() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as other:
        time.sleep(0.3)
        begun = busy.moment()
        time.sleep(1)
        ended = busy.moment()
        other.kill()
    assert busy.other_cores(begun, ended) > 3 * busy.MOST_OTHER_CORES


def test_own_work_is_not_somebody_elses() -> None:
    begun = busy.Moment(wall=10, everybody=100, own=5)
    assert busy.other_cores(begun, busy.Moment(wall=12, everybody=104, own=9)) == 0
    assert busy.other_cores(begun, busy.Moment(wall=12, everybody=105, own=8)) == 1


def test_busy_turns_are_taken_again_and_said_where_they_never_end() -> None:
    samples = latency.Samples()
    samples.add([0.5] * 4, other_cores=0.9)
    assert not samples.complete
    samples.add([0.1] * 60, other_cores=0.02)
    assert samples.complete
    assert samples.samples == [0.1] * 60
    assert samples.noise == ""
    samples = latency.Samples()
    for _ in range(latency.RETAKEN):
        assert not samples.complete
        samples.add([0.001], other_cores=0.9)
    assert samples.complete
    assert samples.samples == [0.001] * latency.RETAKEN
    assert samples.noise == "other processes kept 0.9 cores busy"


def test_a_drift_is_said() -> None:
    samples = latency.Samples()
    samples.add([0.1] * 30 + [0.12] * 30, other_cores=0)
    assert samples.noise == "the time drifted by +20 % between the first and the second half"


class Hot:
    """A process whose network is slower and slower for its first turns."""

    def __init__(self, turns: int) -> None:
        self.turns = turns
        self.asked = 0

    def ask(self, message: dict[str, object]) -> dict[str, object]:
        if message["measure"] == "warm":
            return {}
        self.asked += 1
        samples = [0.1] * 25 + ([0.2] if self.asked <= self.turns else [0.1]) * 25
        return {"samples": samples, "other_cores": 0.0}


@pytest.mark.parametrize(("turns", "noisy"), [(0, False), (2, False), (9, True)])
def test_a_network_whose_time_drifts_is_measured_again(turns: int, noisy: bool) -> None:
    backend, placement = Backend("eager", "float32"), Placement(Device("cpu", 1))
    system = System("resnet20", Path("unused"), (3, 32, 32), backend, placement)
    process = Hot(turns)
    found = latency.records({"resnet20": process}, [system], 1)["resnet20"]  # type: ignore[dict-item]
    assert isinstance(found, list)
    timed, _ = found
    assert timed.conditions.get("noisy", False) == noisy
    assert process.asked == min(turns, latency.ATTEMPTS - 1) + 1


class Monitor:
    """zeus' ZeusMonitor as a meter of 5 W at rest and 25 W at work."""

    watts = iter((5.0, 25.0))

    def begin_window(self, key: str, *, sync_execution: bool) -> None:
        self.begun = time.perf_counter()

    def end_window(self, key: str, *, sync_execution: bool) -> "Window":
        seconds = time.perf_counter() - self.begun
        return Window(seconds, next(self.watts) * seconds)


class Window:
    def __init__(self, seconds: float, joules: float) -> None:
        self.time = seconds
        self.joules = joules


def test_energy_is_above_what_the_machine_takes_at_rest() -> None:
    meter = sensor.Sensor("a meter", Monitor(), lambda window: window.joules)
    rest, work = (meter.joules(lambda: time.sleep(0.05)) for _ in range(2))
    assert rest.joules / rest.seconds == pytest.approx(5)
    assert work.joules / work.seconds == pytest.approx(25)

    class Process:
        def ask(self, message: dict[str, object]) -> dict[str, object]:
            assert (message["measure"], message["batch"]) == ("energy", 4)
            return {"sensor": "a meter", "idle": 5.0, "joules": 75.0, "seconds": 3.0, "images": 120}

    class System:
        name = "resnet20"

        def record_conditions(self) -> dict[str, object]:
            return {"engine": "eager"}

    spent, watts = energy.records(Process(), System(), 4)  # type: ignore[arg-type]
    assert watts.value == 20
    assert spent.value == pytest.approx(20 * 3 / 120)
    assert spent.conditions["sensor"] == "a meter"


def test_a_machine_without_a_sensor_says_why() -> None:
    found = sensor.sensor(Device("cpu", 1))
    if not isinstance(found, str):
        pytest.skip("this machine has a sensor")
    assert "zeus" in found


FAILING = """
import os, pathlib
from torch import nn

class Failing(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.scale = nn.Linear(1, num_classes)

    def forward(self, x):
        if len(x) == 4:
            with (pathlib.Path(__file__).parent / "tries").open("a") as tries:
                tries.write("x")
            HERE
        return self.scale(x.mean((1, 2, 3))[:, None])

def make(num_classes=3):
    return Failing(num_classes)
"""


@pytest.mark.parametrize(
    ("ends", "code", "again"),
    [
        ("os.kill(os.getpid(), 9)", -9, True),
        ("raise MemoryError('no room')", 6, True),
        ('raise RuntimeError("DefaultCPUAllocator: can\'t allocate memory")', 6, True),
        ("raise ValueError('four is too many')", 1, False),
    ],
)
def test_a_failure_is_tried_again_where_it_may_pass(
    ends: str, code: int, again: bool, tmp_path: Path
) -> None:
    file, tries = tmp_path / "modules.py", tmp_path / "tries"

    def measure() -> list[Record]:
        network = subjects.get(f"{file}:make", input=(3, 4, 4), num_classes=3)
        with Bench(EAGER, tmp_path / "engines", print) as room:
            steps = [*room.steps([Entry.untrained(network)], [4])]
            memory = [step for step in steps if step.name == "memory at batch 4"]
            return carry_out(memory, tmp_path / "records", print)

    file.write_text(FAILING.replace("HERE", ends))
    first = measure()
    assert [(r.quantity, r.value, r.conditions["missing"]) for r in first] == [
        ("failure", code, "peak_memory")
    ]
    assert comparison(first).failures == tuple(first)
    measure()
    assert len(tries.read_text()) == 1 + again
    file.write_text(FAILING.replace("HERE", "pass"))  # another network: its code has changed
    mended = measure()
    assert mended[-1].quantity == "peak_memory"


def test_a_failure_that_a_later_call_mended_is_not_shown(found: list[Record]) -> None:
    (killed,) = (r for r in found if r.conditions.get("stage") == "latency at batch 4")
    stated = {k: v for k, v in killed.conditions.items() if k not in ("stage", "cause", "missing")}
    late = Record.of(killed.subject, "latency", 0.1, "measured", **stated)
    other = Record.of(killed.subject, "latency", 0.1, "measured", **{**stated, "batch": 2})
    assert killed in comparison(found).failures
    assert killed in comparison([late, *found, other]).failures
    assert killed not in comparison([*found, late]).failures
