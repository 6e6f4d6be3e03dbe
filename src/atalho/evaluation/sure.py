"""How sure a network must be of a picture for its label, so that few of its labels are wrong; below that it says `unsure`."""

from collections.abc import Callable
from math import inf

from atalho.choice.answering import Threshold, fewest_images, threshold
from atalho.errors import AtalhoError, Exit, wrong_option
from atalho.weights.trained import Trained

UNSURE = "unsure"
"""The label of a picture of which a network is not sure enough."""


def least_confidence(
    trained: Trained, max_error: float | None, say: Callable[[str], None]
) -> float:
    """The least probability of the predicted class with which a picture gets a label.

    Args:
        max_error: the share of wrong labels that is promised, in (0, 1); None for labels however sure the network is.
        say: is called with what the promise rests on.

    Returns:
        Infinity, so that no picture gets a label, where no threshold can be promised; 0 where nothing is.

    Raises:
        AtalhoError: USAGE (exit 2), for a share that is none; CALIBRATION-MISSING (exit 4), for weights without outcomes of held-out
            images.
    """
    if max_error is None:
        return 0.0
    if not 0 < max_error < 1:
        raise wrong_option("max-error", f"{max_error:g} is not between 0 and 1, as 0.02 is")
    held_out = trained.calibration
    name = trained.network.name
    if held_out is None:
        raise AtalhoError(
            "CALIBRATION-MISSING",
            name,
            "has no outcomes of held-out images, from which a threshold could be taken",
            next_step="atalho train with --hold-out, or predict without --max-error",
            exit=Exit.CHECKPOINT,
        )
    least = threshold(held_out.right, held_out.wrong, max_error)
    images = len(held_out.right) + len(held_out.wrong)
    say(f"{name}: {_basis(least, images, max_error)}")
    return least.confidence if least else inf


def _basis(least: Threshold | None, images: int, max_error: float) -> str:
    """What a threshold rests on, in words."""
    promise = f"at most {max_error:.3g} of the labels wrong, with 95 % confidence"
    if least is None and images < fewest_images(max_error):
        return f"{promise}, takes {fewest_images(max_error)} held-out images; there are {images}, so that all are {UNSURE}"
    if least is None:
        return f"{promise}, cannot be promised: held-out images are wrong where it is surest, so that all are {UNSURE}"
    return (
        f"{promise}, from a probability of {least.confidence:.4f} on: so sure it was of {least.answered} of {images} held-out "
        f"images, {least.wrong} of them wrong"
    )
