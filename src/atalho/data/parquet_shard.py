"""A Parquet file of images as Hugging Face ships data sets: a column of structs {bytes, path}, and one of labels."""

import errno
import json
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

import numpy as np

from atalho.data.shards import damaged
from atalho.errors import AtalhoError, Exit

LABELS = ("label", "labels", "class", "fine_label")
"""Names of the column of labels where the schema says of none that it is one."""

GROUPS = 16
"""Row groups that are kept in memory: Parquet is compressed a group at a time, for images usually a hundred rows."""

Opened = tuple[list[str], list[str | None], list[int], Callable[[int], bytes]]


def check_pyarrow(path: object) -> None:
    """Raises PARQUET-EXTRA (exit 6), where pyarrow, which reads and writes the file, is not installed."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise AtalhoError(
            "PARQUET-EXTRA",
            path,
            "needs pyarrow, not installed here",
            next_step="pip install 'atalho[parquet]'",
            exit=Exit.RESOURCES,
        ) from error


def opened(path: str, size: int) -> Opened:
    """The names, labels and sizes of a file's images, and the function that reads one of them; images are named by their rows.

    Args:
        size: of the file, which stands for that of each image.

    Raises:
        OSError: where it cannot be read.
        AtalhoError: DATA-SHARD (exit 3), where it is damaged or has no column of images; PARQUET-EXTRA (exit 6).
    """
    check_pyarrow(path)
    import pyarrow.parquet as parquet
    from pyarrow import ArrowException

    try:
        file = parquet.ParquetFile(path)
        features = _features(file.schema_arrow.metadata)
        image = _image(file.schema_arrow, features)
        if image is None:
            raise damaged(path, "has no column of images ({bytes, path})")
        labels = _labels(file, features)
    except (ArrowException, OSError) as error:
        if getattr(error, "strerror", None):  # from the system, and not from pyarrow
            raise
        raise damaged(path, f"is no whole Parquet file ({_line(error)})") from error
    rows = file.metadata.num_rows
    counts = [file.metadata.row_group(n).num_rows for n in range(file.metadata.num_row_groups)]
    names = [f"{row:08}" for row in range(rows)]
    ends = np.cumsum(counts)
    return (
        names,
        labels or [None] * rows,
        [size] * rows,
        partial(_read, path, f"{image}.bytes", ends),
    )


def _features(metadata: Mapping[bytes, bytes] | None) -> Mapping[str, Any]:
    """The features that Hugging Face writes into a schema's metadata, by column; none where they are absent or damaged."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        return {name: each for name, each in features.items() if isinstance(each, dict)}
    except (LookupError, TypeError, ValueError, AttributeError):
        return {}


def _image(schema: Any, features: Mapping[str, Any]) -> str | None:
    """The name of the column of images."""
    from pyarrow import types

    structs = [
        field.name
        for field in schema
        if types.is_struct(field.type) and field.type.get_field_index("bytes") >= 0
    ]
    declared = [name for name in structs if features.get(name, {}).get("_type") == "Image"]
    return next(iter([*declared, *structs]), None)


def _labels(file: Any, features: Mapping[str, Any]) -> list[str | None]:
    """Every row's label as text; empty without a column of labels."""
    columns = file.schema_arrow.names
    declared = [name for name in columns if features.get(name, {}).get("_type") == "ClassLabel"]
    column = next(iter([*declared, *(name for name in LABELS if name in columns)]), None)
    if column is None:
        return []
    names = features.get(column, {}).get("names")
    values = file.read(columns=[column]).column(0).to_pylist()
    if isinstance(names, list):
        known = {number: str(name) for number, name in enumerate(names)}
        return [known.get(value) for value in values]
    return [str(value) if isinstance(value, str | int) else None for value in values]


def _read(path: str, column: str, ends: np.ndarray[Any, Any], row: int) -> bytes:
    group = int(np.searchsorted(ends, row, side="right"))
    begin = int(ends[group - 1]) if group else 0
    data = _group(path, column, group)[row - begin].as_py()
    if data is None:
        raise FileNotFoundError(errno.ENOENT, "the row has no bytes of an image", path)
    return bytes(data)


@lru_cache(maxsize=GROUPS)
def _group(path: str, column: str, group: int) -> Any:
    """The bytes of a row group's images."""
    from pyarrow import ArrowException, parquet

    try:
        table = parquet.ParquetFile(path).read_row_group(group, columns=[column])
        return table.column(0).combine_chunks().field(0)
    except (ArrowException, OSError) as error:
        raise OSError(errno.EIO, f"damaged Parquet: {_line(error)}", path) from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
