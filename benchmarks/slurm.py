"""The documentation's jobs on a real Slurm of one node: interrupted in every way that Slurm has, they end with an undisturbed run's bits.

    apt-get install slurm-wlm munge
    python benchmarks/slurm.py -o results/slurm.json

Needs root, and nothing of Slurm that runs already: munged, slurmctld and slurmd are started in a temporary folder, with a configuration of
their own. The jobs are the scripts that docs/guides/machines.md and docs/guides/cluster.md print, to the letter; what they say of four nodes and
GPUs is overruled by options of sbatch.

A training on two processes is preempted, loses its node, is requeued and runs out of time. A comparison, whose trainings are
done by a Dask worker over TLS with the certificate that the documentation makes, is requeued once. Weights and metrics must equal those of the
same job without interruptions, and of the same comparison without Slurm.
"""

import argparse
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from atalho.record import now, versions
from atalho.runtime.processor import processor

GUIDES = Path(__file__).parents[1] / "docs" / "guides"
TRAIN = ["resnet20", "--data", "digits", "-b", "64", "-t", "1", "--precision", "float32"]
COMPARE = ["resnet20", "plain20", "--data", "digits", "--precision", "float32"]
ONE_NODE = ["--nodes=1", "--gpus-per-node=0", "--cpus-per-task=2"]
ENDS = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL")
"""States of a job that has ended for good."""

COMPARED = 100
"""Steps of each training of the comparison."""

PATIENCE = 900.0
"""Seconds that a job may take until its next event."""

CONFIGURATION = """\
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthInfo=socket={root}/munge,cred_expire=5
SlurmctldPort={controller}
SlurmdPort={node}
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=low Nodes=ALL Default=YES PriorityTier=1
PartitionName=high Nodes=ALL PriorityTier=2
"""


def block(page: str, containing: str) -> str:
    """The fenced block of a guide that contains a text."""
    text = (GUIDES / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, flags=re.M | re.S)
    (only,) = (each for each in blocks if containing in each)
    return str(only)


def until(true: Callable[[], Any], what: str) -> Any:
    """The first value that is true, of a function that is called every half a second."""
    end = time.monotonic() + PATIENCE
    while not (value := true()):
        assert time.monotonic() < end, f"not {what} after {PATIENCE:.0f} s"
        time.sleep(0.5)
    return value


class Slurm:
    """A Slurm of this machine alone, whose state lies in a folder."""

    def __init__(self, root: Path) -> None:
        self.root, self.host = root, socket.gethostname()
        for name in ("state", "spool"):
            (root / name).mkdir()
        ports = dict(zip(("controller", "node"), _free_ports(), strict=True))
        configuration = root / "slurm.conf"
        configuration.write_text(CONFIGURATION.format(root=root, host=self.host, **ports))
        home = str(root)  # so that Dask reads the certificate of this folder
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environment = {**os.environ, "SLURM_CONF": str(configuration), "HOME": home}
        self.environment["PATH"] = path

    @contextmanager
    def running(self) -> Iterator[None]:
        key = self.root / "key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o600)
        files = {"key-file": "key", "socket": "munge", "pid-file": "pid", "seed-file": "seed"}
        files["log-file"] = "munged.log"
        munge = [f"--{option}={self.root / name}" for option, name in files.items()]
        daemons = [["munged", "--foreground", "--force", *munge], ["slurmctld", "-D"]]
        processes = []
        try:
            for command in [*daemons, ["slurmd", "-D"]]:
                with (self.root / f"{command[0]}.out").open("w") as output:
                    processes += [
                        subprocess.Popen(
                            command, env=self.environment, stdout=output, stderr=output
                        )
                    ]
                time.sleep(1)
            until(lambda: "idle" in self.call("sinfo", "-h", "-o", "%T", check=False), "ready")
            yield
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait()

    def call(self, *words: str, check: bool = True) -> str:
        """The output of a command; raises AssertionError with what it wrote where it fails."""
        ended = subprocess.run(
            words, env=self.environment, cwd=self.root, capture_output=True, text=True, check=False
        )
        assert not check or ended.returncode == 0, f"{words}: {ended.stderr}"
        return ended.stdout

    def submit(self, script: str, *words: str, options: list[str]) -> str:
        """The number of a new job."""
        path = self.root / "job.sh"
        path.write_text(script)
        return self.call("sbatch", "--parsable", *options, str(path), *words).strip()

    def job(self, number: str, field: str) -> str:
        """What Slurm says of a job."""
        shown = self.call("scontrol", "show", "job", number)
        return re.findall(rf"\b{field}=(\S*)", shown)[0]  # type: ignore[no-any-return]

    def ended(self, number: str) -> bool:
        """Whether a job has ended for good."""
        return self.job(number, "JobState") in ENDS

    def wait_for(self, number: str, true: Callable[[], bool], what: str) -> None:
        """Waits for something of a job that has not ended."""
        until(lambda: true() or self.ended(number), what)
        log = self.root / f"slurm-{number}.out"
        assert not self.ended(number), f"ended before it was {what}\n{log.read_text()}"

    def finish(self, number: str) -> None:
        """Waits until a job has ended, and checks that it has done its work."""
        until(lambda: self.ended(number), "done")
        state = self.job(number, "JobState"), self.job(number, "ExitCode")
        log = self.root / f"slurm-{number}.out"
        assert state == ("COMPLETED", "0:0"), f"{state}\n{log.read_text()}"

    def interrupt(self, number: str, way: str) -> None:
        """Interrupts a running job, and waits until Slurm has begun it again."""
        restarts = int(self.job(number, "Restarts"))
        node = ("scontrol", "update", f"NodeName={self.host}")
        if way == "preempted":
            self.call("sbatch", "--partition=high", "--output=/dev/null", "--wrap=true")
        elif way == "node failed":
            self.call(*node, "State=DOWN", "Reason=failed")
            until(lambda: self.job(number, "JobState") != "RUNNING", "stopped")
            self.call(*node, "State=RESUME", check=False)  # unless it has come back by itself
        elif way == "requeued":
            self.call("scontrol", "requeue", number)
        elif way == "out of time":
            self.call("scontrol", "update", f"JobId={number}", "TimeLimit=1")
            until(lambda: self.job(number, "JobState") != "RUNNING", "stopped")
            self.call("scontrol", "update", f"JobId={number}", "TimeLimit=60")
        until(lambda: int(self.job(number, "Restarts")) > restarts, "requeued")
        until(lambda: self.job(number, "JobState") == "RUNNING", "begun again")


def _free_ports() -> list[int]:
    with socket.socket() as first, socket.socket() as second:
        for each in (first, second):
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in (first, second)]


WAYS = ("preempted", "node failed", "requeued", "out of time")


def saved_step(folder: Path) -> int:
    """The step of the last checkpoint below a folder; -1 where there is none."""
    names = (each.name for each in folder.rglob("step-*.safetensors"))
    return max((int(name.split("-")[1]) for name in names), default=-1)


def training(slurm: Slurm, steps: int) -> dict[str, Any]:
    """A training by the script of machines.md, undisturbed and interrupted."""
    script = block("machines.md", "#SBATCH")
    words = [*TRAIN, "--steps", str(steps), "--save-every", "2", "--output"]
    runs = [slurm.root / name for name in ("undisturbed", "interrupted")]
    jobs = []
    for run in runs:
        jobs += [slurm.submit(script, *words, str(run), options=ONE_NODE)]
        if run == runs[0]:
            slurm.finish(jobs[0])
    stopped_at = {}
    for way in WAYS:
        before = saved_step(runs[1])
        slurm.wait_for(jobs[1], lambda b=before: saved_step(runs[1]) > b, "further")  # type: ignore[misc]
        slurm.interrupt(jobs[1], way)
        stopped_at[way] = saved_step(runs[1])
        print(f"training: {way}, saved at step {stopped_at[way]}", flush=True)
    slurm.finish(jobs[1])
    for name in ("model.safetensors", "metrics.csv"):
        first, second = ((run / name).read_bytes() for run in runs)
        assert first == second, f"{name} differs"
    restarts = int(slurm.job(jobs[1], "Restarts"))
    return {
        "script": "docs/guides/machines.md",
        "sbatch": [*ONE_NODE],
        "words": [*words[:-1]],
        "processes": 2,
        "saved_at_step_when": stopped_at,
        "restarts": restarts,
        "same_weights_and_metrics": True,
    }


def comparison(slurm: Slurm, steps: int) -> dict[str, Any]:
    """A comparison by the script of cluster.md, requeued once, and the same one without Slurm."""
    slurm.call("bash", "-c", block("cluster.md", "openssl"))
    dask = slurm.root / ".config" / "dask"
    settings = block("cluster.md", "require-encryption")
    (dask / "tls.yaml").write_text(settings.replace("/home/me", str(slurm.root)))
    words = [*COMPARE, "-t", "2", "--steps", str(steps), "--output"]
    alone, clustered = (slurm.root / name for name in ("alone", "clustered"))
    slurm.call("atalho", "compare", *words, str(alone))
    number = slurm.submit(
        block("cluster.md", "#SBATCH"), *words, str(clustered), options=[*ONE_NODE]
    )
    slurm.wait_for(number, lambda: saved_step(clustered) > 0, "begun")
    slurm.interrupt(number, "requeued")
    print(f"comparison: requeued, saved at step {saved_step(clustered)}", flush=True)
    slurm.finish(number)
    weights = [
        {path.relative_to(root): path.read_bytes() for path in root.rglob("model.safetensors")}
        for root in (alone, clustered)
    ]
    assert len(weights[0]) >= 2 and weights[0] == weights[1], "other weights"
    log = (slurm.root / f"slurm-{number}.out").read_text()
    return {
        "script": "docs/guides/cluster.md",
        "sbatch": [*ONE_NODE],
        "words": [*words[:-1]],
        "restarts": int(slurm.job(number, "Restarts")),
        "trainings_by_the_worker": len(re.findall(r"^\[\d/\d\] .* s on ", log, flags=re.M)),
        "same_weights": True,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--steps",
        type=int,
        default=2500,
        help="of the training; Slurm looks at its time limit every half minute",
    )
    parser.add_argument("-o", "--output", type=Path, help="write what was seen as JSON")
    options = parser.parse_args()
    begun = time.monotonic()
    with TemporaryDirectory() as folder:
        slurm = Slurm(Path(folder))
        with slurm.running():
            result = {
                "question": "do the documentation's jobs of Slurm, interrupted, end with the bits of undisturbed ones",
                "command": f"python benchmarks/slurm.py --steps {options.steps}",
                "training": training(slurm, options.steps),
                "comparison": comparison(slurm, COMPARED),
                "slurm": slurm.call("sbatch", "--version").strip(),
                "munge": slurm.call("munge", "--version").split()[0],
            }
    result |= {
        "seconds": time.monotonic() - begun,
        "device": processor(),
        "versions": versions("torch", "distributed"),
        "at": now(),
    }
    if options.output:
        options.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
