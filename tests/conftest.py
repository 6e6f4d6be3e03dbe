"""What several tests need: real data where it is at hand, and small runs."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest
import torch

from atalho import data, networks, recipes
from atalho.benchmark import busy, latency
from atalho.benchmark.turns import Plan
from atalho.data.dataset import Dataset
from atalho.networks import subjects
from atalho.recipes.recipe import Recipe
from atalho.runtime.device import Device
from atalho.training.arguments import Arguments
from together import Together

torch.set_num_threads(1)  # results do not depend on the machine, and two workers do not fight

# Tests run as on a processor that has bf16 instructions, or as on one without (see test_processors.py).
if bf16 := os.environ.get("ATALHO_TEST_BF16"):
    torch.cpu.get_capabilities = lambda: {"avx512_bf16": bf16 == "found"}


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own, in the place of the user's."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("ATALHO_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data, where there is one (`ATALHO_SHARED`)."""
    folder = Path(os.environ.get("ATALHO_SHARED", "../shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no shared data in {folder}")
    return folder


@pytest.fixture(scope="session")
def cifar_dir(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CIFAR-10's official binary batches."""
    folder = tmp_path_factory.mktemp("cifar")
    unpack = shared / "data" / "unpack.py"
    subprocess.run([sys.executable, str(unpack), str(folder)], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return data.load("digits", Path("unused"))


@pytest.fixture
def short() -> Recipe:
    """The quick recipe of resnet20 on digits, cut to 50 steps of 32 images."""
    network = networks.get("resnet20", input=(1, 8, 8))
    return replace(
        recipes.get("quick", subjects.facts(network)), epochs=None, steps=50, batch_size=32
    )


@pytest.fixture
def arguments(short: Recipe) -> Arguments:
    return Arguments("resnet20", short, 0, Device("cpu", 1), "float32")


@pytest.fixture(scope="session")
def together() -> Iterator[Together]:
    """Starts processes that train together."""
    with Together() as started:
        yield started


def briefly(patched: pytest.MonkeyPatch) -> None:
    """Few and short turns of latency on a machine that passes for quiet: other tests are at work on it."""
    patched.setattr(latency, "PLAN", Plan("time", turns=1, runs=5, turn=0.05))
    patched.setattr(busy, "MOST_OTHER_SHARE", inf)
    patched.setattr(busy, "DRIFT", inf)


@pytest.fixture(scope="module")
def brief() -> Iterator[None]:
    """As `briefly`, for all tests of a module and what they share."""
    with pytest.MonkeyPatch.context() as patched:
        briefly(patched)
        yield


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `briefly`."""
    briefly(monkeypatch)
