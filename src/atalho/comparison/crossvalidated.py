"""Networks with weights on all photos: classifiers on their frozen features, cross-validated, and fitted on every photo.

fitted/NETWORK-CHECKSUM/   each network with its classifier, the out-of-fold answers that it promises, what made its mistakes, and in
                           folds.jsonl how well it does in each fold without the photos that the fold tests; its records.jsonl is written last
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from atalho import record
from atalho.choice.choosing import Limits
from atalho.comparison import nested, rehearsal
from atalho.comparison.held_out import SPLIT, HeldOut, images_of
from atalho.comparison.rehearsal import Rehearsal
from atalho.conditions import digest
from atalho.data.dataset import Dataset
from atalho.errors import AtalhoError
from atalho.features import learning
from atalho.features.classifier import classifier, with_head
from atalho.features.crossvalidation import CrossValidated, Settings, cross_validate
from atalho.features.embedding import Embedding
from atalho.features.extraction import Extraction, features, rehearsed
from atalho.features.mistakes import Mistakes
from atalho.files import write_atomically
from atalho.lock import locked_inside
from atalho.networks.subjects import folder_name
from atalho.ranking import Comparison
from atalho.record import Record
from atalho.tasks import Step
from atalho.training import stated
from atalho.training.listeners import SILENT, Listeners
from atalho.training.resolution import LINEAR, Resolved
from atalho.weights import fitting, trained
from atalho.weights.trained import Trained

RECORDS = "records.jsonl"
PROTOCOL = "each image once, by a classifier that was fitted on other images, single view"
QUANTITIES = ("top1", "top5", "balanced_accuracy", "loss", "learning_top1")


def possible(start: Trained | None, data: Dataset, say: Callable[[str], None]) -> bool:
    """Whether a network can be cross-validated on its features: it has weights that have not seen the data, and a linear classifier.

    Args:
        say: is called with why it cannot.
    """
    if start is None:
        return False
    if start.data and start.data.checksum == data.checksum:
        say(f"{start.network.name} was trained on {data.name}: its features know these images")
        return False
    if classifier(start) is None:
        say(f"{start.network.name} ends in no linear layer, which could be fitted alone")
        return False
    return True


@dataclass(frozen=True)
class Photos:
    """Networks that are cross-validated on the same photos.

    Args:
        networks: each with weights to begin from, and the photos in its framing.
        folder: for the fitted networks.
        listeners: of lines that a person should read, and of the images that features are computed of.
    """

    networks: Sequence[Resolved]
    settings: Settings
    folder: Path
    listeners: Listeners = SILENT

    def steps(self) -> list[Step]:
        """For each network the step that cross-validates it and fits it on all photos."""
        return [*map(self.step, self.networks)]

    def step(self, network: Resolved) -> Step:
        """The step of one network."""
        return Step(
            "cross-validation",
            network.arguments.network,
            QUANTITIES,
            partial(self.conditions, network),
            partial(self.run, network),
        )

    def nested(self, chosen: str, ranked: Comparison, limits: Limits, margin: float) -> Step | None:
        """The step that makes a choice inside the folds too; None where not all that it is made among were cross-validated here.

        Args:
            chosen: the network that was chosen on all photos.
            ranked: the networks side by side, with their costs.
            limits, margin: as of `choose`.
        """
        own = {each.arguments.network: each for each in self.networks}
        folders = {
            row.network: folder_of(
                self.folder, row.network, row.readings["top1"].records[-1].conditions
            )
            for row in nested.within(ranked, limits)
        }
        for name, folder in folders.items():
            if (
                name in own
                and folder == self._folder(own[name])
                and not (folder / nested.FILE).exists()
            ):
                self._write(own[name])
        if chosen not in own or not all((each / nested.FILE).exists() for each in folders.values()):
            return None
        data = own[chosen].data
        assert data
        inside = nested.Nested(chosen, folders, ranked, limits, margin)
        return inside.step(images_of(data), self._shared(data))

    def identity(self, network: Resolved) -> Mapping[str, Any]:
        """The conditions by which whatever is measured of a fitted network is known to be of it."""
        return {"arguments": self.conditions(network)["arguments"]}

    def fitted(self, network: Resolved) -> Trained:
        """A network with its classifier; it is cross-validated first, where that was not done."""
        folder = self._folder(network)
        if not (folder / trained.FILES[0]).exists():
            self._write(network)
        return trained.read(folder, named=network.arguments.network)

    # What the records say

    def conditions(self, network: Resolved) -> dict[str, Any]:
        """The conditions of the records of a network with its linear classifier."""
        arguments, data = network.arguments, network.data
        assert data and arguments.start
        settings = self.settings
        decided = {
            "network": arguments.network,
            "data": data.checksum,
            "groups": _numbered(images_of(data).groups()),
            "framing": str(data.framing),
            "start": arguments.start.weights,
            "optimise": settings.objective.text,
            "balanced": settings.balanced,
            "folds": settings.folds,
        }
        return {
            **self._shared(data),
            "start": f"sha256:{arguments.start.weights}",
            "arguments": f"sha256:{digest(decided)}",
        }

    def _shared(self, data: Dataset) -> dict[str, Any]:
        """The conditions that do not depend on the network."""
        return {
            **stated.of_data(data.identity),
            "recipe": LINEAR,
            "trained_on": "train and val" if data.own_test else "all",
            "optimise": self.settings.objective.text,
            "split": SPLIT,
            "folds": self.settings.folds,
            "protocol": PROTOCOL,
            "dtype": "float32",
        }

    def _folder(self, network: Resolved) -> Path:
        return folder_of(self.folder, network.arguments.network, self.conditions(network))

    # What is measured

    def finished(self, network: Resolved) -> bool:
        """Whether a network was cross-validated, with its records in its folder."""
        return bool(self._records(network))

    def run(self, network: Resolved) -> list[Record]:
        """The records of a network's cross-validation, which is carried out first where that was not done.

        Raises:
            AtalhoError: IN-USE (exit 2), while another process does it; as `features`.
        """
        folder = self._folder(network)
        with locked_inside(folder):
            records = self._records(network)
            if not records:
                self._write(network)
                records = [*self._measured(network)]
                write_atomically(folder / RECORDS, record.lines(records))
        return records

    def rehearse(self, network: Resolved) -> Rehearsal:
        """What a network's cross-validation would take here but for the fits, by the features of a few photos.

        This process must have done nothing else.
        """
        data, start = network.data, network.arguments.start
        assert data and start
        device = network.arguments.device
        begun = fitting.for_input(start, data.input)
        how = Extraction(device, self.listeners.warn)
        seconds, missing = rehearsed(begun, images_of(data), how)
        weights = sum(each.nbytes for each in begun.model.state_dict().values())
        return rehearsal.measured(device, seconds * missing, missing, weights)

    def _records(self, network: Resolved) -> list[Record]:
        """The records in a network's folder; none where they are not of this cross-validation, or damaged."""
        file = self._folder(network) / RECORDS
        try:
            records = record.read(file) if file.exists() else []
        except AtalhoError as error:
            self.listeners.warn(f"{file}: {error.cause}; it is measured anew")
            records = []
        return records if self.step(network).done(records) else []

    @cached_property
    def _known(self) -> dict[str, tuple[Embedding, CrossValidated]]:
        """The networks that were cross-validated already, by their names."""
        return {}

    def _of(self, network: Resolved) -> tuple[Embedding, CrossValidated]:
        """A network's features of the photos, and its cross-validation."""
        name, data = network.arguments.network, network.data
        assert data and network.arguments.start
        if name not in self._known:
            images = images_of(data)
            begun = fitting.for_input(network.arguments.start, data.input)
            how = Extraction(network.arguments.device, self.listeners.warn, self.listeners.reading)
            embedding = Embedding.of(images, features(begun, images, how))
            outcome = cross_validate(embedding, len(data.classes), self.settings)
            self._known[name] = embedding, outcome
        return self._known[name]

    def _held_out(self, network: Resolved) -> HeldOut:
        """What the network says of each photo by the classifiers of the folds that have not seen it."""
        assert network.data
        _, outcome = self._of(network)
        return HeldOut(network.arguments.network, network.data, outcome.logits)

    def _write(self, network: Resolved) -> None:
        """The network with the classifier that is fitted on all photos, in its folder."""
        data, start = network.data, network.arguments.start
        assert data and start
        _, outcome = self._of(network)
        classes = {each: each for each in data.classes}
        own = with_head(fitting.for_input(start, data.input), outcome.head.linear(), classes)
        folder = self._folder(network)
        folder.mkdir(parents=True, exist_ok=True)
        self._write_mistakes(network, folder)
        (folder / nested.FILE).unlink(missing_ok=True)
        record.append(folder / nested.FILE, self._of_folds(network))
        self._held_out(network).write(folder, own)

    def _write_mistakes(self, network: Resolved, folder: Path) -> None:
        """The mistakes whose pictures a record names, with the classifiers of the folds that made them."""
        embedding, outcome = self._of(network)
        answers = self._held_out(network).accuracy.outcomes
        if rows := answers.most_confident_mistakes():
            heads = [outcome.fold_heads[outcome.tested_in[row]] for row in rows]
            images = [embedding.images[row] for row in rows]
            Mistakes.of(images, heads, answers.predicted[rows].tolist()).write(folder)

    def _of_folds(self, network: Resolved) -> Iterator[Record]:
        assert network.data
        embedding, outcome = self._of(network)
        name, classes = network.arguments.network, network.data.classes
        yield from nested.of_folds(
            name, classes, embedding.labels, outcome, self.conditions(network)
        )

    def _measured(self, network: Resolved) -> Iterator[Record]:
        (embedding, outcome), conditions = self._of(network), self.conditions(network)
        assert network.data
        yield from self._held_out(network).records(conditions)
        for count, top1 in learning.curve(
            embedding,
            len(network.data.classes),
            outcome.head.strength,
            balanced=self.settings.balanced,
            folds=self.settings.folds,
        ):
            points = {**conditions, "images": len(embedding.labels), "fitted_on": count}
            yield Record.of(network.arguments.network, "learning_top1", top1, "measured", **points)


def folder_of(fitted: Path, network: str, conditions: Mapping[str, Any]) -> Path:
    """The folder of a network with its classifier.

    Args:
        fitted: the folder of all such folders.
        conditions: of the network's cross-validation.
    """
    checksum = str(conditions.get("arguments")).removeprefix("sha256:")
    return fitted / f"{folder_name(network)}-{checksum[:8]}"


def _numbered(groups: Sequence[int]) -> list[int]:
    """The same groups, numbered in the order in which they come."""
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    return [numbers[group] for group in groups]
