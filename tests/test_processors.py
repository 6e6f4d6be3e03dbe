"""Tests have one outcome, whatever the processor has: those of training, engines and evaluation, as on other processors."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.full
@pytest.mark.parametrize(("isa", "bf16"), [("AVX2", "missing"), ("AVX512_CORE", "found")])
def test_the_outcome_does_not_depend_on_the_processor(isa: str, bf16: str) -> None:
    """oneDNN, which computes torch's convolutions, uses no instructions beyond those."""
    tests = [str(HERE / folder) for folder in ("training", "engines", "evaluation")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "not full", *tests],
        env={**os.environ, "ONEDNN_MAX_CPU_ISA": isa, "ATALHO_TEST_BF16": bf16},
        cwd=HERE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
