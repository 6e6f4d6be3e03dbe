"""Where a network looked in the pictures that it takes for another class: small pictures beside those of its mistakes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from atalho.beside import ESTIMATED, EXACT, map_names
from atalho.comparison.crossvalidated import folder_of
from atalho.comparison.held_out import SPLIT
from atalho.comparison.learning import FITTED
from atalho.data import pictures
from atalho.data.dataset import Images
from atalho.errors import AtalhoError, printable
from atalho.evaluation.thumbnails import Album
from atalho.features import mistakes
from atalho.features.classifier import with_head
from atalho.probes import explaining
from atalho.runtime.device import Device
from atalho.weights import trained
from atalho.weights.config import numbered
from atalho.weights.trained import Trained


@dataclass(frozen=True)
class Looking:
    """A network whose mistakes are shown.

    Args:
        network: its name.
        weights: the folder with its weights.
        conditions: of its accuracy, with the outcome of every image.
        images: those that the accuracy is of.
        device: where maps are computed.
    """

    network: str
    weights: Path
    conditions: Mapping[str, Any]
    images: Images
    device: Device

    def write(self, folder: Path, say: Callable[[str], None]) -> None:
        """Writes the pictures that are missing beside the records of a comparison's folder, and removes those of other networks.

        They are red where a place speaks for the class that the image was taken for, and blue where it speaks against it.

        Args:
            say: is called with a line where there can be none.
        """
        album, rows = Album(folder), self._rows()
        names = {checksum: map_names(checksum, self.conditions) for checksum in rows}
        album.keep((name for own in names.values() for name in own.values()), "*.*")
        missing = [
            checksum
            for checksum, own in names.items()
            if own and not any(name in album for name in own.values())
        ]
        if not missing:
            return
        try:
            network, labels = self._judge(folder / FITTED)
            for checksum in missing:
                if checksum not in labels:
                    continue
                drawn = self._drawn(network, rows[checksum], labels[checksum])
                if drawn and not album.add(names[checksum][drawn[0]], drawn[1]):
                    return
        except Exception as error:  # other people's code fails in any way; all else is there
            say(printable(f"where {self.network} looked is not shown: {error}"))

    def _rows(self) -> dict[str, int]:
        """The row of each of the most confident mistakes, by the SHA-256 of its image."""
        listed = self.conditions["outcomes"]["pictures"]
        return {checksum: row for row, checksum, _ in listed if row < len(self.images.labels)}

    def _judge(self, fitted: Path) -> tuple[Trained, Mapping[str, int]]:
        """The network that made the mistakes, and the class for which it took the image, by the image's SHA-256.

        Of cross-validation these are the classifiers of the folds, as one with a class for each mistake.
        """
        network = trained.read(self.weights, named=self.network)
        if self.conditions["split"] == SPLIT:
            made = mistakes.read(folder_of(fitted, self.network, self.conditions))
            if made is None:
                return network, {}
            images = made.checksums()
            network = with_head(network, made.made_by, numbered(len(images)))
            labels = {checksum: label for label, checksum in enumerate(images)}
        else:
            predicted = self.conditions["outcomes"]["predicted"]
            labels = {checksum: predicted[row] for checksum, row in self._rows().items()}
        return network.to(self.device.torch), labels

    def _drawn(
        self, network: Trained, row: int, label: int
    ) -> tuple[str, pictures.Thumbnail] | None:
        """The kind of the map of an image, and the image with the map over it; None where the image cannot be read any more."""
        images = self.images.framed(network.framing).select(torch.tensor([row]))
        try:
            (batch,) = images.batches(1)
        except AtalhoError:
            return None
        maps = explaining.scaled_maps(network, batch.images, [label], self.device.torch)
        pixels = batch.images[0].numpy()
        _, picture = explaining.overlaid(pixels, maps.parts[0], pictures.SIDE)
        return EXACT if maps.exact else ESTIMATED, pictures.small(picture)
