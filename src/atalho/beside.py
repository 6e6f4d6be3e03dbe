"""What lies beside records, and under which names: small pictures of mistakes and of where a network looked, and the table of doubted labels."""

import re
from collections.abc import Mapping
from typing import Any

THUMBNAILS = "thumbnails"
"""The folder of small pictures: of an image by its SHA-256, of where a network looked in it by `map_names`."""

EXACT, ESTIMATED = "cam", "grad-cam"
"""The kinds of maps of where a network looked: class activation maps, which are exact, and Grad-CAM's."""

SUSPECTS = "suspects.csv"
"""The file with every photo whose label is doubted."""


def map_names(checksum: str, conditions: Mapping[str, Any]) -> dict[str, str]:
    """The name, without its suffix, of a picture of where a network looked in an image, by the kind of the map.

    The image's checksum is followed by that of the network's weights, or of all that it was fitted by: another network looks
    elsewhere in the same image.

    Args:
        checksum: SHA-256 of the image, in hexadecimal digits.
        conditions: of the network's accuracy; where they state neither of the network's checksums there are no names.
    """
    for name in ("weights", "arguments"):
        if system := re.fullmatch("sha256:([0-9a-f]{16})[0-9a-f]{48}", str(conditions.get(name))):
            return {kind: f"{checksum}.{system[1]}.{kind}" for kind in (EXACT, ESTIMATED)}
    return {}
