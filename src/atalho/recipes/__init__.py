"""Recipes: how a paper trained its networks; a recipe is a function of facts about a network that returns frozen data."""

from collections.abc import Callable

from atalho.errors import AtalhoError, Exit
from atalho.recipes.he2015_cifar import he2015_cifar
from atalho.recipes.quick import quick
from atalho.recipes.recipe import Facts, Recipe

RECIPES: dict[str, Callable[[Facts], Recipe]] = {"he2015_cifar": he2015_cifar, "quick": quick}

DEFAULTS = {"cifar10": "he2015_cifar", "cifar100": "he2015_cifar", "digits": "quick"}
"""The recipe that a data set is trained by where none is named."""


def get(name: str, network: Facts) -> Recipe:
    """The recipe of that name, as it is for `network`."""
    if name not in RECIPES:
        raise AtalhoError(
            "RECIPE-UNKNOWN",
            name,
            f"no recipe of that name; there are {', '.join(RECIPES)}",
            next_step="--recipe quick",
            exit=Exit.USAGE,
        )
    return RECIPES[name](network)
