from torchvision.models import get_model_weights

from atalho.networks import CATALOGUE
from atalho.weights.layouts import RULES
from atalho.weights.published import PUBLISHED

TAGS = {"IMAGENET1K_V1": "tv_in1k", "IMAGENET1K_V2": "tv2_in1k"}


def test_the_table_is_torchvisions_own() -> None:
    """For every network whose arithmetic torchvision shares, the classifiers' weights that it offers."""
    offered = {}
    for name in RULES["torchvision"]:
        base, _, variant = name.partition(".")
        theirs = f"{base}_bn" if base.startswith("vgg") and variant else base
        members = get_model_weights(theirs).__members__
        offered[name] = tuple(tag for own, tag in TAGS.items() if own in members)
    assert offered == PUBLISHED
    assert PUBLISHED.keys() <= CATALOGUE.keys()
