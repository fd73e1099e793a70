"""Deep learning libraries are imported by connector/models/network/ only, and only once a model is loaded."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import connector

PACKAGE = Path(connector.__file__).parent
HEAVY = {"torch", "transformers", "sentence_transformers"}


def test_importing_the_package_loads_no_deep_learning_library() -> None:
    heavy = "{'torch', 'transformers', 'sentence_transformers', 'tokenizers'}"
    code = f"import sys, connector.models; print(sorted({heavy} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""


def test_only_the_network_package_imports_torch() -> None:
    network = PACKAGE / "models" / "network"
    others = [path for path in PACKAGE.rglob("*.py") if not path.is_relative_to(network)]
    assert network.is_dir()
    assert [str(path) for path in others if HEAVY & {name.partition(".")[0] for name in _imported(path)}] == []
