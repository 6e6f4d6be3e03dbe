"""A run that tests of this folder classify with."""

from pathlib import Path

import pytest

from atalho.cli import main
from atalho.data.dataset import Dataset


@pytest.fixture(scope="module")
def finished(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run of resnet20 on digits."""
    folder = tmp_path_factory.mktemp("run") / "run"
    command = ["train", "resnet20", "--steps", "2", "-t", "1", "--precision", "float32"]
    assert main([*command, "--output", str(folder)]) == 0
    return folder
