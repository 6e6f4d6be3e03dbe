"""From a user's request to a training's arguments and data: one resolution for all commands."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from atalho import recipes
from atalho.errors import wrong_option
from atalho.networks import subjects
from atalho.recipes.changes import UNCHANGED, RecipeChanges

if TYPE_CHECKING:  # they load torch, which is imported only after a request's names were checked
    from atalho.data.dataset import Dataset
    from atalho.data.image import Framing
    from atalho.networks.subjects import Subject
    from atalho.runtime.device import Device
    from atalho.runtime.precision import Precision
    from atalho.training.arguments import Arguments
    from atalho.weights.trained import Trained

LINEAR = "linear"
"""The name of the recipe that fits a classifier alone."""

NO_DATA = "none"
"""The name that stands for no data: nothing is trained."""


@dataclass(frozen=True)
class Request:
    """A user's request for a training; fields that are None are decided by the data and the weights.

    Args:
        network: as `subjects.get` takes it.
        data: the name of a data set, a folder of photos, or `NO_DATA`.
        weights: to begin from, as `pretrained.load` takes them; drawn from the seed unless given.
        recipe: its name; `finetune` with weights, and otherwise the data's default, unless given.
        changes: to the recipe.
        new_head: whether the weights' classifier is drawn anew; only where their classes are not the data's, unless given.
        img_size: the side of the input for photos, in pixels; the weights' or the paper's unless given.

    Raises:
        AtalhoError: (exit 2) NETWORK-UNKNOWN, RECIPE-UNKNOWN; USAGE, for options that do not go together.
    """

    network: str
    data: str = "digits"
    weights: str | None = None
    recipe: str | None = None
    changes: RecipeChanges = UNCHANGED
    new_head: bool | None = None
    img_size: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.new_head is not None and not self.weights:
            raise wrong_option("new-head", "it goes with --weights")
        subjects.check_name(self.network)
        if self.recipe:
            recipes.checked(self.recipe)
        if self.recipe == LINEAR and not self.weights:
            raise wrong_option(
                "recipe", f"{LINEAR} fits a classifier on features: it goes with --weights"
            )
        if self.recipe == LINEAR and self.new_head is False:
            raise wrong_option("keep-head", f"{LINEAR} fits a new one")
        if self.img_size and not self.photos:
            raise wrong_option("img-size", "it goes with a folder of photos")

    @property
    def photos(self) -> bool:
        """Whether the data are a folder of photos."""
        from atalho.data import DATASETS

        return self.data not in DATASETS and self.data != NO_DATA


@dataclass(frozen=True)
class Resolved:
    """The arguments and the data of a requested training.

    Args:
        data: framed for the network's input; None where nothing is trained.
        as_published: whether a comparison takes the weights as they are, whose classes are the data's.
    """

    arguments: "Arguments"
    data: "Dataset | None"
    as_published: bool = False

    @property
    def cross_validated(self) -> bool:
        """Whether a comparison cross-validates it on its features, in place of a run with validation and test images."""
        linear = self.arguments.recipe.name == LINEAR
        return self.data is not None and linear and not self.as_published

    @property
    def network(self) -> "Subject":
        """The network for the data's images and classes; without data as in its paper."""
        from atalho.data.dataset import network_for

        return network_for(self.arguments.network, self.data)


def resolve(
    request: Request,
    data: "Dataset | None",
    start: "Trained | None",
    device: "Device",
    precision: "Precision",
) -> Resolved:
    """The arguments of a training, and its data.

    Photos are framed for the network's input as its weights require, or else as in its paper: the networks of a comparison
    have the same photos, each framed in its own way.

    Args:
        data: as loaded; photos in any framing.
        start: the request's weights; the network that is trained is theirs, which may be a variant of the one requested.

    Raises:
        AtalhoError: INPUT-SHAPE (exit 2), for data that the network cannot take; as `subjects.check_trainable`, and as
            `RecipeChanges.apply`.
    """
    from atalho.data.dataset import network_for
    from atalho.training.arguments import Arguments

    name = start.network.name if start else request.network
    if data and request.photos:
        data = data.framed(framing(request, start))
    new_head = request.new_head
    if new_head is None:
        other = bool(start and data and tuple(start.classes) != data.classes)
        new_head = other or request.recipe == LINEAR
    network = network_for(name, data)
    if data:
        subjects.check_trainable(network)
    recipe_name = request.recipe or ("finetune" if start else recipes.default(request.data))
    recipe = request.changes.apply(recipes.get(recipe_name, subjects.facts(network)))
    arguments = Arguments(
        name, recipe, request.seed, device, precision, start=start, new_head=new_head
    )
    return Resolved(arguments, data)


def framing(request: Request, start: "Trained | None") -> "Framing":
    """How photos are framed for a network's input: as its weights require, or as in its paper, at the requested size."""
    from atalho.data.image import Framing

    side = request.img_size
    if not start:
        # The network of a function in a file may work at the requested size only.
        return Framing(subjects.get(request.network, input=(3, side, side) if side else None).input)
    channels, *_ = start.framing.input
    return replace(start.framing, input=(channels, side, side)) if side else start.framing
