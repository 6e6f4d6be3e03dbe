"""What a comparison trains: from what its caller asked for to networks, data and settings, the same on every machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from atalho.api.loading import (
    BadImages,
    Copies,
    begins_from,
    is_folder,
    load,
    load_data,
    training_precision,
)
from atalho.api.measuring import several
from atalho.api.reporting import Reporter
from atalho.errors import wrong_option
from atalho.runtime.device import Device, resolve_device
from atalho.runtime.precision import Precision

if TYPE_CHECKING:
    from atalho.data.dataset import Dataset
    from atalho.features.crossvalidation import Settings
    from atalho.recipes.changes import RecipeChanges
    from atalho.training.resolution import Resolved


@dataclass(frozen=True)
class Prepared:
    """The networks of a comparison with their data, ready to be trained.

    Args:
        dataset: photos in any framing; each network has them in its own. None where nothing is trained.
        settings: how networks are fitted that are cross-validated on their features.
        changes: to the recipe of every training.
    """

    networks: "Sequence[Resolved]"
    dataset: "Dataset | None"
    settings: "Settings"
    changes: "RecipeChanges"
    device: Device
    precision: Precision


@dataclass(frozen=True)
class Setup:
    """All that decides the trainings of a comparison, in values that JSON can hold.

    Args:
        precision: of the trainings; the fastest on the device unless given.
        networks, data, weights and all others: as of `compare`.
    """

    networks: str | Sequence[str]
    data: str
    data_dir: str
    bad_images: BadImages
    copies: Copies
    img_size: int | None
    weights: str | Mapping[str, str] | None
    from_scratch: bool
    recipe: str | None
    as_published: bool
    optimise: str
    class_weights: bool
    mirror: bool
    group_by: str | None
    epochs: float | None
    steps: int | None
    seed: int
    seeds: Sequence[int]
    device: str
    threads: int | None
    precision: Precision | None = None

    def prepare(self, reporter: Reporter) -> Prepared:
        """Loads the data and the weights, and resolves how each network is trained.

        Raises:
            AtalhoError: as `compare`, before anything is written.
        """
        from atalho.comparison import DEMONSTRATION, FOR_PHOTOS
        from atalho.recipes.changes import RecipeChanges
        from atalho.training.resolution import LINEAR, NO_DATA, Request, framing, resolve

        data, weights = self.data, self.weights
        names = several(self.networks) or (FOR_PHOTOS if is_folder(data) else DEMONSTRATION)
        weights_by_network = (
            dict.fromkeys(names, weights) if isinstance(weights, str) else dict(weights or {})
        )
        for name in weights_by_network:
            if name not in names:
                raise wrong_option("weights", f"{name} is not among the networks")
        if self.as_published and (self.from_scratch or self.recipe or not is_folder(data)):
            raise wrong_option(
                "as-published", "it goes with a folder of photos, and trains nothing"
            )
        changes = RecipeChanges(
            epochs=self.epochs,
            steps=self.steps,
            hold_out=True,
            balanced=self.class_weights or None,
            mirror=self.mirror or False,
        )
        beginnings = {
            name: begins_from(
                name,
                weights_by_network.get(name),
                data,
                self.recipe,
                from_scratch=self.from_scratch and name not in weights_by_network,
                reporter=reporter,
            )
            for name in names
        }
        requests = [
            Request(
                name, data, beginnings[name], self.recipe, changes, None, self.img_size, self.seed
            )
            for name in names
        ]
        from atalho.comparison import crossvalidated
        from atalho.features.crossvalidation import PLAIN, Settings
        from atalho.features.objective import parse

        device = resolve_device(self.device, self.threads)
        starts = [
            load(each.network, each.weights, new_head=True, reporter=reporter)
            if each.weights
            else None
            for each in requests
        ]
        pairs = [*zip(requests, starts, strict=True)]
        dataset, settings = None, PLAIN
        if data != NO_DATA:
            dataset = load_data(
                data,
                self.data_dir,
                reporter,
                framings=[framing(each, start) for each, start in pairs if each.photos],
                bad_images=self.bad_images,
                copies=self.copies,
                group_by=self.group_by,
                to_learn=not self.as_published,
            )
            objective = parse(self.optimise, dataset.classes)
            settings = Settings(objective, self.class_weights or objective.balanced)
            by_features = not self.as_published and self.recipe is None and is_folder(data)
            if by_features and changes.length_is_recipes:
                pairs = [
                    (replace(each, recipe=LINEAR), start)
                    if crossvalidated.possible(start, dataset, reporter.say)
                    else (each, start)
                    for each, start in pairs
                ]
        precision = self.precision or training_precision("auto", device)[0]
        networks = [
            replace(
                resolve(each, dataset, start, device, precision), as_published=self.as_published
            )
            for each, start in pairs
        ]
        return Prepared(networks, dataset, settings, changes, device, precision)
