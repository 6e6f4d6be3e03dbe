"""A Python file of somebody's → its functions: imported and run as `python FILE` would, its prints on standard error."""

import hashlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import cache, partial
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

_folders: set[Path] = set()
"""Of the files that were imported."""


class EndedError(Exception):
    """A file ended the program, as scripts do that read the command line when they are imported."""


@contextmanager
def running(path: Path) -> Iterator[None]:
    """Whatever runs inside can import what lies beside `path`, and does not print among results.

    Raises:
        EndedError: in place of SystemExit.
    """
    folder, arguments = str(path.resolve().parent), sys.argv
    sys.path.insert(0, folder)
    sys.argv = [str(path)]  # the program's own are not the file's
    try:
        with redirect_stdout(sys.stderr):
            yield
    except SystemExit as error:
        raise EndedError(f"it ends the program: sys.exit({error.code!r})") from error
    finally:
        sys.argv = arguments
        sys.path.remove(folder)


def function(path: Path, name: str) -> Callable[..., Any]:
    """The function of that name, or whatever else is called so.

    Raises:
        EndedError: as in `running`. Exception: whatever the file raises; AttributeError, where it has no such name.
    """
    state = path.stat()
    found: Callable[..., Any] = getattr(
        _module(path.resolve(), state.st_mtime_ns, state.st_size), name
    )
    return found


@cache
def _module(path: Path, modified: int, size: int) -> ModuleType:
    """The file as a module, which `sys.modules` has too: dataclasses and pickle look it up there. Once for each content."""
    name = _module_name(path)
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is no Python file")
    module = module_from_spec(spec)
    # What its functions print while a network runs is not in `running`.
    module.__dict__["print"] = partial(_print, print)
    _forget_namesakes(path.parent)
    _folders.add(path.parent)
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        with running(path):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        if before:
            sys.modules[name] = before
        raise
    return module


def _print(own: Callable[..., None], *values: object, **options: Any) -> None:
    if options.get("file") is None:
        options["file"] = sys.stderr
    own(*values, **options)


def _module_name(path: Path) -> str:
    """The file's own name, as other files beside it would import it, unless another module has it."""
    name = path.stem
    if name.isidentifier():
        known = sys.modules.get(name)
        if known is None and find_spec(name) is None:
            return name
        if known is not None and getattr(known, "__file__", None) == str(path):
            return name
    return f"file_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"


def _forget_namesakes(folder: Path) -> None:
    """Forgets modules from the folders of other files where this one has a module of that name: each file gets its own."""
    others = _folders - {folder}
    for name, module in [*sys.modules.items()]:
        file = getattr(module, "__file__", None)
        top = name.partition(".")[0]
        here = (folder / f"{top}.py").exists() or (folder / top).is_dir()
        if file and here and any(Path(file).is_relative_to(other) for other in others):
            del sys.modules[name]
