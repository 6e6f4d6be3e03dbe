"""Weights that torchvision publishes: where their files are, how their images are prepared, and their download."""

from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError, URLError

import torch

from atalho.data.batches import Preprocessing
from atalho.data.image import Framing
from atalho.errors import AtalhoError, Exit
from atalho.weights import layouts, presumed

TAGS = {"tv_in1k": "IMAGENET1K_V1", "tv2_in1k": "IMAGENET1K_V2"}
"""timm's name for torchvision's weights, with torchvision's own."""


class Published(NamedTuple):
    """Weights that torchvision publishes.

    Attributes:
        url: of the file.
        checksum: the first digits of its SHA-256.
        megabytes: its size.
    """

    url: str
    checksum: str
    framing: Framing
    preprocessing: Preprocessing
    megabytes: float

    @property
    def path(self) -> Path:
        """Where the file is kept: torch.hub's folder."""
        return Path(torch.hub.get_dir()) / "checkpoints" / self.url.rpartition("/")[2]


LICENCE = (
    "torchvision's, BSD-3-Clause; trained on ImageNet, whose terms are for non-commercial research"
)


def published(name: str, tag: str) -> Published:
    """The weights that `PUBLISHED` lists for a network, as torchvision describes them."""
    from torchvision.models import get_model_weights  # type: ignore[import-untyped]  # 2 s

    theirs = layouts.library_name(name)
    entry = get_model_weights(theirs)[TAGS[tag]]
    framing, preprocessing = presumed.of_torchvision(theirs, entry)
    checksum = entry.url.rpartition("-")[2].partition(".")[0]
    return Published(entry.url, checksum, framing, preprocessing, entry.meta["_file_size"])


def download(entry: Published, progress: bool) -> None:
    """Downloads published weights into torch.hub's folder, and checks their checksum."""
    path = entry.path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(entry.url, str(path), entry.checksum, progress)
        return
    except HTTPError as error:
        error.close()  # an HTTPError is also the open response
        cause: object = error.reason
    except URLError as error:
        cause = error.reason
    except (OSError, RuntimeError) as error:  # RuntimeError: another checksum
        cause = error
    raise AtalhoError(
        "WEIGHTS-DOWNLOAD",
        entry.url,
        f"could not be fetched ({cause}); nothing was kept",
        next_step=f"fetch it on a machine with a network, and put it at {path}",
        exit=Exit.CHECKPOINT,
    )
