"""Published weights on a folder of photos: a recipe of our own for a few hundred images and more.

    atalho train resnet50 --weights tv_in1k --data photos/

The classifier is drawn anew and learns at the full rate; the body, which knows something already, at a tenth.
"""

from atalho.grammar.facts import Facts
from atalho.recipes.recipe import Augmentation, Photometric, Recipe, ResizedCrop, WarmCosine


def finetune(network: Facts) -> Recipe:
    """SGD under a cosine, light augmentation, label smoothing; the epoch of the best validation is kept.

    It ends early when five epochs have been no better.
    """
    return Recipe(
        name="finetune",
        source="atalho's own",
        batch_size=32,
        epochs=20,
        lr=0.01,
        momentum=0.9,
        nesterov=True,
        weight_decay=1e-4,
        body_rate=0.1,
        schedule=WarmCosine(0.05),
        augmentation=Augmentation(
            ResizedCrop((0.35, 1.0), (3 / 4, 4 / 3)), mirror=True, colour=Photometric(0.2)
        ),
        normalisation="per_channel",
        label_smoothing=0.1,
        clip_norm=None if network.normalised else 1.0,
        best=True,
        patience=5,
    )
