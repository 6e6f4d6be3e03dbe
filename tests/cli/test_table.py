import json
import re
import sys
from typing import get_args

import pytest

import atalho
from atalho.cli.table import Format, show
from atalho.explain.table import Table, cell, quantity


@pytest.mark.parametrize(
    ("count", "unit", "text"),
    [
        (0, "", "0"),
        (999, "", "999"),
        (512, "B", "512 B"),
        (1000, "", "1.00 k"),
        (269_722, "", "270 k"),
        (999_499, "", "999 k"),
        (999_500, "", "1.00 M"),
        (25_557_032, "", "25.6 M"),
        (9_633_792, "B", "9.63 MB"),
        (3_857_973_248, "", "3.86 G"),
        (41_200_000_000_000, "", "41.2 T"),
    ],
)
def test_large_counts_have_three_digits_and_a_prefix(count: int, unit: str, text: str) -> None:
    assert quantity(count, unit) == text


@pytest.mark.parametrize(
    ("format", "line"),
    [
        ("table", "a     1.23 MB  1,234,567"),
        ("csv", "a,1234567,1234567"),
        ("markdown", "| a | 1,234,567 | 1,234,567 |"),
    ],
)
def test_only_a_table_rounds(capsys: pytest.CaptureFixture[str], format: Format, line: str) -> None:
    rows = [
        {"name": "a", "size": 1_234_567, "count": 1_234_567},
        {"name": "b", "size": None, "count": 1},
    ]
    show(Table(rows, rows, scaled={"size": "B"}), format)
    assert line in [each.strip() for each in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("width", [80, 100, 200])
def test_a_narrow_terminal_folds_sentences_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    rows = [
        {
            "name": "googlenet.separable",
            "size": 1_234_567_890,
            "input": "3×224×224",
            "source of the network": "Simonyan & Zisserman and all of their colleagues",
            "how many of them": 123_456_789,
        }
    ]
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("FORCE_COLOR", "1")  # as a terminal
    show(Table(rows, rows), "table")
    lines = re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= width
    for whole in ("googlenet.separable", "1,234,567,890", "3×224×224", "123,456,789", "Zisserman"):
        assert any(whole in line for line in lines)
    assert any("how many of them" in line for line in lines) == (width == 200)


@pytest.mark.parametrize("format", ["table", "csv", "markdown"])
def test_no_rows_are_no_failure(capsys: pytest.CaptureFixture[str], format: Format) -> None:
    show(Table([], []), format)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("text", "markdown", "cell"),
    [
        ("a|b", r"a\|b", "a|b"),
        ("<b>bold", r"\<b\>bold", "<b>bold"),
        ("*a* _b_ `c` [d](e)", r"\*a\* \_b\_ \`c\` \[d\](e)", "*a* _b_ `c` [d](e)"),
        ("inception_v3", "inception_v3", "inception_v3"),
        ("two\nlines", r"two\\nlines", '"two\nlines"'),
        ("=1+1", "=1+1", "'=1+1"),
        ("@SUM(A1)", "@SUM(A1)", "'@SUM(A1)"),
        ("-x", "-x", "'-x"),
        ("caf\udce9", r"caf\\udce9", r"caf\udce9"),
        ('quo"te, more', 'quo"te, more', '"quo""te, more"'),
    ],
)
def test_foreign_text_stays_in_its_cell(
    capsys: pytest.CaptureFixture[str], text: str, markdown: str, cell: str
) -> None:
    """In headers too: the columns of a confusion matrix are named after classes."""
    rows = [{text: text, "number": -1.5}]
    show(Table(rows, rows), "markdown")
    assert capsys.readouterr().out == (
        f"| {markdown} | number |\n| --- | --- |\n| {markdown} | -1.5 |\n"
    )
    show(Table(rows, rows), "csv")
    assert capsys.readouterr().out == f"{cell},number\n{cell},-1.5\n"
    show(Table(rows, rows), "table")
    assert len(capsys.readouterr().out.splitlines()) <= 5


def test_a_table_in_a_pipe_has_the_lines_that_a_wide_terminal_shows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        {"class": "日本 cat", "number": 1_234_567, "share": 0.25, "": "x"},
        {"class": "e\u0301te", "number": None, "share": 12.5, "": "longer"},
        {"class": "[bold]", "number": 3, "share": "", "": ""},
    ]
    table = Table(rows, rows, "A title", ["a note", "another"])
    show(table, "table")
    piped = capsys.readouterr().out
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    show(table, "table")
    shown = re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out)
    assert piped.splitlines() == [line.rstrip() for line in shown.splitlines()]


@pytest.mark.parametrize("format", get_args(Format))
@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_obeys_no_name(
    format: Format,
    terminal: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As a title, a note or a cell; CSV that goes to a file is exact, and JSON says the same with its own escapes."""
    name = "a\x1b[2J\u202eb"
    rows = [{"name": name}]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    show(Table(rows, rows, title=name, notes=[name]), format)
    out = capsys.readouterr().out
    exact = format == "csv" and not terminal
    assert ("\x1b[2J" in out) == exact
    assert ("\u202e" in out) == exact
    if format == "json":
        assert json.loads(out) == rows


@pytest.mark.parametrize("width", [60, 80])
def test_googlenets_table_is_whole_on_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    table = atalho.show("googlenet")
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("FORCE_COLOR", "1")  # as a terminal
    show(table, "table")
    lines = re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= width
    assert not any("…" in line for line in lines)
    for row in table.rows:
        begins = f" {row['row']} "
        shown = " ".join(line for line in lines if line.startswith(begins))
        assert all(cell(value) in shown for value in row.values())


@pytest.mark.parametrize(("variable", "codes"), [("NO_COLOR", {"1", "2", "0"}), ("TERM", set())])
def test_a_terminal_without_colours_gets_none(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    codes: set[str],
) -> None:
    """Bold and dim are no colours; a dumb terminal gets no codes at all."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv(variable, "dumb")
    rows = [{"a": 1}]
    show(Table(rows, rows, "title", ["note"]), "table")
    assert {*re.findall(r"\x1b\[([\d;]*)m", capsys.readouterr().out)} == codes
