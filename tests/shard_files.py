"""The pictures of a folder of classes as tar shards and as Parquet, by the tools that others write them with."""

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

Sample = Mapping[str, bytes]
"""Of one key, the content of every file by its suffix."""


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """Adds a file."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def write_tar(path: Path, samples: Mapping[str, Sample]) -> Path:
    """Writes samples, by their keys, as WebDataset's writer does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:") as archive:
        for key, files in samples.items():
            for suffix, content in files.items():
                add(archive, f"{key}.{suffix}", content)
    return path


def photos_of(folder: Path) -> dict[str, tuple[bytes, str]]:
    """The content and the class of every photo of a folder of classes, by the name of its class and its own."""
    return {
        f"{path.parent.name}-{path.stem}": (path.read_bytes(), path.parent.name)
        for path in sorted(folder.glob("*/*.png"))
    }


def as_tars(folder: Path, root: Path, name: str = "part", size: int = 7) -> Path:
    """The photos of a folder of classes in tar shards of some photos each; half of the classes in JSON."""
    photos = [*photos_of(folder).items()]
    for number, start in enumerate(range(0, len(photos), size)):
        samples = {
            key: {"cls": label.encode(), "png": content}
            if place % 2
            else {"json": json.dumps({"class": label}).encode(), "png": content}
            for place, (key, (content, label)) in enumerate(photos[start : start + size])
        }
        write_tar(root / f"{name}-{number:05}.tar", samples)
    return root


def as_parquet(folder: Path, root: Path, name: str = "part", size: int = 9) -> Path:
    """The same in one Parquet file as Hugging Face's library writes it, in row groups of some photos each."""
    import pyarrow as pa
    from pyarrow import parquet

    photos = photos_of(folder)
    names = sorted({label for _, label in photos.values()})
    features = {
        "image": {"_type": "Image"},
        "label": {"_type": "ClassLabel", "names": names},
    }
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    image = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    schema = pa.schema({"image": image, "label": pa.int64()}, metadata)
    columns = {
        "image": [{"bytes": content, "path": f"{key}.png"} for key, (content, _) in photos.items()],
        "label": [names.index(label) for _, label in photos.values()],
    }
    root.mkdir(parents=True, exist_ok=True)
    parquet.write_table(
        pa.table(columns, schema), root / f"{name}-00000-of-00001.parquet", row_group_size=size
    )
    return root
