"""Whether a latency record shows that the machine was busy: measured on an idle and on a deliberately loaded machine.

    python benchmarks/busy.py -o results/busy.json

The latency of resnet20 is measured as `atalho bench` does, forty times: twenty on the machine as it is, twenty beside a
process that keeps one core busy, in an order drawn from a seed. It is right where the record is marked `noisy` exactly when the other process was there.
"""

import argparse
import json
import random
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from atalho.benchmark import latency
from atalho.benchmark.entry import untrained
from atalho.benchmark.system import System
from atalho.benchmark.workload import Workload
from atalho.engines import REFERENCE, deploy, samples
from atalho.engines.choosing import EngineRequest
from atalho.engines.engine import Placement
from atalho.networks import subjects
from atalho.record import now, versions
from atalho.runtime.device import Device
from atalho.runtime.processor import processor

NETWORK = "resnet20"
TIMES = 20


def noisy(system: System, *, loaded: bool) -> dict[str, Any]:
    """One measurement, with or without a process that keeps a core busy."""
    load = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if loaded else None
    try:
        with system.start() as child:
            records = latency.records({system.name: child}, [system], Workload(1))[system.name]
            assert isinstance(records, list), records
            latency_record, _ = records
    finally:
        if load:
            load.kill()
            load.wait()
    return {
        "loaded": loaded,
        "noisy": latency_record.conditions.get("noisy", False),
        "noise": latency_record.conditions.get("noise", ""),
        "milliseconds": 1e3 * latency_record.value,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-t", "--threads", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, help="write what was measured as JSON")
    options = parser.parse_args()
    placement = Placement(Device("cpu", options.threads))
    order = [True, False] * TIMES
    random.Random(0).shuffle(order)
    with TemporaryDirectory() as root:
        folder = Path(root) / NETWORK
        trained = untrained(subjects.get(NETWORK))
        request = EngineRequest("eager", None, placement, 1)
        deploy.deploy(trained, folder, request, samples.of_photos(trained.framing))
        system = System(NETWORK, folder, trained.network.input, REFERENCE, placement)
        measurements = []
        for loaded in order:
            measurements.append(noisy(system, loaded=loaded))
            print(measurements[-1], flush=True)
    right = {
        name: sum(each["noisy"] == loaded for each in measurements if each["loaded"] == loaded)
        for name, loaded in (("idle", False), ("loaded", True))
    }
    print(f"told right: {right['idle']} of {TIMES} idle, {right['loaded']} of {TIMES} loaded")
    if options.output:
        result = {
            "question": "is a loaded machine told from an idle one, by the mark on a latency record",
            "command": "python benchmarks/busy.py",
            "told_right": right,
            "of_each": TIMES,
            "threads": options.threads,
            "measurements": measurements,
            "device": processor(),
            "versions": versions("torch", "psutil"),
            "at": now(),
        }
        options.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
