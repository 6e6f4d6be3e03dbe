"""Networks with weights on all photos: classifiers on their frozen features, cross-validated, and fitted on every photo.

fitted/NETWORK-CHECKSUM/   each network with its classifier, the out-of-fold answers that it promises, and what made its mistakes
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from atalho.comparison.held_out import SPLIT, HeldOut, images_of
from atalho.conditions import digest
from atalho.data.dataset import Dataset
from atalho.features import learning
from atalho.features.classifier import classifier, with_head
from atalho.features.crossvalidation import CrossValidated, Settings, cross_validate
from atalho.features.embedding import Embedding
from atalho.features.extraction import Extraction, features
from atalho.features.mistakes import Mistakes
from atalho.networks.subjects import folder_name
from atalho.record import Record
from atalho.statistics import wilson
from atalho.tasks import Round, Step
from atalho.training import stated
from atalho.training.listeners import SILENT, Listeners
from atalho.training.resolution import LINEAR, Resolved
from atalho.weights import fitting, trained
from atalho.weights.trained import Trained

PROTOCOL = "each image once, by a classifier that was fitted on other images, single view"
QUANTITIES = ("top1", "top5", "balanced_accuracy", "loss", "nested_top1", "learning_top1")


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

    def round(self) -> Round:
        """The step that cross-validates the networks, of which all are fitted again where one is new."""
        steps = tuple(
            Step(
                "cross-validation",
                each.arguments.network,
                QUANTITIES,
                partial(self.conditions, each),
                lambda: (),
            )
            for each in self.networks
        )
        return Round("cross-validation", steps, self._measure)

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
            **stated.of_data(data.identity),
            "recipe": LINEAR,
            "trained_on": "train and val" if data.own_test else "all",
            "start": f"sha256:{arguments.start.weights}",
            "optimise": settings.objective.text,
            "arguments": f"sha256:{digest(decided)}",
            "split": SPLIT,
            "folds": settings.folds,
            "protocol": PROTOCOL,
            "dtype": "float32",
        }

    def _folder(self, network: Resolved) -> Path:
        return folder_of(self.folder, network.arguments.network, self.conditions(network))

    # What is measured

    @cached_property
    def _embeddings(self) -> dict[str, Embedding]:
        embeddings = {}
        for each in self.networks:
            assert each.data and each.arguments.start
            name, images = each.arguments.network, images_of(each.data)
            begun = fitting.for_input(each.arguments.start, each.data.input)
            how = Extraction(each.arguments.device, self.listeners.warn, self.listeners.reading)
            embeddings[name] = Embedding.of(images, features(begun, images, how))
        return embeddings

    @cached_property
    def _outcome(self) -> CrossValidated:
        classes = len(self._first.classes)
        return cross_validate(self._embeddings, classes, self.settings)

    @property
    def _first(self) -> Dataset:
        data = self.networks[0].data
        assert data
        return data

    def _measure(self, left: Sequence[Step]) -> Iterator[Record]:
        names = {step.subject for step in left}
        for network in self.networks:
            if network.arguments.network in names:
                self._write(network)
                yield from self._records(network)
        yield self._nested()

    def _write(self, network: Resolved) -> None:
        """The network with the classifier that is fitted on all photos, in its folder."""
        arguments, data = network.arguments, network.data
        assert data and arguments.start
        name = arguments.network
        begun = fitting.for_input(arguments.start, data.input)
        classes = {each: each for each in data.classes}
        own = with_head(begun, self._outcome.heads[name].linear(), classes)
        folder = self._folder(network)
        folder.mkdir(parents=True, exist_ok=True)
        self._write_mistakes(network, folder)
        self._held_out(network).write(folder, own)

    def _write_mistakes(self, network: Resolved, folder: Path) -> None:
        """The mistakes whose pictures a record names, with the classifiers of the folds that made them."""
        name, outcome = network.arguments.network, self._outcome
        answers = self._held_out(network).accuracy.outcomes
        assert answers
        if rows := answers.most_confident_mistakes():
            heads = [outcome.fold_heads[outcome.tested_in[row]][name] for row in rows]
            images = [self._embeddings[name].images[row] for row in rows]
            Mistakes.of(images, heads, answers.predicted[rows].tolist()).write(folder)

    def _held_out(self, network: Resolved) -> HeldOut:
        """What the network says of each photo by the classifiers of the folds that have not seen it."""
        assert network.data
        name = network.arguments.network
        return HeldOut(name, network.data, self._outcome.logits[name])

    def _records(self, network: Resolved) -> Iterator[Record]:
        data, name, conditions = network.data, network.arguments.network, self.conditions(network)
        assert data
        yield from self._held_out(network).records(conditions)
        curve = learning.curve(
            self._embeddings[name],
            len(data.classes),
            self._outcome.heads[name].strength,
            balanced=self.settings.balanced,
            folds=self.settings.folds,
        )
        images = len(self._embeddings[name].labels)
        for count, top1 in curve:
            yield Record.of(
                name,
                "learning_top1",
                top1,
                "measured",
                **conditions,
                images=images,
                fitted_on=count,
            )

    def _nested(self) -> Record:
        """The accuracy of choosing inside the folds, of the network that the most folds choose."""
        outcome = self._outcome
        chosen = max(outcome.chosen, key=outcome.chosen.count)
        network = next(each for each in self.networks if each.arguments.network == chosen)
        assert network.data
        measured = HeldOut(chosen, network.data, outcome.nested).accuracy
        return Record.of(
            chosen,
            "nested_top1",
            measured.top1,
            "measured",
            **self.conditions(network),
            images=measured.images,
            interval=list(wilson(measured.top1, measured.images)),
            competitors=[each.arguments.network for each in self.networks],
        )


def folder_of(fitted: Path, network: str, conditions: Mapping[str, Any]) -> Path:
    """The folder of a network with its classifier.

    Args:
        fitted: the folder of all such folders.
        conditions: of the network's cross-validation.
    """
    checksum = conditions["arguments"].removeprefix("sha256:")
    return fitted / f"{folder_name(network)}-{checksum[:8]}"


def _numbered(groups: Sequence[int]) -> list[int]:
    """The same groups, numbered in the order in which they come."""
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    return [numbers[group] for group in groups]
