"""What a comparison keeps of its networks' mistakes beside the records, and of images that are none of the classes."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from atalho.api.loading import for_inference, is_folder
from atalho.api.reporting import Reporter
from atalho.beside import SUSPECTS
from atalho.errors import printable, wrong_option
from atalho.runtime.device import Device
from atalho.selection import selected

if TYPE_CHECKING:
    from atalho.comparison.comparing import Measured
    from atalho.data.dataset import Dataset


def unknown_folder(unknown: str | Path | None, data: str) -> Path | None:
    """The folder of images that are none of the classes: the one that the user names, or the one in the folder of photos.

    Raises:
        AtalhoError: USAGE (exit 2), where there is no network to show them to; DATA-EMPTY (exit 3), where there are no images.
    """
    from atalho.training.resolution import NO_DATA

    if unknown is None:
        from atalho.data.layout import layout

        return layout(Path(data)).unknown if is_folder(data) else None
    if data == NO_DATA:
        raise wrong_option("unknown", "it goes with --data, whose classes these images are none of")
    from atalho.evaluation.unknown import stated

    stated(Path(unknown))
    return Path(unknown)


def with_unknown(
    measured: "Measured", chosen: Path, unknown: Path, folder: Path, reporter: Reporter
) -> "Measured":
    """The same with how unsure the chosen network is of images of none of the classes, in records that are added to the folder.

    Args:
        chosen: the folder with the network on its engine.
    """
    import torch

    from atalho.comparison import unknowns
    from atalho.evaluation.unknown import Unknown, measure
    from atalho.page import outcomes
    from atalho.tasks import carry_out

    assert measured.choice
    network = measured.choice.chosen.network
    shown = outcomes.of_network(network, selected(measured.records, measured.queries))
    if shown is None:
        cause = "of which the outcome of every image is not known"
        reporter.say(printable(f"{unknown}: not shown to {network}, {cause}"))
        return measured

    def shown_to_it() -> Unknown:
        trained, inference = for_inference(
            network, chosen, None, reporter, device="auto", precision=None, threads=None, batch=None
        )
        return measure(trained, torch.tensor(shown.confidence), unknown, inference, reporter.say)

    step = unknowns.step(network, chosen, shown.conditions, unknown, shown_to_it)
    records = carry_out([step], folder, reporter.say)
    return replace(measured, records=records, queries=(*measured.queries, step.query))


def keep_mistakes(
    measured: "Measured",
    dataset: "Dataset",
    folder: Path,
    device: Device,
    keep_thumbnails: bool,
    reporter: Reporter,
) -> None:
    """Writes what lies beside the records on the mistakes of the network that the page shows: small pictures, and the table."""
    from atalho.comparison import held_out, published
    from atalho.comparison.looking import Looking
    from atalho.evaluation import suspects, thumbnails
    from atalho.page import outcomes

    splits = {
        **dataset.splits,
        **{each.SPLIT: each.images_of(dataset) for each in (held_out, published)},
    }
    if keep_thumbnails:
        thumbnails.write(measured.records, splits, folder)
    else:
        thumbnails.remove(folder)
    (folder / SUSPECTS).unlink(missing_ok=True)  # of another choice
    best = [measured.choice.chosen] if measured.choice else [*measured.ranked.rows[:1]]
    compared = selected(measured.records, measured.queries)
    for row in best:
        shown = outcomes.of_network(row.network, compared)
        if shown is None or (images := splits.get(str(shown.conditions.get("split")))) is None:
            continue
        suspects.write(shown.conditions["outcomes"], images, folder)
        weights = measured.engines.get(row.network)
        if keep_thumbnails and weights:
            looking = Looking(row.network, weights, shown.conditions, images, device)
            looking.write(folder, reporter.say)
