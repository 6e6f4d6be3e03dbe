"""A network with weights, and what belongs to them: its classes by name and how a picture becomes its input.

A folder holds one as `model.safetensors` (or torch's `pytorch_model.bin`) with `config.json`.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from atalho.data.batches import Preprocessing
from atalho.data.dataset import DataIdentity
from atalho.data.image import Framing
from atalho.errors import AtalhoError, Exit
from atalho.files import write_atomically
from atalho.grammar.network import Network
from atalho.grammar.shape import Shape
from atalho.networks import subjects
from atalho.networks.subjects import Subject
from atalho.runtime.precision import Precision
from atalho.weights import config, statedict, tensorfile, weightfile
from atalho.weights.config import Classes, Config

FILES = ("model.safetensors", "pytorch_model.bin")

BATCH_IMAGES, BATCH_PIXELS = 500, 2_000_000
"""At most in a batch, unless its size is given: 39 images of 224×224."""


@dataclass(frozen=True)
class Trained:
    """A network with weights, ready to classify.

    Args:
        model: `network` as a module, in eval mode.
        framing: how a picture is brought to the network's input.
        preprocessing: what is done to its pixels then.
        weights: SHA-256 of the file that the weights are from.
        precision: what the network was tested in; None where that is not known, or is an engine's own matter.
        data: what the weights were trained on; None where that is not known.
    """

    network: Subject
    model: nn.Module
    framing: Framing
    preprocessing: Preprocessing
    classes: Classes
    weights: str
    precision: Precision | None = None
    data: DataIdentity | None = None

    @property
    def config(self) -> Config:
        """What `config.json` says of it, the checksum of the weights apart."""
        return Config(
            self.network.name,
            self.framing,
            self.preprocessing,
            self.classes,
            self.precision,
            self.data,
        )

    def to(self, device: torch.device) -> "Trained":
        """The same, its model on a device, with channels last in memory."""
        model = self.model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return replace(self, model=model)


@dataclass(frozen=True)
class Inference:
    """How a network is run.

    Args:
        batch: images at a time; by their size unless given.
    """

    device: torch.device
    precision: Precision
    batch: int | None = None

    def batch_size(self, input: Shape) -> int:
        """Images at a time."""
        height, width = input[1:]
        return self.batch or max(1, min(BATCH_IMAGES, BATCH_PIXELS // (height * width)))


def read(folder: Path, *, named: str = "") -> Trained:
    """What a folder with `config.json` holds.

    Args:
        named: the network that the user named; a function in a file is called for no other reason.

    Raises:
        AtalhoError: CODE-UNNAMED (exit 5), where the config names somebody's code; CHECKPOINT-MISSING, CHECKPOINT-CONFIG or
            CHECKPOINT-DAMAGED (exit 4), or as `weightfile.read` and `restore`.
    """
    file = next((folder / name for name in FILES if (folder / name).exists()), None)
    if file is None or not (folder / config.FILE).exists():
        raise AtalhoError(
            "CHECKPOINT-MISSING",
            folder,
            f"holds no {config.FILE} with {' or '.join(FILES)}",
            next_step="give a finished run, or a folder as timm's save_for_hf writes it",
            exit=Exit.CHECKPOINT,
        )
    said = config.read(folder)
    named_there = said.network(folder / config.FILE, named)
    network, model = restore(named_there, weightfile.read(file, named_there))
    checksum = weightfile.sha256(file)
    if said.weights not in (None, checksum):
        raise AtalhoError(
            "CHECKPOINT-DAMAGED",
            file,
            f"has another checksum than {config.FILE} gives it; it was changed after it was written",
            next_step="take a copy that was not changed",
            exit=Exit.CHECKPOINT,
        )
    return Trained(
        network,
        model,
        said.framing,
        said.preprocessing,
        said.classes,
        checksum,
        said.precision,
        said.data,
    )


def write(folder: Path, state: statedict.State, said: Config) -> str:
    """Writes `model.safetensors` and its `config.json`; returns the weights' SHA-256, which the config then has too."""
    data = safetensors.torch.save(tensorfile.separate(state), {"format": "pt"})
    checksum = hashlib.sha256(data).hexdigest()
    write_atomically(folder / FILES[0], data)
    replace(said, weights=checksum).write(folder)
    return checksum


def restore(network: Subject, state: statedict.State) -> tuple[Subject, nn.Module]:
    """The network in eval mode with weights in any known layout; without its auxiliary heads, where the weights lack them.

    Floating-point weights become float32. Memory is allocated once keys and shapes are known to be the network's.

    Raises:
        AtalhoError: (exit 4) as `weights.to_atalho` and `weights.load`.
    """
    state = statedict.to_own(network, state)
    if isinstance(network, Network) and not statedict.has_auxiliary(network, state):
        network = network.without_auxiliary()
    model = subjects.skeleton(network)
    statedict.check_shapes(model, state, network.name)
    if isinstance(network, Network):  # a foreign module may have buffers that no file holds
        model = model.to_empty(device="cpu")
    own = model.state_dict()
    state = {key: _as(own[key], tensor) for key, tensor in state.items()}
    statedict.load(model, state, network.name)
    return network, model.eval()


def _as(own: Tensor, foreign: Tensor) -> Tensor:
    """`foreign` in the precision of `own`; integers stay what they are."""
    both_floating = own.is_floating_point() and foreign.is_floating_point()
    return foreign.detach().to(own.dtype) if both_floating else foreign.detach()
