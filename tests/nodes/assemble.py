"""A home for a real server, put together from Maven Central: the published jars and two small Java sources of ours.

Comes in: tests/nodes/maven.py. A home is built once and kept in the user's cache.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from tests.nodes.protocol import NodeUnavailableError, major, one_line

SOURCES = Path(__file__).parent / "java"
JAVA_OF_MAJOR = {8: 17, 9: 21}
DOWNLOAD_TIMEOUT_S = 900


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
    home = cache_directory() / f"{version}-{_fingerprint()}"
    if home.is_dir():
        return home
    if shutil.which("mvn") is None:
        raise NodeUnavailableError("no mvn command")
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix="building-") as scratch:
        building = Path(scratch) / "home"
        _download(version, Path(scratch) / "jars")
        _lay_out(version, Path(scratch) / "jars", building)
        _compile(version, jdk, building)
        try:
            building.rename(home)
        except OSError:
            if not home.is_dir():
                raise
    return home


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for source in [*sorted(path for path in SOURCES.rglob("*") if path.is_file()), Path(__file__)]:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def _download(version: str, jars: Path) -> None:
    settings = [f"-Delasticsearch.version={version}", f"-DoutputDirectory={jars}"]
    _run(["mvn", "-q", "-B", "-f", str(SOURCES / "pom.xml"), *settings, "dependency:copy-dependencies"], "Maven")


def _lay_out(version: str, jars: Path, home: Path) -> None:
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


def _compile(version: str, jdk: Path, home: Path) -> None:
    module = home / "modules" / "node-essentials"
    classes = home.parent / "plugin-classes"
    module.mkdir()
    javac = [str(jdk / "bin" / "javac"), "--release", str(JAVA_OF_MAJOR[major(version)]), "-cp", f"{home / 'lib'}/*"]
    plugin = SOURCES / f"es{major(version)}" / "NodeEssentialsPlugin.java"
    shared = [str(path) for path in sorted((SOURCES / "plugin").glob("*.java"))]
    _run([*javac, "-d", str(home / "classes"), str(SOURCES / "StartNode.java")], "javac")
    _run([*javac, "-d", str(classes), str(plugin), *shared], "javac")
    jar = module / "node-essentials.jar"
    _run([str(jdk / "bin" / "jar"), "--create", "--file", str(jar), "-C", str(classes), "."], "jar")
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


def _run(command: list[str], tool: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise NodeUnavailableError(f"{tool} did not end in {DOWNLOAD_TIMEOUT_S} s") from None
    if done.returncode != 0:
        raise NodeUnavailableError(f"{tool} failed: {one_line(done.stdout + done.stderr)}")
