"""The words about what a network gets wrong and how sure it is of it."""

from collections.abc import Collection, Iterator
from itertools import islice

from atalho.beside import ESTIMATED, EXACT
from atalho.errors import printable
from atalho.page.outcomes import Outcomes, Picture
from atalho.page.words.phrases import counted, listed, split_name
from atalho.ranking import condition_text

PART = "Right and wrong"
"""The heading of the figures."""

_PAIRS = 3  # of classes that a sentence names


def of_images(outcomes: Outcomes) -> str:
    """`resnet20 on 360 images of digits (test split)`."""
    conditions = outcomes.conditions
    data = condition_text(conditions["data"]) if "data" in conditions else "the data"
    split = f" ({split_name(conditions['split'])})" if "split" in conditions else ""
    return f"{outcomes.network} on {counted(outcomes.images, 'image')} of {data}{split}"


def sentences(outcomes: Outcomes, missing: int, table: str) -> list[str]:
    """How many images are classified wrongly, which classes are confused most often, and which pictures are missing.

    Args:
        missing: of the mistakes that are shown, how many have no thumbnail.
        table: the name of the file with all of them; empty where there is none.
    """
    wrong = outcomes.right.count(False)
    if not wrong:
        return [f"{of_images(outcomes)}: none is classified wrongly."]
    verb = "is" if wrong == 1 else "are"
    paragraph = [f"{of_images(outcomes)}: {counted(wrong, 'image')} {verb} classified wrongly."]
    if pairs := [*islice(_pairs(outcomes), _PAIRS)]:
        paragraph.append(f"Taken for another most often: {listed(pairs)}.")
    if table:
        paragraph.append(f"All of them, the least probable label first, are in {table}.")
    if missing:
        verb = "is" if missing == 1 else "are"
        paragraph.append(
            f"{counted(missing, 'picture')} {verb} missing below: thumbnails lie in a folder beside the records, unless they were "
            "left out by --no-thumbnails."
        )
    return paragraph


def looked(kinds: Collection[str]) -> str:
    """What the pictures of where a network looked show, and how to get those that there are not.

    Args:
        kinds: of the maps, `beside.EXACT` and `beside.ESTIMATED`; an empty one for a picture without a map.
    """
    kind = next((each for each in (EXACT, ESTIMATED) if each in kinds), None)
    if kind is None:
        return (
            "Where it looked is not shown: the maps are made by compare beside the thumbnails, and for a network that does not end in "
            "average pooling and one linear layer they take pip install 'atalho[explain]'."
        )
    source = {
        EXACT: "class activation maps, which are exact (Zhou 2016)",
        ESTIMATED: "Grad-CAM, an estimate (Selvaraju 2017)",
    }
    return (
        "Beside it is where the network looked, in what it sees of the picture: red places speak for the predicted class, blue ones "
        f"against it ({source[kind]})."
    )


def _pairs(outcomes: Outcomes) -> Iterator[str]:
    """The pairs of classes that are confused more than once, the most frequent first."""
    confusions = outcomes.confusions
    images: dict[int, int] = {}
    for (truth, _), count in confusions.items():
        images[truth] = images.get(truth, 0) + count
    for (truth, predicted), count in sorted(
        confusions.items(), key=lambda each: (-each[1], each[0])
    ):
        if truth != predicted and count > 1:
            yield (
                f"{name(outcomes, truth)} for {name(outcomes, predicted)} ({count} of {images[truth]} images)"
            )


def name(outcomes: Outcomes, label: int) -> str:
    """The name of a class on one line."""
    return printable(outcomes.classes[label])


def sure(probability: float) -> str:
    """A probability in per cent, which is 100 % only where it is that."""
    percent = 100 * probability
    return f"{min(percent, 99.9) if probability < 1 else percent:.1f}\u00a0%"


def place(outcomes: Outcomes, picture: Picture) -> str:
    """Where a picture is: the name of its file, or its number in the split."""
    return printable(picture.file) if picture.file else f"image {picture.row + 1}"
