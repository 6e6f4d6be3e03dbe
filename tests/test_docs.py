"""The documentation's Python works as it stands."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.usefixtures("hasty")
def test_the_python_of_the_documentation_runs_in_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (DOCS / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    assert len(blocks) > 5
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)  # our own documentation
    assert (tmp_path / "figure.svg").exists()
    assert (tmp_path / "comparison" / "chosen").is_dir()
    calls = {*re.findall(r"atalho\.(\w+)\(", text)}
    import atalho

    functions = {name for name in atalho.__all__ if name[0].islower()}
    assert functions <= calls
