"""Fifty pickles that make a folder when they are read without care, and the files of weights that they are put into."""

import io
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path

import torch

_CODE = "__import__('os').mkdir({mark!r})"

_CALLS = (
    *(("os", "mkdir"), ("posix", "mkdir"), ("nt", "mkdir"), ("os", "makedirs")),
    *(("os", "system"), ("posix", "system"), ("os", "popen"), ("commands", "getoutput")),
    *(("subprocess", "call"), ("subprocess", "Popen"), ("subprocess", "check_output")),
    *(("pty", "spawn"), ("builtins", "exec"), ("builtins", "eval"), ("__builtin__", "eval")),
    *(("builtins", "compile"), ("builtins", "getattr"), ("builtins", "__import__")),
    *(("timeit", "timeit"), ("cProfile", "run"), ("profile", "run"), ("pdb", "run")),
    *(("code", "interact"), ("runpy", "run_path"), ("importlib", "import_module")),
    *(("torch", "load"), ("torch.hub", "load"), ("torch.storage", "_load_from_bytes")),
    *(("torch.jit", "load"), ("torch.utils._config_module", "patch"), ("torch", "compile")),
    *(("numpy", "load"), ("numpy.core.multiarray", "_reconstruct"), ("marshal", "loads")),
    *(("functools", "partial"), ("operator", "methodcaller"), ("types", "FunctionType")),
    *(("pathlib", "Path.mkdir"), ("shutil", "copytree"), ("ctypes", "CDLL")),
    *(("pickle", "loads"), ("_pickle", "loads"), ("copyreg", "_reconstructor")),
    *(("webbrowser", "open"), ("doctest", "debug_script"), ("atexit", "register")),
)
"""Functions by which a pickle can run code, or reach what can."""

_PROGRAMS = frozenset(("system", "popen", "getoutput", "call", "Popen", "check_output", "spawn"))
_TAKING_CODE = frozenset(("exec", "eval", "timeit", "run", "debug_script"))


def _argument(name: str, mark: Path) -> str:
    if name in _PROGRAMS:
        return f"mkdir {mark}"
    return _CODE.format(mark=str(mark)) if name in _TAKING_CODE else str(mark)


def payloads(mark: Path) -> Iterator[tuple[str, bytes]]:
    """A name and a pickle for each: every function through every opcode that fetches one, in turn, and some that hide it."""
    for number, (module, name) in enumerate(_CALLS):
        text = _argument(name, mark).encode()
        argument = b"X" + len(text).to_bytes(4, "little") + text
        fetch = module.encode() + b"\n" + name.encode() + b"\n"
        stacked = b"".join(
            b"\x8c" + bytes([len(part)]) + part for part in (module.encode(), name.encode())
        )
        forms = {
            "GLOBAL": b"\x80\x02c" + fetch + b"(" + argument + b"tR.",
            "STACK_GLOBAL": b"\x80\x04" + stacked + b"\x93(" + argument + b"tR.",
            "INST": b"(" + argument + b"i" + fetch + b".",
            "OBJ": b"\x80\x02(c" + fetch + argument + b"o.",
            "NEWOBJ": b"\x80\x02c" + fetch + b"(" + argument + b"t\x81.",
        }
        form = [*forms][number % len(forms)]
        yield f"{module}.{name} by {form}", forms[form]
        if number == 0:
            inner = forms["GLOBAL"]
            nested = b"X" + len(inner).to_bytes(4, "little") + inner
            yield "in a dict", b"\x80\x02}X\x01\0\0\0a" + inner[2:-1] + b"s."
            yield "after a memo", b"\x80\x02" + argument + b"q\0" + inner[2:-1] + b"q\1h\1."
            yield "as a persistent id", b"\x80\x02" + inner[2:-1] + b"Q."
            yield "as a state", b"\x80\x02ccollections\nOrderedDict\n)R" + inner[2:-1] + b"b."
            yield "behind an end", b"\x80\x02}." + inner
            yield "as a text to be unpickled", b"\x80\x02ctorch\nload\n(" + nested + b"tR."


def wraps(payload: bytes) -> Iterator[tuple[str, bytes]]:
    """The files that a pickle of weights may be: bare, of torch before 1.6, and archives with it in several places."""
    yield "bare", payload
    head = b"".join(
        pickle.dumps(each, 2) for each in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})
    )
    yield "before 1.6", head + payload
    yield "archive", _archive({"data.pkl": payload})
    whole = _saved({"a": torch.zeros(1)})
    yield (
        "archive with two",
        whole.replace(b"PK\x01\x02", b"PK\x01\x02", 1) + _archive({"data.pkl": payload}),
    )
    yield (
        "archive of a script",
        _archive(
            {"data.pkl": payload, "constants.pkl": payload, "code/__torch__.py": b"import os"}
        ),
    )


def _archive(entries: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in {**entries, "byteorder": b"little", "version": b"3\n"}.items():
            archive.writestr(f"archive/{name}", content)
    return out.getvalue()


def _saved(state: object) -> bytes:
    out = io.BytesIO()
    torch.save(state, out)
    return out.getvalue()
