"""A child process that makes the page's script and the PNGs of its charts while the parent draws: vl-convert lets no thread run beside it.

The parent sends the arguments of `bundle.javascript`, or null where its script is at hand, and receives null once it is; then it
sends the text of each SVG, and null after the last. It receives a list with the bytes of each PNG, in base64.
"""

from base64 import b64encode
from typing import TYPE_CHECKING

import vl_convert

from atalho.page.chart import bundle

if TYPE_CHECKING:
    from atalho.runtime.child import Parent

_SCALE = 2  # pixels of a PNG for each of the SVG


def main(parent: "Parent") -> None:
    """Makes what the parent asks for, until it ends."""
    if script := parent.receive():
        bundle.javascript(*script)
    parent.send(None)
    # All at once at the end, since the parent reads only then and a pipe holds less than a picture.
    parent.send([b64encode(png(svg)).decode() for svg in iter(parent.receive, None)])


def png(svg: str) -> bytes:
    """Returns the bytes of a PNG file, two pixels for each of the SVG."""
    return bytes(vl_convert.svg_to_png(svg, scale=_SCALE))
