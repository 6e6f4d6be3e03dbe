"""The lecture's photo, one of scikit-learn's, cut to the size that networks for ImageNet take."""

import base64
import io
from functools import cache

from PIL import Image

SIDE = 224
"""Pixels of the photo's side."""

NAME = "china.jpg"


@cache
def photo() -> Image.Image:
    """Returns the middle of the photo, square and of `SIDE` pixels."""
    from sklearn.datasets import load_sample_image

    image = Image.fromarray(load_sample_image(NAME))
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side)).resize((SIDE, SIDE))


def address(image: Image.Image, kind: str = "PNG") -> str:
    """Returns an image as an address that a page can show without a request."""
    file = io.BytesIO()
    image.save(file, kind)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"
