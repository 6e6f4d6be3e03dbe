"""Szegedy et al. 2014, arXiv:1409.4842, §6: how GoogLeNet was trained, as far as the paper says.

    atalho train googlenet --data imagenet/ --recipe szegedy2014

Expect 10.07 % top-5 error with one model and one crop (Table 3) on ImageNet, where training is long enough. The paper
gives no initial rate, weight decay, batch or length: those are ours.
"""

from atalho.grammar.facts import Facts
from atalho.recipes.recipe import Augmentation, Photometric, Recipe, ResizedCrop, Stairs

EPOCHS = 250
BATCH, RATE, RATE_UNNORMALISED, WEIGHT_DECAY = 256, 0.1, 0.01, 2e-4
"""Our choices, common in reproductions of GoogLeNet; a rate of 0.1 needs BatchNorm."""

STRENGTH = 0.4
"""The strength of the photometric distortions, our choice; Howard 2013 draws from [0.5, 1.5] without saying how often."""


def szegedy2014(network: Facts) -> Recipe:
    """Momentum 0.9, the rate 4 % less every 8 epochs, Polyak averaging, crops of 8 to 100 % of the area.

    Each auxiliary head's loss weighs 0.3 (§5); dropout of 40 % and 70 % is the network's own. The distributed,
    asynchronous updates of the paper's training system are not imitated.
    """
    return Recipe(
        name="szegedy2014",
        source="Szegedy 2014, arXiv:1409.4842, §6; initial rate, weight decay, batch and length are ours",
        batch_size=BATCH,
        epochs=EPOCHS,
        lr=RATE if network.normalised else RATE_UNNORMALISED,
        momentum=0.9,
        weight_decay=WEIGHT_DECAY,
        schedule=Stairs(0.96, 8 / EPOCHS),
        augmentation=Augmentation(
            ResizedCrop((0.08, 1.0), (3 / 4, 4 / 3)), mirror=True, colour=Photometric(STRENGTH)
        ),
        normalisation="per_channel",
        auxiliary_weight=0.3,
        averaging=0.9999,
        with_validation=True,
    )
