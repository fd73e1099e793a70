"""The third way: a server assembled from Maven Central and run by a JDK of this machine. No Docker, no root."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from tests.nodes.assemble import RECIPES, assembled_home
from tests.nodes.jdk import find_jdk
from tests.nodes.protocol import Lifetime, NodeUnavailableError, Recipe, RunningNode, major, version_at

START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 30
LOG_SETTINGS = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%c{1.}] %marker%m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
"""
NODE_SETTINGS = (
    "node.name=test",
    "discovery.type=single-node",
    "network.host=127.0.0.1",
    "http.port=0",
    "transport.port=0",
    "node.portsfile=true",
    "cluster.routing.allocation.disk.threshold_enabled=false",
)


class MavenNode:
    """A node in a process of its own, on a port that the system chooses, with its data in a temporary directory."""

    name = "Maven Central"

    def __init__(self) -> None:
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, version: str, lifetime: Lifetime) -> RunningNode:
        """Assemble the home if need be, start the server and wait until it answers."""
        recipe = RECIPES.get(major(version))
        if recipe is None:
            raise NodeUnavailableError(f"no recipe for {version}")
        jdk = find_jdk(recipe.java)
        home = assembled_home(version, jdk)
        run = Path(tempfile.mkdtemp(prefix=f"{recipe.sources.name}-{version}-"))
        child = _launch(recipe, jdk, home, run, lifetime)
        self._children[child.pid] = child
        node = RunningNode(version=version, url="", way=self.name, handle=f"{child.pid} {run}")
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and child.poll() is None:
            url = _published_url(run)
            if url is not None and version_at(url) is not None:
                return RunningNode(version=version, url=url, way=self.name, handle=node.handle)
            time.sleep(0.2)
        trouble = "ended while it started" if child.poll() is not None else f"did not answer in {START_TIMEOUT_S} s"
        tail = "\n".join((run / "node.log").read_text(errors="replace").splitlines()[-30:])
        self.stop(node)
        raise NodeUnavailableError(f"the node {trouble}; the end of its log:\n{tail}")

    def stop(self, node: RunningNode) -> None:
        """Ask the process to end, wait for it, kill it if it doesn't, remove its directory."""
        pid_text, run = node.handle.split(" ", 1)
        pid = int(pid_text)
        child = self._children.pop(pid, None)
        if child is not None:
            _end_child(child)
        elif run in _command_line(pid):
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + STOP_TIMEOUT_S
            while run in _command_line(pid) and time.monotonic() < deadline:
                time.sleep(0.2)
        shutil.rmtree(run, ignore_errors=True)


def _launch(recipe: Recipe, jdk: Path, home: Path, run: Path, lifetime: Lifetime) -> subprocess.Popen[bytes]:
    for directory in ("config", "logs", "data"):
        (run / directory).mkdir()
    (run / "config" / recipe.config).touch()
    (run / "config" / "log4j2.properties").write_text(LOG_SETTINGS)
    java = [str(jdk / "bin" / "java"), "-Xms512m", "-Xmx1g", f"-Djava.io.tmpdir={run}", *recipe.arguments(home, run)]
    with (run / "node.log").open("wb") as log:
        return subprocess.Popen(
            [*java, "StartNode", str(run), lifetime, *NODE_SETTINGS, *recipe.http_settings],
            stdin=subprocess.PIPE if lifetime == "session" else subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _published_url(run: Path) -> str | None:
    ports = run / "logs" / "http.ports"
    if not ports.exists():
        return None
    addresses = [line for line in ports.read_text().split() if line.startswith("127.0.0.1:")]
    return f"http://{addresses[0]}" if addresses else None


def _end_child(child: subprocess.Popen[bytes]) -> None:
    if child.stdin is not None:
        child.stdin.close()
    child.terminate()
    try:
        child.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _command_line(pid: int) -> str:
    listed = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listed.stdout
