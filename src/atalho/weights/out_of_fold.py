"""What a network that was fitted on all photos promises: for each of them the logits of a fit that had not seen it."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from atalho.errors import AtalhoError, Exit
from atalho.weights import tensorfile

FILE = "out-of-fold.safetensors"


@dataclass(frozen=True)
class OutOfFold:
    """Photos that a network was fitted on.

    Args:
        images: (N, 32) bytes, the SHA-256 of each.
        logits: (N, classes) of fits on other photos.
    """

    images: Tensor
    logits: Tensor

    def by_image(self) -> dict[bytes, Tensor]:
        """(classes,) logits by the SHA-256 of their image."""
        keys = (bytes(row) for row in self.images.tolist())
        return dict(zip(keys, self.logits, strict=True))

    def write(self, folder: Path) -> None:
        """Writes them beside the network's weights."""
        tensors = {"images": self.images, "logits": self.logits.float()}
        tensorfile.write(folder / FILE, tensors)


def read(folder: Path) -> OutOfFold | None:
    """What lies beside a network's weights; None where nothing does.

    Raises:
        AtalhoError: CHECKPOINT-DAMAGED (exit 4), where it cannot be read.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        tensors, _ = tensorfile.read(path)
        return OutOfFold(tensors["images"], tensors["logits"])
    except (AtalhoError, KeyError) as error:
        cause = error.cause if isinstance(error, AtalhoError) else f"has no {error.args[0]}"
        raise AtalhoError(
            "CHECKPOINT-DAMAGED",
            path,
            f"{cause}; it says which photos the network was fitted on",
            next_step="take a copy that was not changed",
            exit=Exit.CHECKPOINT,
        ) from error
