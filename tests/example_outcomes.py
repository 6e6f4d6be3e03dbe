"""Made-up outcomes of every image, as a record of an accuracy has them."""

import hashlib
import random
from collections.abc import Sequence
from typing import Any


def document(
    classes: Sequence[str], images: int, *, wrong: float = 0.2, files: str = "", seed: int = 0
) -> dict[str, Any]:
    """Outcomes of a network that confuses each class with the next.

    Args:
        wrong: the share of images that are classified wrongly, about.
        files: the name of the files of the mistakes; empty for images that come from no file.
    """
    draw = random.Random(seed)
    truth = [index % len(classes) for index in range(images)]
    predicted = [(each + (draw.random() < wrong)) % len(classes) for each in truth]
    confidence = [round(draw.uniform(0.4, 1), 6) for _ in truth]
    mistakes = [row for row in range(images) if truth[row] != predicted[row]]
    mistakes.sort(key=lambda row: -confidence[row])
    return {
        "classes": [*classes],
        "truth": truth,
        "predicted": predicted,
        "confidence": confidence,
        "of_truth": [
            sure if one == other else round((1 - sure) / 2, 6)
            for sure, one, other in zip(confidence, truth, predicted, strict=True)
        ],
        "pictures": [
            [row, checksum(row), f"{files}{row}.jpg" if files else ""] for row in mistakes[:24]
        ],
    }


def checksum(row: int) -> str:
    """The checksum of the image of a row."""
    return hashlib.sha256(str(row).encode()).hexdigest()
