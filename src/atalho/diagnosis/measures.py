"""The measures of a diagnosis: each returns its steps for a network at one moment of its training."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from atalho.data.dataset import Dataset
from atalho.diagnosis.moments import Snapshot
from atalho.errors import AtalhoError, Exit
from atalho.grammar.module import Model
from atalho.networks import subjects
from atalho.networks.subjects import Subject
from atalho.probes import flow, lesions, paths, responses, shattering, surface
from atalho.probes.lesions import Lesion
from atalho.probes.passes import Join, joins
from atalho.probes.shown import prepared, spread
from atalho.record import Record
from atalho.runtime import machine
from atalho.runtime.device import Device
from atalho.tasks import Step

LESION_IMAGES = 1_000  # at most, of the test split

Measuring = Callable[..., Iterable[Record]]


@dataclass(frozen=True)
class Moment:
    """A network at one moment of its training, which is computed when the first measure needs it.

    Args:
        snapshot: returns the network at that moment: computed at the first call, the same one afterwards.
        data: None where the network is run on noise.
        batch: number of images that gradients are computed for.
        conditions: of all its records.
        absent: is called with a line for each measure that is not possible for this network or at this moment.
    """

    network: Subject
    snapshot: Callable[[], Snapshot]
    data: Dataset | None
    batch: int
    auxiliary_weight: float
    device: Device
    conditions: dict[str, Any]
    absent: Callable[[str], None]

    @cached_property
    def table(self) -> Model | None:
        """The module built from the network's table, without values for its weights; None where the network has no table."""
        skeleton = subjects.skeleton(self.network)
        return skeleton if isinstance(skeleton, Model) else None

    @cached_property
    def joins(self) -> dict[str, Join]:
        """The joins of the table's rows, by row; empty without a table."""
        return joins(self.table) if self.table else {}

    @property
    def residual(self) -> bool:
        """Whether it has residual blocks."""
        return any(join.adds for join in self.joins.values())

    def step(self, name: str, quantity: str, measure: Measuring, **own_conditions: Any) -> Step:
        """A step of the diagnosis.

        Args:
            name: of the step, for messages.
            quantity: of a record that shows that the step is done.
            measure: is called with the snapshot and the conditions, and returns the records.
            own_conditions: of that record, beside the conditions of the moment.
        """
        moment = self.conditions["moment"]

        def measured() -> list[Record]:
            try:
                return [*measure(self.snapshot(), **self._stated())]
            except ValueError as error:  # a record holds a finite number
                raise AtalhoError(
                    "NOT-FINITE",
                    self.network.name,
                    f"{error}, at moment {moment}; what was measured before is kept",
                    next_step="an earlier moment, or a recipe with a lower rate",
                    exit=Exit.NUMBERS,
                ) from error

        def stated() -> dict[str, Any]:
            return {**self._stated(), **own_conditions}

        return Step(f"{name} at {moment}", self.network.name, (quantity,), stated, measured)

    def _stated(self) -> dict[str, Any]:
        """The conditions that all records of the moment have, with the machine and the time."""
        return {**self.conditions, **machine.conditions(self.device)}

    def of_batch(
        self, name: str, quantity: str, records: Measuring, *more: Any, most: int | None = None
    ) -> Step:
        """A step that measures on the snapshot's batch.

        Args:
            records: is called with the network's name, model, batch, `more` and the conditions.
            most: how many images of the batch it uses at most; all unless given.
        """

        def measure(snapshot: Snapshot, **conditions: Any) -> Iterable[Record]:
            return records(self.network.name, snapshot.model, snapshot.batch, *more, **conditions)

        images = self.batch if most is None else min(self.batch, most)
        return self.step(name, quantity, self.on("train", measure), batch=images)

    def on(self, split: str, measure: Measuring) -> Measuring:
        """The measure with the split among its records' conditions, unless the network is run on noise."""
        return partial(measure, split=split) if self.data else measure


def _flow(at: Moment) -> Iterator[Step]:
    yield at.of_batch("gradient norms", "gradient_norm", flow.records, at.auxiliary_weight)
    if at.table:
        quantity = "shortcut_share" if at.residual or not at.joins else "branch_share"
        yield at.of_batch("gradient shares", quantity, flow.share_records, at.auxiliary_weight)
    else:
        at.absent("no gradient shares; only a table says where branches meet")


def _responses(at: Moment) -> Iterator[Step]:
    yield at.of_batch("responses", "response_std", responses.records)


def _shattering(at: Moment) -> Iterator[Step]:
    yield at.of_batch(
        "shattering", "gradient_correlation", shattering.records, most=shattering.IMAGES
    )


def _paths(at: Moment) -> Iterator[Step]:
    if at.residual:
        yield at.of_batch(
            "paths", "path_gradient", paths.records, at.auxiliary_weight, most=paths.IMAGES
        )
    else:
        at.absent("no paths by length; it is no table with residual blocks")


def _lesions(at: Moment) -> Iterator[Step]:
    if not at.table:
        at.absent("no lesions; only a table says which blocks can be taken out")
    elif at.data is None or at.conditions["moment"] == "0":
        at.absent("no lesions at 0; there is nothing yet that they could harm")
    else:
        images = spread(at.data.splits["test"], LESION_IMAGES)

        def accuracy(snapshot: Snapshot, lesion: Lesion, **conditions: Any) -> Iterable[Record]:
            assert isinstance(snapshot.model, Model) and snapshot.preprocessing is not None
            name = at.network.name
            yield lesions.record(
                name, snapshot.model, lesion, images, snapshot.preprocessing, **conditions
            )

        for lesion in lesions.lesions(at.table):
            own_conditions = {"lesion": lesion.kind, "rows": list(lesion.rows)}
            measure = at.on("test", partial(accuracy, lesion=lesion))
            yield at.step(str(lesion), "lesion_top1", measure, **own_conditions)


def _surface(at: Moment) -> Iterator[Step]:
    if at.data is None or at.conditions["moment"] == "0":
        at.absent("no loss surface at 0; it is one around trained weights")
        return
    images = spread(at.data.splits["train"], surface.IMAGES)

    def line(snapshot: Snapshot, beta: float, **conditions: Any) -> Iterable[Record]:
        assert snapshot.preprocessing is not None
        inputs = prepared(images, snapshot.preprocessing, at.device.torch)
        yield surface.record(at.network.name, snapshot.model, inputs, beta, **conditions)

    for beta in surface.coordinates():
        measure = at.on("train", partial(line, beta=beta))
        yield at.step(f"loss surface, β = {beta:+.2f},", "surface_loss", measure, beta=beta)


MEASURES: dict[str, Callable[[Moment], Iterator[Step]]] = {
    "flow": _flow,
    "responses": _responses,
    "shattering": _shattering,
    "paths": _paths,
    "lesions": _lesions,
    "surface": _surface,
}
"""The measures by name; the first three take seconds, the others minutes."""
