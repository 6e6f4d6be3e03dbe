"""The stations of the lecture, in its order: one a file, each with what its page shows."""

from atalho.slides.lecture import Station
from atalho.slides.stations import (
    comparison,
    deeper,
    degradation,
    filters,
    googlenet,
    gradients,
    lesions,
    questions,
    reduction,
    residual,
    table,
    training,
)

STATIONS: tuple[Station, ...] = tuple(
    module.STATION
    for module in (
        filters,
        reduction,
        googlenet,
        table,
        residual,
        training,
        degradation,
        gradients,
        lesions,
        deeper,
        comparison,
        questions,
    )
)
