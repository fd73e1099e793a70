"""Engines differ in `connector/engines/` only: nothing else asks which engine, client or version it talks to."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "connector"
KNOWS_ENGINES = ("engines", "clients/opensearch", "embedded")
"""Where engines differ, the client of one engine, and an engine."""
NAMES = ("opensearch", "elasticsearch", "embedded", "serverless")
ALLOWED = {
    "clients/elasticsearch_api.py": "recognises a client by its module: opensearch-py may not be installed",
    "clients/connect.py": "reads the scheme of a URL, which may be `embedded:`",
    "cli/cluster_problems.py": "recognises a client's errors by their module: opensearch-py may not be installed",
    "cli/diagnosis.py": "`doctor` tells people which engine it found, and which version they need",
    "integrations/settings.py": "reads the URLs and credentials of a client, which each library keeps elsewhere",
}


def is_name(node: ast.expr) -> bool:
    """True for a literal that begins with an engine's name, or holds one."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and node.value.startswith(NAMES)
    return isinstance(node, ast.Tuple | ast.List | ast.Set) and any(map(is_name, node.elts))


def is_told_by_engine(node: ast.expr) -> bool:
    """True for a dialect's name, and for what a cluster's capabilities say about the engine."""
    if not isinstance(node, ast.Attribute):
        return False
    of = ast.unparse(node.value).lower()
    if node.attr == "name":
        return of.endswith("dialect")
    return node.attr == "flavour" or (node.attr == "version" and of.endswith("capabilities"))


def comparisons(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield what compares an engine or a client with a name or a version, or looks it up in a table."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(is_name(side) or is_told_by_engine(side) for side in sides):
                yield node
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in ("startswith", "endswith") and any(map(is_name, node.args)):
                yield node
        elif isinstance(node, ast.Dict) and sum(key is not None and is_name(key) for key in node.keys) > 1:
            yield node
        elif isinstance(node, ast.Match):
            yield from (
                case.pattern.value
                for case in node.cases
                if isinstance(case.pattern, ast.MatchValue) and is_name(case.pattern.value)
            )


@pytest.mark.parametrize(
    "code",
    [
        'client.__module__.startswith("opensearchpy")',
        'flavour not in ("opensearch", "embedded")',
        "capabilities.version >= (9, 2)",
        "client.dialect.name == other",
        '{"opensearch": 1, "embedded": 2}[engine]',
    ],
)
def test_a_comparison_is_found(code: str) -> None:
    assert list(comparisons(ast.parse(code)))


@pytest.mark.parametrize(
    "code", ["document.version > 3", 'name = "opensearch"', 'text == "index"', "field.name == name"]
)
def test_other_code_is_not(code: str) -> None:
    assert not list(comparisons(ast.parse(code)))


def test_no_other_package_compares_engines_clients_or_versions() -> None:
    found: dict[str, list[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name not in ALLOWED and not name.startswith(KNOWS_ENGINES):
            found[name] = [ast.unparse(node) for node in comparisons(ast.parse(path.read_text("utf-8")))]
    assert {name: places for name, places in found.items() if places} == {}
