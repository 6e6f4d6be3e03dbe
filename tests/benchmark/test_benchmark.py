"""Latency, memory and failures of networks in processes of their own, as far as a noisy machine lets anything be asserted."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import psutil
import pytest

from atalho import networks
from atalho.benchmark import busy, child, energy, latency, pool, sensor, turns, warming
from atalho.benchmark.bench import Bench
from atalho.benchmark.entry import Entry
from atalho.benchmark.system import System
from atalho.benchmark.turns import Plan, Turns
from atalho.benchmark.workload import PhotoFiles, Workload
from atalho.engines import Backend, engine_config
from atalho.engines.choosing import EngineRequest
from atalho.engines.engine import Placement
from atalho.grammar.cost import totals
from atalho.networks import subjects
from atalho.page.words import conditions
from atalho.ranking import comparison
from atalho.record import Record
from atalho.runtime.child import Ended
from atalho.runtime.device import Device
from atalho.tasks import carry_out
from small_networks import MODULES

EAGER = EngineRequest("eager", None, Placement(Device("cpu", 1)), 1)


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
        patch.setattr(latency, "PLAN", Plan("time", turns=2, runs=9))
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
        assert timed.conditions["runs"] >= len(timed.samples)
        assert timed.value == pytest.approx(median(timed.samples), rel=0.2)
        first, third = timed.conditions["quartiles"]
        spread = [first, timed.value, third, timed.conditions["p90"], timed.conditions["p99"]]
        assert spread == sorted(spread)
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
    small, large = (of(found, "alexnet", "added_memory", batch) for batch in (1, 64))
    assert weights < small.value < 1.5 * weights
    # The largest map alone, conv1's 96×55×55, is written and read at once.
    assert large.value - small.value > 63 * 4 * 96 * 55 * 55 / 2
    whole = of(found, "alexnet", "peak_memory", 64)
    assert whole.value >= large.value + large.conditions["left_out"]
    assert large.conditions["left_out"] > 50e6  # Python with torch
    (size,) = (each for each in found if each.quantity == "size")
    assert weights < size.value < 1.01 * weights


def test_a_busy_machine_is_noticed() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as other:
        time.sleep(0.3)
        begun = busy.moment()
        time.sleep(1)
        ended = busy.moment()
        other.kill()
    assert busy.other_cores(begun, ended) > 3 * busy.MOST_OTHER_SHARE


def test_own_work_is_not_somebody_elses() -> None:
    begun = busy.Moment(wall=10, everybody=100, own=5)
    assert busy.other_cores(begun, busy.Moment(wall=12, everybody=104, own=9)) == 0
    others = busy.other_cores(begun, busy.Moment(wall=12, everybody=105, own=8))
    assert others == pytest.approx((2 - busy.TICKS) / 2)


def test_a_tick_of_the_clock_is_no_neighbour() -> None:
    begun = busy.Moment(wall=10, everybody=100, own=5)
    assert not busy.other_cores(begun, busy.Moment(wall=10.2, everybody=100.22, own=5.2))


def each(seconds: float, count: int) -> list[list[float]]:
    """Runs without parts that take so long."""
    return [[seconds]] * count


BUSY, QUIET = 0.9 * (os.cpu_count() or 1), 0.01 * (os.cpu_count() or 1)


def test_busy_turns_are_taken_again_and_said_where_they_never_end() -> None:
    samples = Turns(latency.PLAN)
    samples.add(each(0.5, 4), other_cores=BUSY)
    for _ in range(latency.PLAN.turns):
        assert not samples.complete
        samples.add(each(0.1, 60), other_cores=QUIET)
    assert samples.complete
    assert samples.runs == each(0.1, 60 * latency.PLAN.turns)
    assert samples.noise == ""
    samples = Turns(latency.PLAN)
    for _ in range(turns.RETAKEN):
        assert not samples.complete
        samples.add(each(0.001, 1), other_cores=BUSY)
    assert samples.complete
    assert samples.runs == each(0.001, turns.RETAKEN)
    cores = os.cpu_count()
    assert samples.noise == f"other processes kept {BUSY:.1f} of {cores} cores busy"


@pytest.mark.parametrize("seconds", [0.0001, 5.0])
def test_every_network_has_ten_turns_whatever_its_speed(seconds: float) -> None:
    samples = Turns(latency.PLAN)
    for _ in range(9):
        samples.add(each(seconds, max(1, int(latency.PLAN.turn / seconds))), other_cores=QUIET)
        assert not samples.complete
    samples.add(each(seconds, 50), other_cores=QUIET)
    assert samples.complete


@pytest.mark.parametrize(("cores", "noisy"), [(2, True), (64, False)])
def test_noise_is_relative_to_the_cores_of_the_machine(
    cores: int, noisy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert busy.disturbed(0.5) == noisy
    assert bool(busy.conditions(0.5)) == noisy


def test_a_drift_is_said() -> None:
    samples = Turns(latency.PLAN)
    samples.add(each(0.1, 30) + each(0.12, 30), other_cores=0)
    assert samples.noise == "the time drifted by +20 % between the first and the second half"


class Process:
    """A process whose turns are `turn`'s, by their number."""

    ended = False

    def __init__(self, turn: Callable[[int], list[list[float]]]) -> None:
        self.turn = turn
        self.asked = 0

    def ask(self, message: dict[str, object]) -> dict[str, object]:
        if message["measure"] == "warm":
            return {}
        self.asked += 1
        return {"runs": self.turn(self.asked), "other_cores": 0.0}


def timed(*processes: Process) -> list[Record]:
    """The latencies of networks in such processes."""
    backend, placement = Backend("eager", "float32"), Placement(Device("cpu", 1))
    systems = [
        System(f"net{place}", Path("unused"), (3, 32, 32), backend, placement)
        for place in range(len(processes))
    ]
    children = {each.name: process for each, process in zip(systems, processes, strict=True)}
    outcomes = latency.records(children, systems, Workload(1))  # type: ignore[arg-type]
    return [record for of in outcomes.values() if isinstance(of, list) for record in of[:1]]


@pytest.mark.parametrize(("hot", "noisy"), [(0, False), (20, False), (99, True)])
def test_a_network_whose_time_drifts_is_measured_again(hot: int, noisy: bool) -> None:
    def turn(number: int) -> list[list[float]]:
        late = number % latency.PLAN.turns in (0, 6, 7, 8, 9)
        return each(0.2 if late and number <= hot else 0.1, 50)

    process = Process(turn)
    (record,) = timed(process)
    assert record.conditions.get("noisy", False) == noisy
    tries = min(hot // latency.PLAN.turns, turns.ATTEMPTS - 1) + 1
    assert process.asked == tries * latency.PLAN.turns


def test_percentiles_are_of_all_runs_and_not_of_those_that_are_kept() -> None:
    slow = [
        4,
        9,
        13,
        17,
        22,
        26,
        31,
        35,
        40,
        44,
    ]  # 10 % of a hundred runs, most of which no record keeps
    (record,) = timed(Process(lambda _: [[0.3 if place in slow else 0.1] for place in range(100)]))
    assert record.conditions["runs"] == 100 * latency.PLAN.turns
    assert len(record.samples) <= latency.KEPT
    everything = [0.3 if place in slow else 0.1 for place in range(100)] * latency.PLAN.turns
    assert record.conditions["p99"] == pytest.approx(np.percentile(everything, 99))
    assert record.conditions["p90"] == pytest.approx(np.percentile(everything, 90))


def test_the_first_run_of_a_turn_is_left_out() -> None:
    network = child.Network.__new__(child.Network)
    slow = iter([0.2])

    def once() -> list[float]:
        time.sleep(0.01)
        return [next(slow, 0.01)]

    network.put, network.once = lambda batch: None, once  # type: ignore[method-assign]
    runs = network.time(child.MeasureRequest("time", 1, 0.05))["runs"]
    assert len(runs) >= 2
    assert max(map(max, runs)) == 0.01


def test_warming_up_takes_three_runs_at_least_however_long_they_take() -> None:
    compiling = iter([40.0, 40.0, 5.0, 1.0, 1.01])
    assert warming.until_stable(lambda: next(compiling)) == [40.0, 40.0, 5.0, 1.0, 1.01]
    slow = iter([7.0, 7.0, 7.0])
    assert len(warming.until_stable(lambda: next(slow))) == 3


def test_an_engines_folder_that_is_not_whole_is_written_anew(tmp_path: Path) -> None:
    """As it was left by a process that was killed while it removed the folder, or as a disk has spoilt it."""
    entry = Entry.untrained(networks.get("resnet20", input=(3, 32, 32), num_classes=3))
    said: list[str] = []
    with Bench(EAGER, tmp_path, said.append) as bench:
        folder = bench.system(entry).folder
    weights = (folder / "model.safetensors").read_bytes()
    for content in (None, b"spoilt"):
        (folder / "model.safetensors").unlink()
        if content:
            (folder / "model.safetensors").write_bytes(content)
        with Bench(EAGER, tmp_path, said.append) as bench:
            bench.conditions(entry)
            bench.system(entry)
        assert (folder / "model.safetensors").read_bytes() == weights
    assert said == [f"{folder}: is not whole, and is written anew"] * 2


def test_a_folder_of_engines_looks_unfinished_before_it_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for file in ("config.json", engine_config.FILE):
            (tmp_path / name / file).touch()
    monkeypatch.setattr(shutil, "rmtree", lambda folder, ignore_errors: None)
    engine_config.remove(tmp_path)
    assert {path.name for path in tmp_path.rglob("*.json")} == {"config.json"}


def test_a_network_that_is_measured_later_says_that_it_was_not_interleaved(
    tmp_path: Path, hasty: None
) -> None:
    def records(*names: str) -> list[Record]:
        entries = [
            Entry.untrained(networks.get(name, input=(3, 32, 32), num_classes=3)) for name in names
        ]
        with Bench(EAGER, tmp_path / "engines", print) as room:
            steps = [s for s in room.steps(entries, [1]) if "memory" not in s.name]
            return carry_out(steps, tmp_path / "records", print)

    together = comparison(records("plain20", "resnet20"))
    assert conditions.not_interleaved(together) == ""
    later = comparison(records("plain20", "resnet20", "resnet32"))
    assert conditions.not_interleaved(later).endswith(
        "one group after another: plain20 and resnet20; resnet32."
    )


@pytest.mark.full
def test_a_handful_of_processes_is_open_at_once(
    tmp_path: Path, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "modules.py").write_text(MODULES)
    names = [f"{tmp_path / 'modules.py'}:{name}" for name in ("sleeper", "mortal")]
    monkeypatch.setattr(pool, "OPEN", 1)
    entries = [
        Entry.untrained(subjects.get(name, input=(3, 4, 4), num_classes=3)) for name in names
    ]
    most = 0

    def say(_: str) -> None:
        nonlocal most
        most = max(most, len(psutil.Process().children()))

    with Bench(EAGER, tmp_path / "engines", say) as room:
        found = carry_out([*room.steps(entries, [1, 2])], tmp_path / "records", say)
        most = max(most, len(psutil.Process().children()))
    assert most == 1
    assert {each.conditions["batch"] for each in found if each.quantity == "latency"} == {1, 2}
    assert [[*map(str, group)] for group in pool.groups("abc")] == [["a"], ["b"], ["c"]]


class Started:
    """A process that only says whether it was ended."""

    ended = False

    def close(self) -> None:
        self.ended = True


def test_memory_has_a_new_process_which_what_follows_takes_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    device = Placement(Device("cpu", 1))
    first, second = (
        System(name, Path(name), (3, 4, 4), Backend("eager", "float32"), device)
        for name in ("first", "second")
    )
    monkeypatch.setattr(System, "start", lambda system: Started())
    monkeypatch.setattr(pool, "OPEN", 1)
    processes = pool.Pool()
    used = processes.child(first)
    fresh = processes.new_child(first)
    assert fresh is not used
    assert used.ended
    files = PhotoFiles("photos", "", (Path("photo.jpg"),))
    assert processes.child(first.under(Workload(1, files=files))) is fresh
    processes.child(second)
    assert fresh.ended


def test_groups_are_as_few_as_can_be_and_alike_in_size() -> None:
    groups = pool.groups(range(50))
    assert [place for group in groups for place in group] == [*range(50)]
    assert sorted(map(len, groups)) == [5] * 4 + [6] * 5


def test_throughput_of_streams_is_of_requests_at_once(tmp_path: Path, hasty: None) -> None:
    (tmp_path / "modules.py").write_text(MODULES)
    name = f"{tmp_path / 'modules.py'}:sleeper"
    entry = Entry.untrained(subjects.get(name, input=(3, 4, 4), num_classes=3))
    with Bench(EAGER, tmp_path / "engines", print) as room:
        found = carry_out([*room.steps([entry], [1], streams=3)], tmp_path / "records", print)
    rates = {
        each.conditions.get("streams", 1): each.value
        for each in found
        if each.quantity == "throughput"
    }
    assert rates[1] == pytest.approx(1 / 0.02, rel=0.2)
    assert rates[3] == pytest.approx(3 / 0.02, rel=0.2)
    (latency_alone,) = (each for each in found if each.quantity == "latency")
    assert "streams" not in latency_alone.conditions


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

    spent, watts = energy_in([QUIET])
    assert watts.value == 20
    assert spent.value == pytest.approx(20 * 3 / 120)
    assert spent.conditions["sensor"] == "a meter"
    assert "noisy" not in spent.conditions


def energy_in(others: Sequence[float], joules: float = 75.0) -> list[Record]:
    """The records of windows of 3 s beside so many busy cores of other processes."""
    windows = iter(others)

    class Process:
        def ask(self, message: dict[str, object]) -> dict[str, object]:
            assert (message["measure"], message["batch"]) == ("energy", 4)
            window = {"sensor": "a meter", "idle": 5.0, "seconds": 3.0, "images": 120}
            return {**window, "joules": joules, "other_cores": next(windows)}

    class System:
        name = "resnet20"

        def record_conditions(self) -> dict[str, object]:
            return {"engine": "eager"}

    return energy.records(Process(), System(), 4)  # type: ignore[arg-type]


def test_energy_on_a_busy_machine_is_taken_again_and_marked_where_it_stays_busy() -> None:
    assert "noisy" not in energy_in([BUSY, QUIET])[0].conditions
    for record in energy_in([BUSY] * energy.ATTEMPTS):
        assert record.conditions["noisy"]
        assert "cores busy" in record.conditions["noise"]


def test_a_network_that_takes_no_more_than_rest_has_no_energy() -> None:
    with pytest.raises(Ended, match="no measurement"):
        energy_in([QUIET], joules=14.0)


def test_energy_is_measured_of_a_warm_network(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []

    class Meter:
        name = "a meter"

        def joules(self, work: Callable[[], None]) -> sensor.Spent:
            events.append("window")
            return sensor.Spent(1.0, 1.0)

    monkeypatch.setattr(sensor, "sensor", lambda device: Meter())
    network = child.Network.__new__(child.Network)
    network.placement = Placement(Device("cpu", 1))
    network.put = lambda batch: None  # type: ignore[method-assign]
    network.once = lambda: events.append("run") or [1.0]  # type: ignore[method-assign, func-returns-value]
    network.energy(1, 0.01)
    assert events[:3] == ["run"] * 3
    assert events[-2:] == ["window"] * 2


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
    assert mended[-2].quantity == "peak_memory"


def test_a_failure_that_a_later_call_mended_is_not_shown(found: list[Record]) -> None:
    (killed,) = (r for r in found if r.conditions.get("stage") == "latency at batch 4")
    stated = {k: v for k, v in killed.conditions.items() if k not in ("stage", "cause", "missing")}
    late = Record.of(killed.subject, "latency", 0.1, "measured", **stated)
    other = Record.of(killed.subject, "latency", 0.1, "measured", **{**stated, "batch": 2})
    assert killed in comparison(found).failures
    assert killed in comparison([late, *found, other]).failures
    assert killed not in comparison([*found, late]).failures
