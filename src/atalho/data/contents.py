"""What a folder's files hold, as rows of arrays: a million take little memory."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from atalho.data.copies import BYTES
from atalho.data.image import WHITE

SHA256 = 32  # bytes


class FileContent(NamedTuple):
    """The content of a file.

    Attributes:
        sha256: of the file's bytes.
        size: (width, height) of the upright picture.
        brightest: the highest level of grey of 16 bits; 0 of other pictures.
    """

    sha256: bytes
    size: tuple[int, int]
    fingerprint: bytes
    brightest: int


@dataclass(frozen=True)
class Contents:
    """The contents of a folder's files: a row for each file; zeros for files that cannot be used.

    Attributes:
        sha256: (N, 32) bytes.
        sizes: (N, 2) of width and height of the upright pictures.
        fingerprints: (N, `copies.BYTES`) bytes.
        brightest: (N,) highest levels of grey of 16 bits; 0 of other pictures.
        bad: by row, why a file cannot be used.
    """

    sha256: NDArray[np.uint8]
    sizes: NDArray[np.int32]
    fingerprints: NDArray[np.uint8]
    brightest: NDArray[np.uint16]
    bad: dict[int, str]

    @classmethod
    def empty(cls, files: int) -> "Contents":
        return cls(
            np.zeros((files, SHA256), np.uint8),
            np.zeros((files, 2), np.int32),
            np.zeros((files, BYTES), np.uint8),
            np.zeros(files, np.uint16),
            {},
        )

    def put(self, row: int, content: FileContent) -> None:
        """Fills a row.

        Raises:
            ValueError, OverflowError: a value has the wrong length or range; the row's size is not set then.
        """
        self.sha256[row] = np.frombuffer(content.sha256, np.uint8).reshape(SHA256)
        self.fingerprints[row] = np.frombuffer(content.fingerprint, np.uint8).reshape(BYTES)
        self.brightest[row] = content.brightest
        self.sizes[row] = content.size

    @property
    def white(self) -> int:
        """The grey level of 16 bits that is white: the highest of as many bits as the brightest of all files has."""
        brightest = int(self.brightest.max(initial=0))
        return (1 << max(8, brightest.bit_length())) - 1 if brightest else WHITE

    def only(self, rows: NDArray[np.bool_]) -> "Contents":
        """Some of the rows, all of which can be used; these contents themselves where they are all."""
        if rows.all():
            return self
        return Contents(
            self.sha256[rows],
            self.sizes[rows],
            self.fingerprints[rows],
            self.brightest[rows],
            {},
        )
