"""Functions of a user's Python file, which is imported as `python FILE` would run it; what it prints goes to standard error."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import cache, partial
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

_folders: set[Path] = set()
"""The folders of the files that were imported."""


class EndedError(Exception):
    """A file tried to end the program, as a script does that parses the command line when it is imported."""


@contextmanager
def running(path: Path) -> Iterator[None]:
    """A context in which code can import the files beside `path`, and prints to standard error.

    Raises:
        EndedError: in place of SystemExit.
    """
    folder, arguments = str(path.resolve().parent), sys.argv
    sys.path.insert(0, folder)
    sys.argv = [str(path)]  # the file must not see this program's arguments
    try:
        with redirect_stdout(sys.stderr):
            yield
    except SystemExit as error:
        raise EndedError(f"it ends the program: sys.exit({error.code!r})") from error
    finally:
        sys.argv = arguments
        sys.path.remove(folder)


def function(path: Path, name: str) -> Callable[..., Any]:
    """The function called `name` in a file, or any other object of that name.

    Raises:
        EndedError: as in `running`.
        AttributeError: where the file has no such name.
        Exception: any that the file raises.
    """
    state = path.stat()
    module = _module(path.resolve(), state.st_mtime_ns, state.st_size)
    named: Callable[..., Any] = getattr(module, name)
    return named


@cache
def _module(path: Path, modified: int, size: int) -> ModuleType:
    """The file as a module, imported once for each content, and entered in `sys.modules`, where dataclasses and pickle look."""
    name = _module_name(path)
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is no Python file")
    module = module_from_spec(spec)
    # Its functions may print outside of `running`, while a network runs.
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
    """The name by which files beside it would import the file, or a unique one where another module has that name."""
    name = path.stem
    if name.isidentifier():
        loaded = sys.modules.get(name)
        if loaded is None and find_spec(name) is None:
            return name
        if loaded is not None and getattr(loaded, "__file__", None) == str(path):
            return name
    import hashlib  # no network of the catalogue needs it

    return f"file_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"


def _forget_namesakes(folder: Path) -> None:
    """Removes modules of other files' folders from `sys.modules` where `folder` has a module of the same name."""
    others = _folders - {folder}
    for name, module in [*sys.modules.items()]:
        file = getattr(module, "__file__", None)
        top = name.partition(".")[0]
        in_folder = (folder / f"{top}.py").exists() or (folder / top).is_dir()
        if file and in_folder and any(Path(file).is_relative_to(other) for other in others):
            del sys.modules[name]
