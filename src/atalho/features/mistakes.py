"""The most confident mistakes of cross-validation, each with the part of the fold's classifier that made it."""

from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from atalho.features.classifier import LinearHead
from atalho.features.head import Head
from atalho.files import write_atomically

FILE = "mistakes.safetensors"


@dataclass(frozen=True)
class Mistakes:
    """Images that were taken for another class.

    Attributes:
        images: (M, 32) bytes, the SHA-256 of each.
        made_by: a class for each of the images: its logit is that of the class which the image was taken for, by the classifier
            that tested the image and had not seen it.
    """

    images: Tensor
    made_by: LinearHead

    @classmethod
    def of(cls, images: list[bytes], heads: list[Head], predicted: list[int]) -> "Mistakes":
        """Images, each with the classifier that tested it and the class that it was taken for; at least one."""
        pairs = [*zip(heads, predicted, strict=True)]
        weight = torch.stack([torch.from_numpy(head.weight[label]) for head, label in pairs])
        bias = torch.tensor([float(head.bias[label]) for head, label in pairs])
        keys = torch.frombuffer(bytearray(b"".join(images)), dtype=torch.uint8)
        return cls(keys.reshape(-1, 32), LinearHead(weight.float(), bias))

    def checksums(self) -> list[str]:
        """The SHA-256 of each image, in hexadecimal digits."""
        return [bytes(row).hex() for row in self.images.tolist()]

    def write(self, folder: Path) -> None:
        """Writes them beside the network's weights."""
        tensors = {
            "images": self.images,
            "weight": self.made_by.weight,
            "bias": self.made_by.bias,
        }
        write_atomically(folder / FILE, safetensors.torch.save(tensors))


def read(folder: Path) -> Mistakes | None:
    """What lies beside a network's weights; None where nothing does that can be read."""
    try:
        tensors = safetensors.torch.load((folder / FILE).read_bytes())
        return Mistakes(tensors["images"], LinearHead(tensors["weight"], tensors["bias"]))
    except (OSError, SafetensorError, KeyError):
        return None
