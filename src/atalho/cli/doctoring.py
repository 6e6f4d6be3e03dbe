"""The command that looks at the installation and the machine: doctor."""

import click

import atalho
from atalho.cli import table
from atalho.cli.options import DATA_DIR, DataDir, FormatOption
from atalho.errors import Exit


def doctor(data_dir: DataDir = DATA_DIR, format: FormatOption = "table") -> None:
    """What this machine can do, and what each extra would add; exit code 1 where something is broken."""
    checkup = atalho.doctor(data_dir)
    table.show(checkup.table, format)
    if checkup.broken:
        raise click.exceptions.Exit(Exit.CHECK_FAILED)
