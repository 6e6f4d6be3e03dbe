"""He et al. 2015, arXiv:1512.03385, §4.2: the residual networks' recipe for CIFAR-10.

    atalho train resnet20 --data cifar10 --recipe he2015_cifar

Expect 8.75 % test error of ResNet-20 after 64,000 iterations (Table 6), 163.8 epochs of 50,000 images.
"""

from atalho.grammar.facts import Facts
from atalho.recipes.recipe import Augmentation, PaddedCrop, Recipe, StepDecay, Warmup


def he2015_cifar(network: Facts) -> Recipe:
    """Rate 0.1, divided by 10 at 32k and 48k of 64k iterations of 128 images.

    It trains on the full training set and keeps the last weights.
    The milestones are at 1/2 and 3/4 of the length, so that they scale with a shorter run. Networks of 110 layers (n = 18) or
    more warm up at 0.01 until the training error is below 80 %.
    """
    return Recipe(
        name="he2015_cifar",
        source="He 2015, arXiv:1512.03385, §4.2",
        batch_size=128,
        steps=64_000,
        lr=0.1,
        momentum=0.9,
        weight_decay=1e-4,
        schedule=StepDecay((1 / 2, 3 / 4), 0.1),
        warmup=Warmup(0.01, 0.8) if network.depth is not None and network.depth >= 110 else None,
        augmentation=Augmentation(PaddedCrop(4), mirror=True),
        normalisation="per_pixel_mean",
        with_validation=True,
    )
