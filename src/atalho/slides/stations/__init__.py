"""The stations of the lecture, in its order: one a file, each with what its page shows."""

from atalho.slides.lecture import Station
from atalho.slides.stations import deeper, googlenet, reduction, residual, table, training

STATIONS: tuple[Station, ...] = (
    reduction.STATION,
    googlenet.STATION,
    table.STATION,
    residual.STATION,
    training.STATION,
    deeper.STATION,
)
