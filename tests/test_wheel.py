"""What the wheel holds, and what it does once it is installed without extras where there is no network."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from tests.installed import UV, Installed, install, requirements_of

ROOT = Path(__file__).parent.parent


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


@pytest.fixture(scope="module")
def installed(wheel_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """An environment with the wheel and no extras, whose processes import no torch and reach no network."""
    return install(wheel_file, tmp_path_factory.mktemp("installed") / "environment")


@pytest.fixture(scope="module")
def shop(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a first user has indexed a file of articles, in the folder `store` of it."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "articles.jsonl").write_text(ARTICLES, "utf-8")
    indexing = ["index", "articles.jsonl", "--index", "articles", "--url", "embedded:store"]
    done = installed.run("connector", *indexing, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


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
    declared = {_normalized(each.name) for each in requirements_of(wheel_file)}
    distributions = packages_distributions()
    imported = {  # a package that only an older Python needs is not installed, and has its distribution's name
        package: {_normalized(name) for name in distributions.get(package, [package])}
        for package in _imported_packages()
    }
    assert [package for package, names in imported.items() if not names & declared] == []


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


ARTICLES = """\
{"_id": "1", "title": "Descaling a kettle", "body": "Fill it with one part vinegar and two parts water; boil, rinse."}
{"_id": "2", "title": "Bread without kneading", "body": "Let the dough rest overnight; time does the work."}
{"_id": "3", "title": "Sharpening a knife", "body": "Hold the blade at twenty degrees to the stone."}
"""
USER_SCRIPT = """
import json

from connector import Connector, connect

articles = Connector(connect("embedded:"), "articles", text_fields=["title", "body"])
articles.create()
articles.index([json.loads(line) for line in open("articles.jsonl")])
print(json.dumps(articles.search("remove limescale from a water boiler").body))
"""


def _check_two_stage(response: dict[str, Any]) -> None:
    """Check that both legs and the reranker answered, and that the article on kettles is first."""
    hits = response["hits"]["hits"]
    assert [hit["_id"] for hit in hits][:1] == ["1"]
    assert response["_hybrid"]["degraded"] is None
    assert response["_hybrid"]["legs"]["knn"] == 3
    assert all(isinstance(hit["_hybrid"]["rerank_score"], float) for hit in hits)


def test_the_declared_dependencies_are_all_there_and_agree(installed: Installed) -> None:
    done = subprocess.run([UV, "pip", "check", "--python", installed.python], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_script_creates_an_index_searches_it_and_reranks(installed: Installed, shop: Path) -> None:
    done = installed.run("python", "-c", USER_SCRIPT, cwd=shop)
    assert done.returncode == 0, done.stderr
    _check_two_stage(json.loads(done.stdout))


def test_the_command_line_searches_in_two_stages(installed: Installed, shop: Path) -> None:
    text = "remove limescale from a water boiler"
    done = installed.run("connector", "search", "articles", text, "--url", "embedded:store", "--json", cwd=shop)
    assert done.returncode == 0, done.stderr
    _check_two_stage(json.loads(done.stdout))


def test_doctor_finds_nothing_wrong(installed: Installed, shop: Path) -> None:
    done = installed.run("connector", "doctor", "embedded:store", cwd=shop)
    assert done.returncode == 0, done.stderr
    assert "works    encoder: sentence-transformers/all-MiniLM-L6-v2" in done.stdout
    assert "works    reranker: bundled" in done.stdout


def test_a_reindex_job_writes_vectors_into_a_new_index(installed: Installed, shop: Path) -> None:
    job = ["reindex", "articles", "--alias", "again", "--url", "embedded:store", "--text-field", "title"]
    done = installed.run("connector", *job, cwd=shop)
    assert done.returncode == 0, done.stderr
    assert "3 counted, 3 compared" in done.stdout


def test_a_missing_extra_is_named_with_the_command_that_installs_it(
    installed: Installed, wheel_file: Path, shop: Path
) -> None:
    (shop / "articles.parquet").write_bytes(b"PAR1")
    indexing = ["index", "articles.parquet", "--index", "other", "--url", "embedded:store"]
    done = installed.run("connector", *indexing, cwd=shop)
    (bound,) = (each.specifier for each in requirements_of(wheel_file) if each.name == "pyarrow")
    assert (done.returncode, done.stderr) == (
        2,
        f"connector: pyarrow is not installed (extra 'parquet'): pip install 'pyarrow{bound}'\n",
    )
