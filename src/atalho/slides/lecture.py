"""What every station is made from: the catalogue's tables, the records, the verdicts, the words and a photo."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from atalho import claims
from atalho.claims import Finding
from atalho.claims.tables import Tables
from atalho.record import Record
from atalho.slides.words import Words


@dataclass(frozen=True)
class Material:
    """What the stations of every language are made from.

    Args:
        records: of trainings, diagnoses and comparisons; what they do not have, those that go with the package do.
    """

    records: Sequence[Record]
    tables: Tables = field(default_factory=Tables)

    @cached_property
    def findings(self) -> Mapping[str, Finding]:
        """The verdict on every claim, by its id."""
        return {each.claim.id: each for each in claims.verify(records=self.records)}

    def sufficient(self, suffices: Callable[[Sequence[Record]], object]) -> Sequence[Record]:
        """Returns the records where they suffice for a station, else those that go with the package.

        Args:
            suffices: whether a station can be made from records; what it returns is taken as true or false.
        """
        return self.records if suffices(self.records) else claims.shipped()


@dataclass(frozen=True)
class View:
    """What one station shows.

    Args:
        values: what its template names.
        data: what its scripts read, as JSON can hold it.
        styles: style sheets inside its drawings, which the page's policy lets in.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    styles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Station:
    """A part of the lecture, in the lecture's order.

    Args:
        name: of its page, its template, its messages and its script.
        view: makes what it shows, in the language of the words.
        claims: the ids of the claims that it examines.
        live: whether it has a script.
    """

    name: str
    view: Callable[[Material, Words], View]
    claims: tuple[str, ...] = ()
    live: bool = True
