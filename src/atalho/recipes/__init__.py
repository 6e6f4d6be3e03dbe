"""Recipes by name. A recipe is a function from facts about a network to how it is trained, as frozen data."""

from collections.abc import Callable

from atalho.errors import AtalhoError, Exit
from atalho.grammar.facts import Facts
from atalho.recipes.finetune import finetune
from atalho.recipes.he2015_cifar import he2015_cifar
from atalho.recipes.he2015_imagenet import he2015_imagenet, he2015_imagenet_steps
from atalho.recipes.linear import linear
from atalho.recipes.quick import quick
from atalho.recipes.recipe import Recipe
from atalho.recipes.szegedy2014 import szegedy2014

RECIPES: dict[str, Callable[[Facts], Recipe]] = {
    "he2015_cifar": he2015_cifar,
    "he2015_imagenet": he2015_imagenet,
    "he2015_imagenet_steps": he2015_imagenet_steps,
    "szegedy2014": szegedy2014,
    "finetune": finetune,
    "linear": linear,
    "quick": quick,
}

DEFAULTS = {"cifar10": "he2015_cifar", "cifar100": "he2015_cifar", "digits": "quick"}
"""The default recipe of each data set."""


def default(data: str) -> str:
    """The name of the default recipe of a data set; `quick` for data without an entry in `DEFAULTS`."""
    return DEFAULTS.get(data, "quick")


def checked(name: str) -> str:
    """Returns `name`, which must be that of a recipe.

    Raises:
        AtalhoError: RECIPE-UNKNOWN (exit 2).
    """
    if name not in RECIPES:
        raise AtalhoError(
            "RECIPE-UNKNOWN",
            name,
            f"no recipe of that name; there are {', '.join(RECIPES)}",
            next_step="--recipe quick",
            exit=Exit.USAGE,
        )
    return name


def get(name: str, network: Facts) -> Recipe:
    """The recipe called `name` for a network with these facts.

    Raises:
        AtalhoError: RECIPE-UNKNOWN (exit 2).
    """
    return RECIPES[checked(name)](network)
