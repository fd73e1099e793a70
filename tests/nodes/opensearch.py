"""How a real OpenSearch with k-NN and neural-search is laid out from its published jars, and started."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from tests.nodes.protocol import run_tool

SOURCES = Path(__file__).parent / "java" / "opensearch"
FOLDERS = ("lib", "opensearch-knn", "neural-search")


class OpenSearchRecipe:
    """OpenSearch 2: see `Recipe`. Plugins are on the class path after the server, each with its own libraries."""

    sources = SOURCES
    config = "opensearch.yml"
    http_settings = ("http.type=netty4", "transport.type=netty4")
    java = 17

    def lay_out(self, version: str, jars: Path, home: Path, jdk: Path) -> None:
        """Put libraries and plugins in their places, and compile what starts them."""
        for directory in (*FOLDERS, "classes"):
            (home / directory).mkdir(parents=True)
        for jar in jars.glob("*.jar"):
            shutil.move(jar, home / "lib")
        for plugin in FOLDERS[1:]:
            with zipfile.ZipFile(jars / f"{plugin}-{version}.0.zip") as archive:
                archive.extractall(home / plugin)
        javac = [str(jdk / "bin" / "javac"), "--release", str(self.java), "-cp", _class_path(home)]
        run_tool([*javac, "-d", str(home / "classes"), str(SOURCES / "StartNode.java")], "javac")

    def arguments(self, home: Path, run: Path) -> list[str]:
        """Return Java's arguments before the main class; `run` is the node's own directory."""
        for directory in ("modules", "plugins"):
            (run / directory).mkdir(exist_ok=True)
        return ["-cp", f"{home / 'classes'}:{_class_path(home)}"]


def _class_path(home: Path) -> str:
    return ":".join(f"{home / folder}/*" for folder in FOLDERS)
