"""A real server's home, assembled from the jars on Maven Central and a few small Java sources.

A home is built once and kept in the user's cache; there is one recipe per engine.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from tests.nodes.elasticsearch import ElasticsearchRecipe
from tests.nodes.opensearch import OpenSearchRecipe
from tests.nodes.protocol import NodeUnavailableError, Recipe, major, run_tool

RECIPES: dict[int, Recipe] = {2: OpenSearchRecipe(), 8: ElasticsearchRecipe(java=17), 9: ElasticsearchRecipe(java=21)}


def cache_directory() -> Path:
    """Return the folder of the homes: hybrid-connector/nodes under XDG_CACHE_HOME or ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "hybrid-connector" / "nodes"


def assembled_home(version: str, jdk: Path) -> Path:
    """Return the home of this version; build it if the cache has none built from these sources.

    Safe in parallel runs: a home is built in a temporary folder and renamed; the second of two is dropped.

    Raises:
        NodeUnavailableError: Maven is not installed or cannot fetch this version.
    """
    recipe = RECIPES[major(version)]
    home = cache_directory() / f"{version}-{_fingerprint(recipe)}"
    if home.is_dir():
        return home
    if shutil.which("mvn") is None:
        raise NodeUnavailableError("no mvn command")
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix="building-") as scratch:
        building, jars = Path(scratch) / "home", Path(scratch) / "jars"
        settings = [f"-Dnode.version={version}", f"-DoutputDirectory={jars}"]
        pom = str(recipe.sources / "pom.xml")
        run_tool(["mvn", "-q", "-B", "-f", pom, *settings, "dependency:copy-dependencies"], "Maven")
        recipe.lay_out(version, jars, building, jdk)
        try:
            building.rename(home)
        except OSError:
            if not home.is_dir():
                raise
    return home


def _fingerprint(recipe: Recipe) -> str:
    digest = hashlib.sha256()
    code = Path(__file__).with_name(f"{recipe.sources.name}.py")
    for source in [*sorted(path for path in recipe.sources.rglob("*") if path.is_file()), code]:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]
