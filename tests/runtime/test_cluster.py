"""Addresses of workers: which are connected to, what is refused before anything is sent, and that Dask is imported for them alone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import psutil
import pytest

from atalho.cli import main
from atalho.errors import AtalhoError, Exit, Stopped
from atalho.runtime import cluster, own_workers
from atalho.runtime.addresses import check
from atalho.runtime.cluster import Cluster, Task

CHILD = '''
"""A task that says in which process it is done; `sleep` makes it last, `kill` has the first ones end."""
import os, time
from pathlib import Path

def main(parent):
    message = parent.receive()
    began = Path(message["folder"]) / f"{os.getpid()}.began"
    began.write_text(str(os.getppid()))
    if len([*began.parent.glob("*.began")]) <= message.get("kill", 0):
        os.kill(os.getpid(), 9)
    while (began.parent / "wait").exists():
        time.sleep(0.05)
    parent.send("stopped" if message.get("stopped") and not _marked(began.parent) else os.getpid())

def _marked(folder):
    mark = folder / "mark"
    known = mark.exists()
    mark.touch()
    return known
'''


dask = pytest.mark.skipif(find_spec("distributed") is None, reason="the extra is not installed")


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The module `worked` of tasks is found by processes that start now."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "worked.py").write_text(CHILD)
    paths = [str(folder), os.environ.get("PYTHONPATH", "")]
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", os.pathsep.join(paths))
        yield


@pytest.fixture(scope="module")
def workers(modules: None) -> Iterator[Cluster]:
    with Cluster("local:2", 1) as workers:
        yield workers


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder for the tasks' files."""
    return tmp_path


@pytest.mark.parametrize(
    "address",
    [
        *(
            "local:1",
            "local:16",
            "tls://node7.cluster:8786",
            "tls://10.0.0.1:8786",
            "tls://[2001:db8::1]:1",
        ),
        *(
            "tcp://localhost:8786",
            "tcp://127.0.0.1:8786",
            "tcp://127.3.0.1:8786",
            "tcp://[::1]:8786",
        ),
    ],
)
def test_these_addresses_may_be_connected_to(address: str) -> None:
    check(address)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "tcp://node7:8786",
            "tcp://10.0.0.1:8786",
            "tcp://0.0.0.0:8786",
            "tcp://[2001:db8::1]:8786",
        ),
        *("tcp://localhost.evil.org:8786", "tcp://127.0.0.1.evil.org:8786"),
    ],
)
def test_a_plain_address_beyond_this_machine_is_refused(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "resnet20", "-t", "1", "--on", address]) == Exit.UNSAFE
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error[CLUSTER-PLAIN] {address}: whoever reaches")
    assert f"--on tls://{address.removeprefix('tcp://')}, with certificates" in line
    check(f"tls://{address.removeprefix('tcp://')}")  # what it says is taken


@pytest.mark.parametrize(
    "address",
    [
        *("local:0", "local:", "local:-1", "node7:8786", "tls://node7", "http://node7:80"),
        *("inproc://x:1", "tcp://a@localhost:1", "tls://h:1/x", ""),
    ],
)
def test_what_is_no_address_is_a_usage_error(address: str) -> None:
    with pytest.raises(AtalhoError, match="USAGE") as caught:
        Cluster(address, 1)
    assert caught.value.exit == Exit.USAGE


@dask
def test_the_threads_of_a_training_are_not_left_to_a_scheduler(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(AtalhoError, match=r"--on: .*it goes with --threads"):
        Cluster("tls://node7:8786")
    monkeypatch.setattr(cluster, "cores", lambda: 8)
    assert Cluster("tls://node7:8786", 3).threads == 3
    assert [Cluster(f"local:{count}").threads for count in (1, 3, 16)] == [8, 2, 1]


@dask
def test_a_scheduler_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "PATIENCE", 0.2)
    with pytest.raises(
        AtalhoError, match=r"CLUSTER\] tcp://localhost:1: no scheduler answers"
    ) as caught:
        Cluster("tcp://localhost:1", 1).__enter__()
    assert caught.value.exit == Exit.RESOURCES
    with pytest.raises(AtalhoError, match=r"CLUSTER\] tls://localhost:1: no scheduler answers"):
        Cluster("tls://localhost:1", 1).__enter__()  # without certificates


@pytest.mark.full
@dask
def test_a_worker_that_is_killed_while_it_starts_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dying = ["import os; os.kill(os.getpid(), 9)"]
    monkeypatch.setitem(own_workers.SETTINGS, "distributed.worker.preload", dying)
    workers = Cluster("local:1", 1)
    with pytest.raises(
        AtalhoError, match=r"CLUSTER\] local:1: its workers did not start"
    ) as caught:
        workers.__enter__()
    assert caught.value.exit == Exit.RESOURCES
    monkeypatch.undo()
    with workers:  # it may be entered again
        assert workers.slots == 1


def test_a_missing_extra_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(
        AtalhoError, match=r"CLUSTER-EXTRA\] local:2: .*atalho\[cluster\]"
    ) as caught:
        Cluster("local:2", 1)
    assert caught.value.exit == Exit.RESOURCES


def test_dask_is_imported_for_an_address_alone() -> None:
    code = (
        "import sys; from atalho.api import comparing, planning, units; from atalho.cli import main\n"
        "assert 'atalho.runtime.cluster' in sys.modules\n"
        "assert main(['compare', 'resnet20', '--on', 'tls://nowhere:1']) == 2\n"
        "assert main(['compare', 'resnet20', '--on', 'tcp://nowhere:1', '-t', '1']) == 5\n"
        "assert main(['compare', 'resnet20', '--measure-on', 'w']) == 2\n"
        "assert not {'dask', 'distributed', 'torch'} & {*sys.modules}\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@dask
@pytest.mark.full
def test_a_script_without_a_guard_is_one_line_that_says_so(tmp_path: Path) -> None:
    script = tmp_path / "study.py"
    script.write_text(
        "from atalho.runtime.cluster import Cluster\nwith Cluster('local:1', 1):\n    print('works')\n"
    )
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=100)
    assert ended.returncode == 1
    assert not ended.stdout
    assert ended.stderr.splitlines()[-1] == (
        f"atalho.errors.AtalhoError: error[CLUSTER-SCRIPT] {script}: its workers did not start: each imports the script first, and "
        'so comes to the call that starts them. Next: put that call below `if __name__ == "__main__":`'
    )
    guarded = script.read_text().replace("with", "if __name__ == '__main__':\n  with")
    script.write_text(guarded)
    assert subprocess.check_output([sys.executable, script], text=True) == "works\n"


@dask
def test_tasks_go_on_elsewhere_when_their_process_is_killed_or_stopped(
    workers: Cluster, work: Path
) -> None:
    message = {"folder": str(work), "kill": 2, "stopped": True}
    tasks = [Task(f"task {number}", "worked", {**message, "number": number}) for number in range(2)]
    assert workers.slots == 2
    results = {task.name: process for task, process in workers.results(tasks)}
    assert {*results} == {"task 0", "task 1"}
    began = {int(each.stem) for each in work.glob("*.began")}
    assert {*results.values()} < began
    assert len(began) == 2 + 2 + 1  # two were killed, one was stopped


@dask
def test_a_task_whose_process_is_killed_again_and_again_is_an_error(
    workers: Cluster, work: Path
) -> None:
    task = Task("mortal", "worked", {"folder": str(work), "kill": 99})
    ((_, error),) = workers.results([task])
    assert "CLUSTER-TASK] mortal: its process ended: killed by SIGKILL" in str(error)
    assert len([*work.glob("*.began")]) == 1 + cluster.RETRIES


@dask
def test_a_task_is_done_by_the_worker_that_is_named(workers: Cluster, work: Path) -> None:
    task = Task("task", "worked", {"folder": str(work)})
    ((_, process),) = workers.results([task], "1")
    assert process in {int(each.stem) for each in work.glob("*.began")}
    with pytest.raises(AtalhoError, match="CLUSTER-WORKER] 2: is none of the workers") as caught:
        next(workers.results([task], "2"))
    assert caught.value.exit == Exit.USAGE
    assert "which are 0, 1." in str(caught.value)


@dask
@pytest.mark.parametrize("code", [Exit.INTERRUPTED, Exit.TERMINATED])
def test_a_signal_stops_the_waiting_at_once(workers: Cluster, work: Path, code: Exit) -> None:
    (work / "wait").touch()
    number = signal.SIGINT if code is Exit.INTERRUPTED else signal.SIGTERM

    def send() -> None:
        _first(work)
        os.kill(os.getpid(), number)

    sender = Thread(target=send)
    sender.start()
    before = signal.getsignal(number)
    with pytest.raises(Stopped, match="what workers have saved is kept") as caught:
        list(workers.results([Task("task", "worked", {"folder": str(work)})]))
    sender.join()
    (work / "wait").unlink()
    assert caught.value.exit == code
    assert signal.getsignal(number) == before


@dask
def test_a_killed_worker_takes_its_task_with_it_and_another_goes_on(
    modules: None, work: Path
) -> None:
    (work / "wait").touch()
    task, killed = Task("task", "worked", {"folder": str(work)}), list[int]()

    def kill() -> None:
        began = _first(work)
        killed.append(int(began.stem))
        os.kill(int(began.read_text()), signal.SIGKILL)
        (work / "wait").unlink()

    with Cluster("local:1", 1) as workers:
        killer = Thread(target=kill)
        killer.start()
        ((_, process),) = workers.results([task])
        killer.join()
    (child,) = killed
    assert process != child
    assert _gone(child)


@pytest.mark.full
@dask
def test_workers_that_do_not_start_again_are_one_line(
    modules: None, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "LOOK", 0.2)
    monkeypatch.setattr(cluster, "ABSENCE", 4.0)
    (work / "wait").touch()
    dying = f"import os; os.path.exists('{work}/dying') and os.kill(os.getpid(), 9)"
    monkeypatch.setitem(own_workers.SETTINGS, "distributed.worker.preload", [dying])

    def kill() -> None:
        began = _first(work)
        (work / "dying").touch()
        os.kill(int(began.read_text()), signal.SIGKILL)

    with Cluster("local:1", 1) as workers:
        killer = Thread(target=kill)
        killer.start()
        with pytest.raises(
            AtalhoError, match=r"CLUSTER\] local:1: .*did not start again"
        ) as caught:
            list(workers.results([Task("task", "worked", {"folder": str(work)})]))
        killer.join()
    assert caught.value.exit == Exit.RESOURCES


def _gone(process: int) -> bool:
    """Whether a process has ended, though nobody may have asked for its exit code."""
    try:
        return psutil.Process(process).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _first(work: Path) -> Path:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for each in work.glob("*.began"):
            if each.read_text():
                return each
        time.sleep(0.02)
    raise AssertionError("no task has begun")
