"""A chosen system's promises, held against the machine that it is on."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atalho.api.loading import DATA_DIR, is_folder
from atalho.api.records import add_records
from atalho.api.reporting import QUIET, Reporter
from atalho.api.trained import evaluate
from atalho.explain.table import Table
from atalho.record import Record
from atalho.runtime.device import resolve_device

if TYPE_CHECKING:
    from atalho.comparison.rechecking import Check


@dataclass(frozen=True)
class Rechecked:
    """What became of each promise.

    Args:
        holds: whether no promise that was checked fails.
        table: a row for each promise.
        records: of what was measured, with what was promised and whether it holds.
    """

    holds: bool
    table: Table
    records: list[Record]


def recheck(
    chosen: str | Path,
    data: str | None = None,
    *,
    data_dir: str | Path = DATA_DIR,
    records: str | Path | None = None,
    reporter: Reporter = QUIET,
) -> Rechecked:
    """Measures what a chosen system promises, on the device and with the threads that its engine was chosen for.

    Args:
        chosen: the folder that `compare` writes.
        data: labelled images to check the accuracy on, as in `evaluate`; a data set by name that it was trained on unless given.
        data_dir: as in `evaluate`.
        records: a file that the records are added to.

    Raises:
        AtalhoError: as `promises.read` (exit 4), before anything is measured; as `evaluate` and `resolve_device`.
    """
    from atalho.benchmark.workload import PhotoFiles
    from atalho.comparison import promises, rechecking

    folder = Path(chosen)
    made = promises.read(folder)
    from atalho.data import DATASETS
    from atalho.engines import engine_config

    config = engine_config.settings(folder)
    device = resolve_device(config.device, config.threads) if config else resolve_device()
    name = next(
        (
            each.record.conditions["data"]
            for each in made.promises
            if each.record.quantity == "top1"
        ),
        None,
    )
    data = data or (name if name in DATASETS else None)
    evaluation = None
    if data is not None:
        evaluation = evaluate(
            made.network, data, weights=folder, data_dir=data_dir, reporter=reporter
        )
    files = PhotoFiles.of_folder(Path(data)) if data and is_folder(data) else None
    reporter.say(f"measuring {made.network} on {device.model}")
    checks = [
        *rechecking.answers(made.promises, evaluation),
        *rechecking.costs(made.promises, rechecking.system(folder, made.network, device), files),
    ]
    measured = [each.record for each in checks if each.record]
    if records:
        add_records(records, measured)
    rows = [_row(each) for each in checks]
    document = [asdict(each) for each in measured]
    return Rechecked(
        all(each.holds is not False for each in checks), Table(rows, document), measured
    )


def _row(check: "Check") -> dict[str, Any]:
    """A promise as a row of the table."""
    from atalho.page.words.numbers import NAMES
    from atalho.record import HIGHER_IS_BETTER

    record = check.promise.record
    quantity = record.quantity
    now = check.now
    at = " (90th percentile)" if quantity == "latency" else ""
    return {
        "promise": NAMES[quantity] + at,
        "measured then": _plain(quantity, check.promise.measured),
        "promised": f"{'at least' if quantity in HIGHER_IS_BETTER else 'at most'} {_plain(quantity, check.promise.bound)}",
        "now": None if now is None else _plain(quantity, now),
        "holds": {True: "yes", False: "no", None: "not checked"}[check.holds],
        "note": check.note,
    }


def _plain(quantity: str, value: float) -> str:
    """A value with its unit, with a plain space between them for a terminal."""
    from atalho.page.words.numbers import text

    return text(quantity, value).replace("\u00a0", " ")
