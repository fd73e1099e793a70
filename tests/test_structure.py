"""The rules of the source tree that no linter checks: private names, the length of files, circles of imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = sorted(
    path for path in (ROOT / "connector").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
)
MOST_LINES = 300
TREES = ["connector", "tests", "benchmarks", "training"]


def _modules(folder: Path) -> list[Path]:
    return [folder] if folder.is_file() else sorted(folder.rglob("*.py"))


@cache
def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name != "_"


def _defined(tree: ast.Module) -> Iterator[str]:
    """Yield every name that the module binds: functions, classes, variables, and attributes that it assigns."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_self(node.value):
            yield node.attr


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def _read(tree: ast.Module) -> Iterator[str]:
    """Yield every private name that the module reads from elsewhere: `x._name`, `getattr(x, "_name")`, imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("getattr", "setattr"):
            yield from (str(each.value) for each in node.args[1:2] if isinstance(each, ast.Constant))


@cache
def _private_names(package: Path) -> frozenset[str]:
    """Return the private names that the package defines."""
    return frozenset(name for path in _modules(package) for name in _defined(_parse(path)) if _is_private(name))


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.stem)
def test_no_package_reads_another_packages_private_names(package: Path) -> None:
    others = {name for other in PACKAGES for name in _private_names(other)} - _private_names(package)
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in _modules(package)
        for name in _read(_parse(path))
        if name in others
    }
    assert found == set()


@pytest.mark.parametrize("tree", TREES)
def test_no_file_is_longer_than_one_concept_needs(tree: str) -> None:
    lines = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in _modules(ROOT / tree)}
    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}


def _imports(path: Path, tree: str) -> Iterator[str]:
    """Yield the modules of the same tree that this one imports, by file."""
    for node in ast.walk(_parse(path)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            file = ROOT / (name.replace(".", "/") + ".py")
            if name.startswith(f"{tree}.") and file.exists():
                yield str(file.relative_to(ROOT))


@pytest.mark.parametrize("tree", TREES)
def test_no_modules_import_each_other_in_a_circle(tree: str) -> None:
    graph = {str(path.relative_to(ROOT)): set(_imports(path, tree)) for path in _modules(ROOT / tree)}
    TopologicalSorter(graph).prepare()
