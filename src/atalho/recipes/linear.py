"""Published weights on a folder of photos, in seconds: only the classifier is fitted, on the features of the frozen body.

atalho train resnet50 --weights tv_in1k --data photos/ --recipe linear
"""

from atalho.grammar.facts import Facts
from atalho.recipes.recipe import Augmentation, Recipe, WarmCosine


def linear(network: Facts) -> Recipe:
    """No steps: the classifier is a logistic regression, whose regularisation inner cross-validation chooses, on all but the test images."""
    return Recipe(
        name="linear",
        source="atalho's own",
        batch_size=32,
        epochs=0,
        lr=0.0,
        momentum=0.0,
        weight_decay=0.0,
        schedule=WarmCosine(0.0),
        augmentation=Augmentation(),
        normalisation="per_channel",
        with_validation=True,
        fitted_head=True,
    )
