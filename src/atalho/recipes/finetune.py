"""Fine-tuning of published weights on a folder of photos, a few hundred or more; the recipe is our own.

    atalho train resnet50 --weights tv_in1k --data photos/

The classifier begins as in the recipe `linear`, fitted on the features of the layers before it, and learns at the full rate; the
pretrained layers learn at a tenth of it.
"""

from atalho.grammar.facts import Facts
from atalho.recipes.recipe import Augmentation, Photometric, Recipe, ResizedCrop, WarmCosine


def finetune(network: Facts) -> Recipe:
    """SGD with a cosine schedule, light augmentation and label smoothing; keeps the weights of the epoch of best validation.

    Training ends early after five epochs without a better validation.
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
        fitted_head=True,
    )
