"""What OpenVINO leaves behind in the process."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("openvino")

#: Two networks are open at once and released, the earlier first; then a signal comes.
SCRIPT = """
import gc, signal, sys
from pathlib import Path

import numpy as np
import openvino
from openvino import opset13

from atalho.engines.engine import Placement
from atalho.engines.openvino import OPENVINO
from atalho.runtime.device import Device

folder = Path(sys.argv[1])
images = opset13.parameter([-1, 4], np.float32)
model = openvino.Model([opset13.relu(images)], [images])
openvino.save_model(model, folder / OPENVINO.files("float32")[0])
placement = Placement(Device("cpu", 1))
sessions = []
for each in range(2):
    session = OPENVINO.open(folder, "float32", placement)
    session.run(session.put(np.ones((1, 4), np.float32)))
    sessions.append(session)
while sessions:
    del session
    session = sessions.pop(0)
del session
gc.collect()
signal.signal(signal.SIGINT, lambda number, frame: print("received", number))
signal.raise_signal(signal.SIGINT)
"""


def test_a_signal_is_received_after_networks_are_released(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "received 2\n"), done.stderr
