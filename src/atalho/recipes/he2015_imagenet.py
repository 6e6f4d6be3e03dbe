"""He et al. 2015, arXiv:1512.03385, §3.4: the residual networks' recipe for ImageNet.

    atalho train resnet50 --data imagenet/ --recipe he2015_imagenet

Expect 24.7 % top-1 and 7.8 % top-5 error of ResNet-50 with one crop, after up to 600,000 iterations.
"""

from dataclasses import replace

from atalho.grammar.facts import Facts
from atalho.recipes.recipe import Augmentation, Lighting, Plateau, Recipe, ShorterSide, StepDecay

REESTIMATED = 12_800
"""The images over which BatchNorm's statistics are averaged at the end; our choice, since the paper gives no number."""

PATIENCE = 5
"""The rows of metrics without a new least error after which the rate is divided; our choice, since the paper gives no number."""


def he2015_imagenet(network: Facts) -> Recipe:
    """Rate 0.1, divided by 10 when the error plateaus, up to 600,000 iterations of 256 images.

    The shorter side is drawn from [256, 480] for crops of 224, and in these proportions for other inputs. Colour
    augmentation is AlexNet's. BatchNorm's statistics are averaged over `REESTIMATED` images, not moving averages.
    """
    return Recipe(
        name="he2015_imagenet",
        source="He 2015, arXiv:1512.03385, §3.4",
        batch_size=256,
        steps=600_000,
        lr=0.1,
        momentum=0.9,
        weight_decay=1e-4,
        schedule=Plateau(0.1, PATIENCE),
        augmentation=Augmentation(
            ShorterSide(256 / 224, 480 / 224), mirror=True, colour=Lighting(0.1)
        ),
        normalisation="per_pixel_mean",
        reestimate=REESTIMATED,
    )


def he2015_imagenet_steps(network: Facts) -> Recipe:
    """`he2015_imagenet` with the rate divided at fixed steps, on the training and the validation split.

    The steps are a third and two thirds of the length, as in reproductions (30 and 60 of 90 epochs); the paper does not say
    where its networks reached their plateaus.
    """
    return replace(
        he2015_imagenet(network),
        name="he2015_imagenet_steps",
        schedule=StepDecay((1 / 3, 2 / 3), 0.1),
        with_validation=True,
    )
