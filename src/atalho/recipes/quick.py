"""A short schedule of our own for demonstrations: it takes minutes on a laptop and does not reach a paper's accuracy.

atalho train resnet20 --data digits --recipe quick
"""

from atalho.grammar.facts import Facts
from atalho.recipes.recipe import Augmentation, PaddedCrop, Recipe, ResizedCrop, WarmCosine

LONG, SHORT = 30, 10  # epochs
COSTLY = 50_000_000  # multiply-accumulates for one image, above which the schedule is short
LARGE = 64  # pixels a side, from which crops vary in place and size


def quick(network: Facts) -> Recipe:
    """SGD with Nesterov momentum and one cosine; fewer epochs for costly networks, a lower rate without normalisation."""
    side = network.input[1]
    crop = PaddedCrop(side // 8) if side < LARGE else ResizedCrop((0.25, 1.0), (3 / 4, 4 / 3))
    return Recipe(
        name="quick",
        source="atalho's own",
        batch_size=64,
        epochs=SHORT if network.macs > COSTLY else LONG,
        lr=0.1 if network.normalised else 0.02,
        momentum=0.9,
        nesterov=True,
        weight_decay=5e-4,
        schedule=WarmCosine(0.1),
        augmentation=Augmentation(crop, mirror=True),
        normalisation="per_channel",
        clip_norm=None if network.normalised else 1.0,
    )
