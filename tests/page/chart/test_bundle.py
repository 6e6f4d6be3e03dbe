"""The script with which a browser draws charts, and the file in which it is kept."""

import os
from pathlib import Path

import pytest

from atalho.page.chart import bundle
from atalho.page.chart.rendering import VEGA_LITE

SNIPPET = "window.drawn = 1;"


@pytest.fixture(autouse=True)
def another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "_MADE", {})


def made_again(monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the script is put together when it is needed in another process."""
    calls = []
    whole = bundle.vl_convert.javascript_bundle
    monkeypatch.setattr(bundle, "_MADE", {})
    with monkeypatch.context() as patched:
        patched.setattr(
            bundle.vl_convert,
            "javascript_bundle",
            lambda *given, **more: calls.append(given) or whole(*given, **more),
        )
        assert bundle.javascript(SNIPPET, VEGA_LITE) == whole(SNIPPET, VEGA_LITE)
    return bool(calls)


def test_it_is_put_together_once_and_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bundle.at_hand(SNIPPET, VEGA_LITE) is None
    assert made_again(monkeypatch)
    assert not made_again(monkeypatch)
    assert len([*(cache / "scripts").iterdir()]) == 1
    assert bundle.at_hand(SNIPPET + " ", VEGA_LITE) is None
    monkeypatch.setattr(bundle, "version", lambda package: "9.9.9")
    assert bundle.at_hand(SNIPPET, VEGA_LITE) is None


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty"])
def test_a_damaged_file_is_as_if_there_were_none(
    cache: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle.javascript(SNIPPET, VEGA_LITE)
    (file,) = (cache / "scripts").iterdir()
    content = file.read_bytes()
    flipped = bytes([*content[:-1], content[-1] ^ 1])
    file.write_bytes({"flipped": flipped, "cut": content[:-1], "empty": b""}[damage])
    assert made_again(monkeypatch)
    assert file.read_bytes() == content


def test_it_needs_no_place_to_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setitem(os.environ, "ATALHO_CACHE", str(tmp_path / "file"))
    assert made_again(monkeypatch)
