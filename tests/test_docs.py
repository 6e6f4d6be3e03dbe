"""The documentation is true: its links lead somewhere, its Python runs, its commands run or at least parse, its site is built."""

import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from PIL import Image

import atalho
import photo_folders
from atalho.cli import main
from atalho.cli.commands import COMMANDS, command
from atalho.conditions import CONDITIONS
from atalho.record import UNITS
from documents import DOCS, PAGES, ROOT, Block, blocks, compared, links, pattern, words

WITHOUT_EXTRAS = """
import sys
for extra in ("timm", "onnx", "onnxruntime", "openvino", "zeus", "tensorboard", "pillow_heif", "pandas", "pyarrow", "captum"):
    sys.modules[extra] = None  # as if it were not installed
from sphinx.cmd.build import main
sys.exit(main())
"""
LANGUAGES = {"", "bash", "console", "json", "python"}


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def examples(page: Path) -> list[Block]:
    """The blocks that are run; the README's Python is cut from the source."""
    languages = {"console"} if page.name == "README.md" else {"console", "python"}
    return [each for each in blocks(page) if each.language in languages and not each.needs]


def parse(typed: Sequence[str]) -> None:
    """Checks that the command line's parser takes the words after `atalho`; raises its usage error where it does not."""
    command(typed[0]).make_context(typed[0], [*typed[1:]])


def targets() -> set[str]:
    """What `make` can be called with; a target that is not phony and has the name of a folder would never be made."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.+)$", text, flags=re.MULTILINE)
    assert phony
    return {*phony[1].split()} & {*re.findall(r"^([\w-]+):", text, flags=re.MULTILINE)}


def check(command: str) -> None:
    """Checks what can be known of a command without running it."""
    program, *rest = words(command)
    if "atalho" in (program, *rest):
        parse([program, *rest][[program, *rest].index("atalho") + 1 :])
    elif program == "make":
        assert rest[0] in targets()
    else:
        raise AssertionError(f"{command}: nothing checks this")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for target in links(page):
        path, _, heading = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert file.is_relative_to(ROOT), target
        if heading:
            titles = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", t).lower().replace(" ", "-") for t in titles}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_that_cannot_run_here_parse(page: Path) -> None:
    for block in blocks(page):
        assert block.language in LANGUAGES or block.language.startswith("{"), block.language
        if block.language == "bash":
            subprocess.run(["bash", "-n"], input=block.text, text=True, check=True)
            lines = block.text.replace("\\\n", "").splitlines()
            for line in lines:
                if " atalho " in line:
                    check(line.removesuffix(" &"))
        elif block.language == "console":
            assert block.commands
            if block.needs:
                for command, output in block.commands:
                    check(command)
                    assert not output.strip(), "what is not run shows no output"
        elif not block.language:
            assert "atalho " not in block.text, "commands are in console blocks"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_within_sentences_parse(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for typed in re.findall(r"`atalho ([a-z]+ [^`…]+)`", text):
        parse(words(typed))
    for target in re.findall(r"`make ([\w-]+)`", text):
        assert target in targets()


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("page", [p for p in PAGES if examples(p)], ids=name)
def test_examples_run_in_their_order(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo_folders.fill(tmp_path / "photos", {"cat": 20, "dog": 20, "horse": 20})
    Image.new("L", (8, 8), 128).save(tmp_path / "digit.png")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in examples(page):
        if block.language == "python":
            exec(block.text, names)  # our own documentation
            continue
        for line, shown in block.commands:
            program, *rest = words(line)
            assert program == "atalho"
            output = StringIO()
            with redirect_stdout(output), redirect_stderr(output):
                code = main(rest)
            printed = compared(output.getvalue())
            assert (code != 0) == shown.startswith("error["), printed
            if shown.strip():
                assert pattern(shown).fullmatch(printed), printed


def test_every_public_name_is_in_the_reference_and_every_function_in_the_guide() -> None:
    reference = (DOCS / "reference" / "api.md").read_text(encoding="utf-8")
    documented = {*re.findall(r"^\.\. auto\w+:: atalho\.(\w+)$", reference, flags=re.MULTILINE)}
    assert documented == {each for each in atalho.__all__ if not each.startswith("_")}
    guide = (DOCS / "guides" / "python.md").read_text(encoding="utf-8")
    functions = {each for each in documented if each[0].islower()}
    assert functions <= {*re.findall(r"atalho\.(\w+)\(", guide)}


class SitePage(HTMLParser):
    """A page of the site: its links, what it loads, and the tags that keyboard or screen reader cannot use."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.unusable: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        if (tag == "pre" and "tabindex" not in named) or (
            named.get("role") == "heading" and "aria-level" not in named
        ):
            self.unusable.append(self.get_starttag_text() or tag)
        for key, value in attributes:
            if key in ("href", "src") and value:
                (self.links if tag == "a" else self.loaded).add(value)


def test_the_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(
    tmp_path: Path,
) -> None:
    words = ["--fail-on-warning", "--quiet", "-d", tmp_path / "doctrees", DOCS, tmp_path / "site"]
    built = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRAS, *words], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    pages = {
        page.relative_to(tmp_path / "site"): page for page in (tmp_path / "site").rglob("*.html")
    }
    assert len(pages) > len(PAGES)
    for page in pages.values():
        parsed = SitePage(page)
        assert not [each for each in parsed.loaded if urlsplit(each).netloc], page
        if "lecture" not in page.parts:
            assert not parsed.unusable, page
        for each in parsed.links | parsed.loaded:
            address = urlsplit(each)
            if not address.scheme and address.path:
                assert (page.parent / unquote(address.path)).exists(), f"{page}: {each}"
    commands = pages[Path("reference/commands.html")].read_text(encoding="utf-8")
    assert all(f'id="{each}"' in commands for each in COMMANDS)
    records = pages[Path("reference/records.html")].read_text(encoding="utf-8")
    assert all(f">{each}<" in records for each in (*CONDITIONS, *UNITS))
