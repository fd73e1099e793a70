"""How a real Elasticsearch is laid out from its published jars and two small Java sources, and started."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from tests.nodes.protocol import major, run_tool

SOURCES = Path(__file__).parent / "java" / "elasticsearch"


class ElasticsearchRecipe:
    """Elasticsearch 8 and 9: see `Recipe`."""

    sources = SOURCES
    config = "elasticsearch.yml"
    http_settings: tuple[str, ...] = ()

    def __init__(self, java: int) -> None:
        self.java = java

    def lay_out(self, version: str, jars: Path, home: Path, jdk: Path) -> None:
        """Put libraries, modules and our compiled classes in their places."""
        netty = home / "modules" / "transport-netty4"
        for directory in (home / "lib", home / "classes", home / "plugins", netty):
            directory.mkdir(parents=True)
        for jar in jars.glob("*.jar"):
            shutil.move(jar, netty if "netty" in jar.name else home / "lib")
        prefix = "META-INF/es-plugins/transport-netty4/"
        with zipfile.ZipFile(netty / f"transport-netty4-{version}.jar") as archive:
            for name in archive.namelist():
                if name.startswith(prefix) and not name.endswith("/"):
                    (netty / Path(name).name).write_bytes(archive.read(name))
        self._compile(version, home, jdk)

    def _compile(self, version: str, home: Path, jdk: Path) -> None:
        module = home / "modules" / "node-essentials"
        classes = home.parent / "plugin-classes"
        module.mkdir()
        javac = [str(jdk / "bin" / "javac"), "--release", str(self.java), "-cp", f"{home / 'lib'}/*"]
        plugin = SOURCES / f"es{major(version)}" / "NodeEssentialsPlugin.java"
        shared = [str(path) for path in sorted((SOURCES / "plugin").glob("*.java"))]
        run_tool([*javac, "-d", str(home / "classes"), str(SOURCES / "StartNode.java")], "javac")
        run_tool([*javac, "-d", str(classes), str(plugin), *shared], "javac")
        jar = module / "node-essentials.jar"
        run_tool([str(jdk / "bin" / "jar"), "--create", "--file", str(jar), "-C", str(classes), "."], "jar")
        descriptor = {
            "name": "node-essentials",
            "description": "root endpoint and english analyzer",
            "version": version,
            "elasticsearch.version": version,
            "java.version": "17",
            "classname": "NodeEssentialsPlugin",
        }
        lines = "".join(f"{key}={value}\n" for key, value in descriptor.items())
        (module / "plugin-descriptor.properties").write_text(lines)

    def arguments(self, home: Path, run: Path) -> list[str]:
        """Return Java's arguments before the main class; `run` is the node's own directory."""
        if not (run / "lib").exists():  # a restarted node has them already
            shutil.copytree(home / "modules", run / "modules")
            shutil.copytree(home / "plugins", run / "plugins")
            (run / "lib").symlink_to(home / "lib")
        modules = "org.elasticsearch.server,jdk.incubator.vector,jdk.net,jdk.management.agent,ALL-MODULE-PATH"
        native = ["--enable-native-access=ALL-UNNAMED", f"-Des.nativelibs.path={home / 'lib' / 'platform'}"]
        return ["--module-path", str(home / "lib"), "--add-modules", modules, *native, "-cp", str(home / "classes")]
