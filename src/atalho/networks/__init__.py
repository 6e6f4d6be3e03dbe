"""The catalogue: every network by name, one paper a file."""

from collections.abc import Callable

from atalho.errors import AtalhoError, Exit
from atalho.grammar.network import Network
from atalho.grammar.shape import Shape
from atalho.networks import alexnet, enet, googlenet, inception_v3, inception_v4, nin, resnet, vgg

CATALOGUE: dict[str, Callable[..., Network]] = {
    **alexnet.NETWORKS,
    **vgg.NETWORKS,
    **nin.NETWORKS,
    **googlenet.NETWORKS,
    **inception_v3.NETWORKS,
    **inception_v4.NETWORKS,
    **resnet.NETWORKS,
    **enet.NETWORKS,
}


def get(name: str, *, input: Shape | None = None, num_classes: int | None = None) -> Network:
    """The network called `name`, for its paper's input and classes unless `input` or `num_classes` is set.

    Raises:
        AtalhoError: NETWORK-UNKNOWN, with the nearest names; INPUT-SHAPE where a row cannot take its input.
    """
    if name not in CATALOGUE:
        from difflib import get_close_matches

        near = get_close_matches(name, CATALOGUE, n=3, cutoff=0.5)
        family = [each for each in CATALOGUE if each.startswith(f"{name.split('.')[0]}.")]
        nearest = ", ".join(dict.fromkeys([*near, *family])) or "none is near"
        raise AtalhoError(
            "NETWORK-UNKNOWN",
            name,
            f"not in the catalogue; nearest: {nearest}",
            next_step="atalho list",
            exit=Exit.USAGE,
        )
    chosen = {"input": input, "num_classes": num_classes}
    return CATALOGUE[name](**{key: value for key, value in chosen.items() if value is not None})
