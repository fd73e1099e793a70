"""A home for a real server, put together from Maven Central: the published jars and small Java sources of ours.

Comes in: tests/nodes/maven.py. A home is built once and kept in the user's cache; one file an engine says how.
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
    """Where homes are kept: hybrid-connector/nodes under XDG_CACHE_HOME or ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "hybrid-connector" / "nodes"


def assembled_home(version: str, jdk: Path) -> Path:
    """The home of this version, built now if the cache has none made from these sources.

    Safe under parallel runs: it is built beside its place and renamed; who comes second drops his own.

    Raises:
        NodeUnavailableError: Maven is absent or can't fetch this version.
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
