"""The lecture, written once."""

from pathlib import Path

import pytest

import atalho


@pytest.fixture(scope="session")
def lecture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder, as the command writes it."""
    return atalho.lecture(tmp_path_factory.mktemp("lecture")).parent
