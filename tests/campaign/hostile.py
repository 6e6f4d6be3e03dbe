"""Hostile input: files that lie about what they hold, hold code, or name other files; nothing of it may happen."""

import io
import json
import random
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from atalho import networks
from atalho.api import records as record_pages
from atalho.data import image
from atalho.data.formats import readable
from atalho.data.image import Framing
from atalho.engines import engine_config
from atalho.grammar.module import build
from atalho.training import arguments
from atalho.weights import config, trained, weightfile
from campaign import attempts, pickles
from campaign.attempts import Attempt, Bounds, attempt
from campaign.counts import Counts
from campaign.graphs import external_weights
from example_records import example
from photo_folders import picture

NETWORK = networks.get("resnet20", input=(1, 8, 8))

NUMBERS = (0, 1, -1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**40, 2**63 - 1, 2**63, 2**64 - 1, 2**64)
"""Sizes at which integers of some width end."""

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from(NUMBERS)
    | st.floats()
    | st.sampled_from(
        ["", "nan", "../x", "/etc/passwd", "\0", "a" * 5000, "\u202e", "\n", "\ud800"]
    )
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=8,
)


def campaign(cases: int, folder: Path) -> list[Counts]:
    """Every kind of hostile file; `cases` of each that is generated."""
    counts = []
    for part in PARTS:
        own = folder / part.__name__
        own.mkdir()
        counts.append(part(cases, own))
    return counts


def safetensors(cases: int, folder: Path) -> Counts:
    """Headers that lie about types, shapes and places."""
    counts, path, bounds = _begin("safetensors", folder)
    names = [*build(NETWORK).state_dict()]
    size = st.sampled_from(NUMBERS) | st.integers(-4, 4096)
    tensor = st.fixed_dictionaries(
        {
            "dtype": st.sampled_from(["F32", "F64", "I64", "BOOL", "F8_E4M3", "F4", "X", ""]),
            "shape": st.lists(size, max_size=5),
            "data_offsets": st.lists(size, min_size=2, max_size=2),
        }
    )
    header = st.dictionaries(
        st.sampled_from([*names[:8], "__metadata__", ""]), tensor | JSON, max_size=6
    ).map(lambda each: json.dumps(each).encode())
    length = st.none() | st.sampled_from(NUMBERS[:-1]).map(lambda each: abs(each))
    content = st.tuples(length, header | st.binary(max_size=64), st.binary(max_size=64))

    def case(parts: tuple[int | None, bytes, bytes]) -> None:
        claimed, head, rest = parts
        count = len(head) if claimed is None else claimed
        path.write_bytes(struct.pack("<Q", count) + head + rest)
        _weights(counts, path, f"{count} {head!r} {rest!r}", bounds)

    _generated(case, content, cases, counts)
    return counts


def zips(cases: int, folder: Path) -> Counts:
    """torch's archive with numbers of its headers replaced: local headers, central directory, its end."""
    counts, path, bounds = _begin("zip", folder)
    torch.save(build(NETWORK, seed=0).state_dict(), path)
    whole = path.read_bytes()
    marks = [b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"]
    places = [place for mark in marks for place in _all(whole, mark)]
    change = st.tuples(
        st.sampled_from(places),
        st.integers(0, 60),
        st.sampled_from([2, 4, 8]),
        st.sampled_from(NUMBERS) | st.integers(0, 2**16),
    )

    def case(changes: list[tuple[int, int, int, int]]) -> None:
        damaged = bytearray(whole)
        for place, offset, width, number in changes:
            begin = min(place + offset, len(whole) - width)
            damaged[begin : begin + width] = (number % 256**width).to_bytes(width, "little")
        path.write_bytes(damaged)
        _weights(counts, path, str(changes), bounds)

    _generated(case, st.lists(change, min_size=1, max_size=3), cases, counts)
    return counts


def pickled(cases: int, folder: Path) -> Counts:
    """Every payload in every file that a pickle of weights may be; of fewer cases than these some, evenly spaced."""
    counts, path, bounds = _begin("pickles", folder)
    mark = folder / "mark"
    files = [
        (f"{name}, {wrap}", content)
        for name, payload in pickles.payloads(mark)
        for wrap, content in pickles.wraps(payload)
    ]
    with counts.timed():
        for name, content in files[:: max(1, len(files) // cases)]:
            path.write_bytes(content)
            _weights(counts, path, name, bounds._replace(mark=mark))
    return counts


def pictures(cases: int, folder: Path) -> Counts:
    """Pictures of every format with numbers of their chunks replaced, some with a checksum that is right again."""
    counts, path, bounds = _begin("pictures", folder)
    frame = Framing((3, 24, 24))
    wholes = {name: content for name in readable() if (content := _saved(name))}
    change = st.tuples(
        st.sampled_from([*wholes]),
        st.floats(0, 1, exclude_max=True),
        st.booleans(),
        st.sampled_from([1, 2, 4]),
        st.sampled_from(NUMBERS) | st.integers(0, 2**16),
        st.booleans(),
    )

    def case(drawn: tuple[str, float, bool, int, int, bool]) -> None:
        name, where, head, width, number, big = drawn
        damaged = bytearray(wholes[name])
        begin = int(where * (min(200, len(damaged)) if head else len(damaged)))
        order = "big" if big else "little"
        damaged[begin : begin + width] = (number % 256**width).to_bytes(width, order)
        path.write_bytes(_right_again(bytes(damaged)) if name == "PNG" else damaged)
        _count(counts, attempt(counts, str(drawn), partial(image.load, path, frame), bounds))

    _generated(case, change, cases, counts)
    return counts


def lines(cases: int, folder: Path) -> Counts:
    """Records with anything in place of any of their values, read, and shown as a page."""
    counts, path, bounds = _begin("records.jsonl", folder)
    documents = [json.loads(each.to_json()) for each in example(["resnet20"])[:40]]
    page = folder / "page.html"

    def read() -> None:
        record_pages.report(path, output=page)

    def case(drawn: tuple[dict[str, Any], Any, float]) -> None:
        document, value, where = drawn
        path.write_text(json.dumps(_replaced(document, value, where)) + "\n")
        _count(counts, attempt(counts, path.read_text()[:300], read, bounds))

    content = st.tuples(st.sampled_from(documents), JSON, st.floats(0, 1, exclude_max=True))
    _generated(case, content, cases, counts)
    for name, text in _DEEP.items():
        path.write_text(text + "\n")
        _count(counts, attempt(counts, name, read, bounds))
    return counts


def configs(cases: int, folder: Path) -> Counts:
    """config.json with anything in place of any of its values, and names of code."""
    with suppress(ImportError):
        import_module(
            "timm"
        )  # which makes torch's own folder for compiled code when it is first loaded
    counts, _, bounds = _begin("config.json", folder)
    own = folder / "config"
    own.mkdir()
    model = build(NETWORK, seed=0)
    classes = {str(each): str(each) for each in range(10)}
    framing = Framing((1, 8, 8))
    preprocessing = trained.Preprocessing.per_channel([0.5], [0.5])
    trained.write(
        own, model.state_dict(), config.Config("resnet20", framing, preprocessing, classes)
    )
    path, mark = own / config.FILE, folder / "mark"
    document = json.loads(path.read_text())
    del document["checksum"]
    code = folder / "code.py"
    code.write_text(f"import os\nos.mkdir({str(mark)!r})\n")
    names = [f"{code}:net", "timm:../../x", "torchvision:os.system", "hf-hub:../..", "../code.py:f"]

    def case(drawn: tuple[Any, float]) -> None:
        path.write_text(json.dumps(_replaced(document, *drawn)))
        call = partial(trained.read, own)
        _count(counts, attempt(counts, path.read_text()[:400], call, bounds._replace(mark=mark)))

    _generated(case, st.tuples(JSON, st.floats(0, 1, exclude_max=True)), cases, counts)
    texts = [json.dumps({**document, "architecture": each}) for each in names]
    for text in (*texts, *_DEEP.values()):
        path.write_text(text)
        call = partial(trained.read, own)
        _count(counts, attempt(counts, text[:200], call, bounds._replace(mark=mark)))
    return counts


def engines(cases: int, folder: Path) -> Counts:
    """engine.json with anything in place of any of its values."""
    counts, _, bounds = _begin("engine.json", folder)
    own = folder / "engine"
    own.mkdir()
    (own / "model.onnx").write_bytes(b"")
    document: dict[str, Any] = {
        "engine": "onnxruntime",
        "dtype": "float32",
        "threads": 1,
        "batch": 1,
    }
    document |= {"memory_format": "channels_last", "device": "cpu", "files": {"../secret": "0"}}
    secret = bounds._replace(secret=folder / "secret")
    (folder / "secret").write_text("secret")
    path = own / engine_config.FILE

    def case(drawn: tuple[Any, float]) -> None:
        path.write_text(json.dumps(_replaced(document, *drawn)))
        call = partial(engine_config.read, own)
        _count(counts, attempt(counts, path.read_text()[:300], call, secret))

    _generated(case, st.tuples(JSON, st.floats(0, 1, exclude_max=True)), cases, counts)
    for name, text in _DEEP.items():
        path.write_text(text)
        _count(counts, attempt(counts, name, partial(engine_config.read, own), secret))
    return counts


def yamls(cases: int, folder: Path) -> Counts:
    """args.yaml with tags, aliases that grow without end, and anything else."""
    counts, _, bounds = _begin("args.yaml", folder)
    own, mark = folder / "run", folder / "mark"
    own.mkdir()
    path = own / arguments.FILE
    laughs = "a0: &a0 [x, x]\n" + "".join(
        f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)
    )
    texts = [
        f"!!python/object/apply:os.mkdir [{str(mark)!r}]",
        f"network: !!python/object/apply:os.system ['mkdir {mark}']",
        f"data: !!python/object/new:os.mkdir [{str(mark)!r}]",
        "network: !!python/name:os.system",
        laughs,
        laughs + "data: *a39\nchecksum: x\n",
        "checksum: x\nrecipe: &r\n  - *r\n",
        "[" * 20_000,
        "{a: " * 20_000,
        "- " * 20_000,
        "2001-01-01: 2001-01-01",
        "checksum: x\nnetwork: 2001-01-01",
        "? [a, b]\n: c",
        "<<: [1, 2]",
        "&a a: *a",
        "a: 1" + "0" * 100_000,
        "\0",
        "%YAML 9.9\n---\n",
    ]
    fixed = st.sampled_from(texts)
    junk = st.text(st.sampled_from("{}[]&*!|>-:?,%@`\"'#\n \tabc0"), max_size=60)

    def case(text: str) -> None:
        path.write_text(text)
        call = partial(arguments.read, own)
        _count(counts, attempt(counts, text[:100], call, bounds._replace(mark=mark)))

    for text in texts:
        case(text)
    _generated(case, fixed | junk, cases, counts)
    return counts


_DEEP = {
    "deep lists": "[" * 100_000 + "]" * 100_000,
    "deep objects": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "a long number": '{"value": 1' + "0" * 100_000 + "}",
    "a large number": '{"subject": "x", "quantity": "top1", "unit": "fraction", "provenance": "measured", "value": 1'
    + "0" * 400
    + "}",
    "no object": "[]",
    "a number": "7",
    "bytes": "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
}
"""Texts that are JSON, or begin like it, and at which readers break."""


def _begin(part: str, folder: Path) -> tuple[Counts, Path, Bounds]:
    """Empty counts, a file to write to, and what may be written."""
    return Counts(f"hostile: {part}", attempts.DETECTS), folder / "file", Bounds((folder,))


def _weights(counts: Counts, path: Path, example: str, bounds: Bounds) -> None:
    def restored() -> None:
        trained.restore(NETWORK, weightfile.read(path, NETWORK))

    _count(counts, attempt(counts, example, restored, bounds))


def _count(counts: Counts, ended: Attempt) -> None:
    counts.end("refused" if ended.refused else "failed" if ended.error else "read")


def _generated(
    case: Callable[[Any], None], content: st.SearchStrategy[Any], cases: int, counts: Counts
) -> None:
    """Runs a case on so many examples, the same ones every time."""
    run = given(content)(case)
    examples = settings(
        max_examples=cases,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[*HealthCheck],
    )
    with counts.timed():
        examples(run)()


def _all(content: bytes, mark: bytes) -> list[int]:
    return [place for place in range(len(content)) if content.startswith(mark, place)]


def _replaced(document: Any, value: Any, where: float) -> Any:
    """The document with `value` in place of one of its parts, chosen by a number in [0, 1)."""
    paths = [*_paths(document)]
    path = paths[int(where * len(paths))]
    copied = json.loads(json.dumps(document))
    if not path:
        return value
    inner = copied
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return copied


def _paths(document: Any, path: tuple[Any, ...] = ()) -> Any:
    yield path
    keys = (
        document
        if isinstance(document, dict)
        else range(len(document) if isinstance(document, list) else 0)
    )
    for key in keys:
        yield from _paths(document[key], (*path, key))


def _saved(format: str) -> bytes:
    """A small picture in a format; empty where this installation does not write it."""
    out = io.BytesIO()
    try:
        picture(random.Random(format).randrange(9)).save(out, format)
    except (OSError, KeyError, ValueError):
        return b""
    return out.getvalue()


def _right_again(content: bytes) -> bytes:
    """A PNG with the checksum of each chunk put right, as far as the chunks can be followed."""
    from zlib import crc32

    whole, place = bytearray(content), 8
    while place + 12 <= len(whole):
        length = int.from_bytes(whole[place : place + 4])
        end = place + 8 + length
        if end + 4 > len(whole):
            break
        whole[end : end + 4] = crc32(whole[place + 4 : end]).to_bytes(4)
        place = end + 4
    return bytes(whole)


def graphs(cases: int, folder: Path) -> Counts:
    """ONNX files with weights in other files; they are all tried, however few the cases."""
    return external_weights(NETWORK, folder)


PARTS = (safetensors, zips, pickled, pictures, lines, configs, engines, yamls, graphs)
"""Each kind: from a number of cases and a folder to its counts."""
