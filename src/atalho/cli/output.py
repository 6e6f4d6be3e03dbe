"""Standard output and error of a command: in UTF-8, and with failures of their own, unlike those of the files that it reads and writes."""

import os
import sys
from io import TextIOWrapper


class UnwrittenError(Exception):
    """Standard output or error could not be written; `cause` is the system's error."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class _Stream(TextIOWrapper):
    before: TextIOWrapper
    """The stream in whose place it is; when that is deleted it closes the file of both."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise UnwrittenError(error) from error

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise UnwrittenError(error) from error


def prepare() -> None:
    """Has standard output and error raise `UnwrittenError`, and take `×` and `≠` too: files and pipes in UTF-8, a terminal of another
    encoding with `?` instead.

    On Windows files and pipes have the encoding of the country.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, TextIOWrapper):
            continue
        encoding, errors = stream.encoding, stream.errors
        if encoding.lower() != "utf-8":
            encoding, errors = (encoding, "replace") if stream.isatty() else ("utf-8", errors)
        own = _Stream(
            stream.buffer,
            encoding,
            errors,
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )
        own.before = stream
        setattr(sys, name, own)


def flush() -> None:
    """Writes what is left to be written; raises `UnwrittenError`."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()


def drop() -> None:
    """Drops what is left to be written to a stream that cannot be written: Python would try once more at its end."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except UnwrittenError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
