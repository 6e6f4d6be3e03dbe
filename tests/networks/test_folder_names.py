"""Every network has one safe folder name: a single component of a path, readable, and another network's never."""

import os
from pathlib import Path

import pytest

from atalho.networks import CATALOGUE
from atalho.networks.subjects import folder_name

HOSTILE = (
    *(
        "/x/net.py:make",
        "../../net.py:make",
        "..",
        ".",
        "",
        "./net.py:..",
        "a/../b.py:c",
        "~/n.py:m",
    ),
    *(
        "two words.py:make",
        "two_words.py:make",
        "Netz für Grün.py:größe",
        "net.py:ma\u2028ke",
        "-rf.py:x",
    ),
    *(
        "nul\0.py:x",
        "C:\\x\\net.py:make",
        ".hidden.py:make",
        "net.py:make",
        "Net.py:make",
        "x/net.py:make",
    ),
    *(
        "timm:../../x",
        "timm:hf-hub:org/name",
        f"{'long' * 75}.py:make",
        f"{'lang' * 75}.py:make",
        "🙂.py:🙂",
        "\udcff.py:x",
    ),
)


def test_names_of_the_catalogue_are_their_own() -> None:
    assert [folder_name(name) for name in CATALOGUE] == [*CATALOGUE]


def test_names_are_readable() -> None:
    assert folder_name("timm:resnet18") == "timm-resnet18"
    assert folder_name("torchvision:resnet18") == "torchvision-resnet18"
    assert folder_name("/home/me/net.py:make").startswith("net.py-make-")
    assert folder_name("two words.py:make").startswith("two-words.py-make-")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_one_component_of_a_path(name: str, tmp_path: Path) -> None:
    own = folder_name(name)
    inside = tmp_path / "runs" / own
    assert inside.parent == tmp_path / "runs"
    assert Path(os.path.normpath(inside)) == inside
    assert own.isascii()
    assert len(own) <= 90
    assert own[0].isalnum()
    inside.mkdir(parents=True)
    assert folder_name(name) == own


def test_no_two_networks_share_a_name() -> None:
    names = {
        *CATALOGUE,
        *HOSTILE,
        "timm:resnet18",
        "timm:resnet18 ",
        "timm:Resnet18",
    }
    assert len({folder_name(name).casefold() for name in names}) == len(names)
