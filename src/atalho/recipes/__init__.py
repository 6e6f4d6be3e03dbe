"""Recipes: how a paper trained its networks; a recipe is a function of facts about a network that returns frozen data."""

from collections.abc import Callable

from atalho.errors import AtalhoError, Exit
from atalho.grammar.facts import Facts
from atalho.recipes.finetune import finetune
from atalho.recipes.he2015_cifar import he2015_cifar
from atalho.recipes.he2015_imagenet import he2015_imagenet, he2015_imagenet_steps
from atalho.recipes.quick import quick
from atalho.recipes.recipe import Recipe
from atalho.recipes.szegedy2014 import szegedy2014

RECIPES: dict[str, Callable[[Facts], Recipe]] = {
    "he2015_cifar": he2015_cifar,
    "he2015_imagenet": he2015_imagenet,
    "he2015_imagenet_steps": he2015_imagenet_steps,
    "szegedy2014": szegedy2014,
    "finetune": finetune,
    "quick": quick,
}

DEFAULTS = {"cifar10": "he2015_cifar", "cifar100": "he2015_cifar", "digits": "quick"}
"""The recipe that a data set is trained by where none is named."""


def default(data: str) -> str:
    """The name of the recipe that a data set is trained by where none is named; `quick` for any other data."""
    return DEFAULTS.get(data, "quick")


def known(name: str) -> str:
    """The name of a recipe, once there is one of that name.

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
    """The recipe of that name, as it is for `network`; RECIPE-UNKNOWN as `known`."""
    return RECIPES[known(name)](network)
