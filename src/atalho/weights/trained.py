"""A network with weights, the names of its classes, and how a picture is turned into its input.

On disk it is a folder of `model.safetensors` (or torch's `pytorch_model.bin`) and `config.json`.
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
from atalho.weights import config, out_of_fold, statedict, tensorfile, weightfile
from atalho.weights.calibration import Calibration
from atalho.weights.config import Classes, Config
from atalho.weights.out_of_fold import OutOfFold

FILES = ("model.safetensors", "pytorch_model.bin")

BATCH_IMAGES, BATCH_PIXELS = 500, 2_000_000
"""The most images and pixels in a batch of the default size: 39 images of 224×224."""


@dataclass(frozen=True)
class Trained:
    """A network with weights, ready to classify.

    Args:
        model: `network` as a module, in eval mode.
        framing: how a picture is brought to the network's input.
        preprocessing: what is done to its pixels then.
        weights: SHA-256 of the file that the weights are from.
        precision: what the network was tested in; None where that is not known, or where an engine decides.
        data: what the weights were trained on; None where that is not known.
        folder: where it was read from, with its engine's files where it has an engine; None of a network from elsewhere.
        calibration: of its probabilities; None where that is not known.
        out_of_fold: the photos that the network was fitted on, with the answers that it promises; None of a network whose
            accuracy is known from photos that were set aside.
    """

    network: Subject
    model: nn.Module
    framing: Framing
    preprocessing: Preprocessing
    classes: Classes
    weights: str
    precision: Precision | None = None
    data: DataIdentity | None = None
    folder: Path | None = None
    calibration: Calibration | None = None
    out_of_fold: OutOfFold | None = None

    @property
    def config(self) -> Config:
        """The content of its `config.json`, without the checksum of the weights."""
        return Config(
            self.network.name,
            self.framing,
            self.preprocessing,
            self.classes,
            self.precision,
            self.data,
            calibration=self.calibration,
        )

    @property
    def temperature(self) -> float:
        """By which its logits are divided before the softmax; 1 where it was not calibrated."""
        return self.calibration.temperature if self.calibration else 1.0

    def to(self, device: torch.device) -> "Trained":
        """The same, its model on a device, with channels last in memory."""
        model = self.model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return replace(self, model=model)


@dataclass(frozen=True)
class Inference:
    """How a network is run.

    Args:
        batch: images at a time; by default as many as `BATCH_IMAGES` and `BATCH_PIXELS` allow.
    """

    device: torch.device
    precision: Precision
    batch: int | None = None

    def batch_size(self, input: Shape) -> int:
        """Images at a time."""
        height, width = input[1:]
        return self.batch or max(1, min(BATCH_IMAGES, BATCH_PIXELS // (height * width)))


def read(folder: Path, *, named: str = "") -> Trained:
    """Loads the network of a folder with `config.json`.

    Args:
        named: the network that the user named; a function in a Python file is called only if the user named it.

    Raises:
        AtalhoError: CODE-UNNAMED (exit 5), where the config names a Python function that the user did not; CHECKPOINT-MISSING,
            CHECKPOINT-CONFIG or CHECKPOINT-DAMAGED (exit 4), or as `weightfile.read` and `restore`.
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
    settings = config.read(folder)
    subject = settings.network(folder / config.FILE, named)
    network, model = restore(subject, weightfile.read(file, subject))
    checksum = weightfile.sha256(file)
    if settings.weights not in (None, checksum):
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
        settings.framing,
        settings.preprocessing,
        settings.classes,
        checksum,
        settings.precision,
        settings.data,
        folder,
        settings.calibration,
        out_of_fold.read(folder),
    )


def write(folder: Path, state: statedict.State, settings: Config) -> str:
    """Writes `model.safetensors` and its `config.json`; returns the weights' SHA-256, which the config also gets."""
    data = safetensors.torch.save(tensorfile.separate(state), {"format": "pt"})
    checksum = hashlib.sha256(data).hexdigest()
    write_atomically(folder / FILES[0], data)
    replace(settings, weights=checksum).write(folder)
    return checksum


def restore(network: Subject, state: statedict.State) -> tuple[Subject, nn.Module]:
    """The network in eval mode with weights in any known layout; without its auxiliary heads, where the weights lack them.

    Floating-point weights become float32. Memory is allocated only after keys and shapes were checked.

    Raises:
        AtalhoError: (exit 4) as `statedict.to_own` and `statedict.load`.
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
