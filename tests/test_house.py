"""The house keeps its shape: which packages there are, that imports run one way, and that no file or function outgrows its sentence."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from itertools import chain
from pathlib import Path

import atalho

SOURCE = Path(atalho.__file__).parent
ROOT = SOURCE.parents[1]
MODULES = {
    *("__init__", "__main__", "api", "beside", "conditions", "errors", "files", "lock"),
    *("ranking", "record", "seal", "selection", "statistics", "tasks"),
}
"""All modules that stand on the top level; everything else is in a package."""

LONG, WIDE = 300, 8  # lines of a file, parameters of a function
TABLES = {"claims", "networks"}  # data, as long as their sources are
FACES = {"cli", "api"}  # have an option for everything that a user may say


def _name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {_name(path): path for path in SOURCE.rglob("*.py")}


def _room(module: str) -> str:
    """The package, or the module on the top level, that a module belongs to."""
    return ".".join(module.split(".")[:2])


def _imports(path: Path) -> Iterator[str]:
    """The modules of atalho that a file imports, wherever in it: in functions and for types too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.startswith("atalho"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("atalho"):
            for each in node.names:
                whole = f"{node.module}.{each.name}"
                yield whole if whole in FILES else str(node.module)


def test_only_named_modules_stand_on_the_top_level() -> None:
    assert {path.stem for path in SOURCE.glob("*.py")} <= MODULES


def test_no_packages_import_each_other_in_a_circle() -> None:
    rooms: dict[str, set[str]] = {}
    for module, path in FILES.items():
        if module != "atalho":  # the public names, which load the modules that they are in
            rooms.setdefault(_room(module), set()).update(map(_room, _imports(path)))
    graph = {room: imported - {room, "atalho"} for room, imported in rooms.items()}
    order = [*TopologicalSorter(graph).static_order()]  # raises CycleError
    assert order.index("atalho.grammar") < order.index("atalho.cli")


def test_files_are_read_in_one_sitting() -> None:
    kinds = (".py", ".js", ".css", ".j2")
    lengths = {
        str(path.relative_to(SOURCE)): len(path.read_text(encoding="utf-8").splitlines())
        for path in SOURCE.rglob("*")
        if path.suffix in kinds and not TABLES & {*path.parts}
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONG} == {}


def test_functions_take_few_parameters() -> None:
    wide = {}
    for module, path in FILES.items():
        if FACES & {*module.split(".")}:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                own = node.args
                named = chain(own.posonlyargs, own.args, own.kwonlyargs)
                count = len([*named]) + bool(own.vararg) + bool(own.kwarg)
                if count > WIDE:
                    wide[f"{module}.{node.name}"] = count
    assert wide == {}


def test_the_map_in_the_readme_names_every_package() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    house = text.partition("## The house")[2].partition("\n## ")[0]
    packages = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    assert [name for name in sorted(packages) if f"{name}/" not in house] == []
