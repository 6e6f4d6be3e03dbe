"""Settings of the user that replace those of a recipe."""

from dataclasses import dataclass, replace

from atalho.errors import wrong_option
from atalho.recipes.recipe import Optimiser, Recipe


@dataclass(frozen=True)
class RecipeChanges:
    """Settings that replace those of a recipe; None keeps the recipe's.

    Args:
        epochs, steps: the length, in one of the two units.
        hold_out: whether the validation split is not trained on.
        balanced: whether every class has the same weight in the loss.
        mirror: whether images may be mirrored.

    Raises:
        AtalhoError: USAGE (exit 2), for a length in both epochs and steps.
    """

    batch_size: int | None = None
    optimiser: Optimiser | None = None
    lr: float | None = None
    momentum: float | None = None
    weight_decay: float | None = None
    auxiliary_weight: float | None = None
    epochs: float | None = None
    steps: int | None = None
    hold_out: bool | None = None
    balanced: bool | None = None
    mirror: bool | None = None

    def __post_init__(self) -> None:
        if self.epochs is not None and self.steps is not None:
            raise wrong_option("steps", "the length is given in epochs or in steps")

    @property
    def length_is_recipes(self) -> bool:
        """Whether no length is set in the place of the recipe's."""
        return self.epochs is None and self.steps is None

    def apply(self, recipe: Recipe) -> Recipe:
        """The recipe with these settings.

        Raises:
            AtalhoError: USAGE (exit 2), where `hold_out` is False and the recipe chooses by the validation split, and for
                the length of a recipe without steps.
        """
        settings = {
            "batch_size": self.batch_size,
            "optimiser": self.optimiser,
            "lr": self.lr,
            "momentum": self.momentum,
            "weight_decay": self.weight_decay,
            "auxiliary_weight": self.auxiliary_weight,
            "with_validation": None if self.hold_out is None else not self.hold_out,
            "balanced": self.balanced,
        }
        changed: dict[str, object] = {
            name: value for name, value in settings.items() if value is not None
        }
        if self.mirror is False:
            changed["augmentation"] = replace(recipe.augmentation, mirror=False)
        if not self.length_is_recipes:
            if recipe.epochs == 0:
                raise wrong_option("epochs", f"{recipe.name} takes no steps; finetune does")
            recipe = replace(recipe, epochs=self.epochs, steps=self.steps)
        result = replace(recipe, **changed)  # type: ignore[arg-type]  # each has its field's type
        if result.with_validation and result.chooses:
            raise wrong_option("no-hold-out", f"{recipe.name} chooses by the validation split")
        return result


UNCHANGED = RecipeChanges()
"""The recipe as it is."""
