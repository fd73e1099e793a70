"""What is installed and imported: what the wheel holds, what is public, what an import loads."""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import connector
from connector.cli.app import app

ROOT = Path(__file__).parent.parent
HEAVY = (
    "torch",
    "transformers",
    "sentence_transformers",
    "scipy",
    "sklearn",
    "nltk",
    "ir_measures",
    "connector.embedded",
)


def test_importing_every_public_name_loads_no_models_and_nothing_that_is_slow_to_load() -> None:
    code = "import json, sys; from connector import *; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT).stdout)
    assert [name for name in HEAVY if name in loaded] == []


def test_all_names_what_is_public_and_no_more() -> None:
    assert set(connector.__all__) == set(connector._MODULES) <= set(dir(connector))
    with pytest.raises(AttributeError, match="no attribute 'Conector'"):
        connector.Conector  # noqa: B018


@pytest.mark.parametrize("name", connector.__all__)
def test_public_name_says_what_it_is(name: str) -> None:
    assert inspect.getdoc(getattr(connector, name))


def _commands(command: Any, path: str = "connector") -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from _commands(inner, f"{path} {name}")


COMMANDS = dict(_commands(get_command(app)))


@pytest.mark.parametrize("path", COMMANDS)
def test_command_has_help_for_itself_and_each_option(path: str) -> None:
    command = COMMANDS[path]
    assert command.help
    own = [
        option for option in command.params if "--help" not in option.opts and "--show-completion" not in option.opts
    ]
    assert [option.name for option in own if not getattr(option, "help", None)] == []


def _imported_packages() -> set[str]:
    """The top-level packages that the modules of `connector/` import, except the standard library's."""
    found = set()
    for path in (ROOT / "connector").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found.add((node.module or "").split(".")[0])
    return found - set(sys.stdlib_module_names) - {"connector"}


UV = str(Path(sys.executable).with_name("uv")) if Path(sys.executable).with_name("uv").exists() else "uv"


@pytest.fixture(scope="module")
def wheel_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the working tree."""
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run([UV, "build", "--quiet", "--wheel", "--out-dir", out, ROOT], check=True)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def wheel(wheel_file: Path) -> set[str]:
    """The names of the files in the wheel."""
    with zipfile.ZipFile(wheel_file) as archive:
        return set(archive.namelist())


def test_wheel_holds_all_of_the_package(wheel: set[str]) -> None:
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "connector").rglob("*.py")}
    assert modules - wheel == set()


@pytest.mark.parametrize("folder", ["mappings", "examples/stdlib"])
def test_wheel_holds_the_files_beside_the_package(wheel: set[str], folder: str) -> None:
    files = {f"connector/{path.relative_to(ROOT)}" for path in (ROOT / folder).rglob("*") if path.is_file()}
    assert files
    assert files - wheel == set()


def test_wheel_holds_the_bundled_reranker_and_its_card(wheel: set[str]) -> None:
    bundled = "connector/models/bundled/"
    assert {f"{bundled}{name}" for name in ("config.json", "model.safetensors", "MODEL_CARD.md")} - wheel == set()


def test_wheel_holds_the_licence_and_nothing_that_is_not_of_the_package(wheel: set[str]) -> None:
    information = {name.split("/", 1)[1] for name in wheel if not name.startswith("connector/")}
    assert information == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}


def test_every_imported_package_is_declared(wheel_file: Path) -> None:
    with zipfile.ZipFile(wheel_file) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        declared = set(
            map(_normalized, re.findall(r"^Requires-Dist: ([\w.-]+)", archive.read(metadata).decode(), re.M))
        )
    distributions = packages_distributions()
    imported = {package: {_normalized(name) for name in distributions[package]} for package in _imported_packages()}
    assert [package for package, names in imported.items() if not names & declared] == []


def _normalized(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


USER_CODE = """
from connector import Connector, Passages, connect

articles = Connector(connect("embedded:"), "articles", text_fields=["title"])
articles.search(text_fields=1)
"""


def test_type_checkers_read_the_types_of_the_installed_wheel(wheel_file: Path, tmp_path: Path) -> None:
    python = tmp_path / "environment" / "bin" / "python"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, tmp_path / "environment"], check=True)
    subprocess.run([UV, "pip", "install", "--quiet", "--no-deps", "--python", python, wheel_file], check=True)
    (tmp_path / "user.py").write_text(USER_CODE)
    check = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python), "user.py"]
    found = subprocess.run(check, capture_output=True, text=True, cwd=tmp_path, check=False).stdout
    assert 'user.py:5: error: Unexpected keyword argument "text_fields" for "search"' in found
    assert "import-untyped" not in found
