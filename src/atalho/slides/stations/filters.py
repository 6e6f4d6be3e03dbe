"""Several filters in parallel: the Inception module assembled branch by branch, on the photo and in channels."""

from atalho.networks.googlenet import MODULES
from atalho.slides.features import MAPS, SEED, feature_maps
from atalho.slides.lecture import Material, Station, View
from atalho.slides.photo import NAME, address, photo
from atalho.slides.words import Words

BRANCHES = ("branch1x1", "branch3x3", "branch5x5", "branch_pool")
START = "3a"


def view(material: Material, words: Words) -> View:
    """Returns the branches' feature maps, and how many channels each branch of each module gives."""
    lines = material.tables.lines("googlenet")
    channels = {
        key: (filters.conv1x1, filters.conv3x3, filters.conv5x5, filters.pool_proj)
        for key, (filters, _) in MODULES.items()
    }
    return View(
        values={
            "photo": address(photo(), "JPEG"),
            "photo_name": NAME,
            "maps": {name: [address(each) for each in feature_maps()[name]] for name in BRANCHES},
            "count": MAPS,
            "seed": SEED,
            "channels": channels,
            "outputs": {key: lines[f"inception_{key}"].output[0] for key in MODULES},
            "inputs": {key: lines[f"inception_{key}"].input[0] for key in MODULES},
            "start": START,
        },
        data={"words": words.tree("filters.live"), "channels": channels},
    )


STATION = Station("filters", view, claims=("L1", "L9"))
