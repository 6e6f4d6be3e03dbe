"""Fine-tuning of published weights on a folder of photos, a few hundred or more; the recipe is our own.

    atalho train resnet50 --weights tv_in1k --data photos/

The classifier begins as in the recipe `linear`, fitted on the features of the training photos. Then all layers learn at three
hundredths of the rate that a classifier with drawn weights has: a few hundred photos spoil published weights sooner than they improve
them. BatchNorm keeps the statistics of these weights, so that training begins at the very network whose classifier was fitted.
"""

from atalho.grammar.facts import Facts
from atalho.recipes.recipe import Augmentation, Photometric, Recipe, ResizedCrop, WarmCosine


def finetune(network: Facts) -> Recipe:
    """SGD with a cosine schedule, light augmentation and label smoothing; keeps the weights of best validation, also those before the first step.

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
        body_rate=0.03,
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
        frozen_statistics=True,
    )
