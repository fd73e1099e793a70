"""The third way: a server assembled from Maven Central, run by this machine's JDK, without Docker or root."""

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
    """A node in its own process, on a free port, with its data in a temporary directory."""

    name = "Maven Central"

    def __init__(self) -> None:
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, version: str, lifetime: Lifetime) -> RunningNode:
        """Assemble the home if necessary, start the server and wait until it answers."""
        recipe = RECIPES.get(major(version))
        if recipe is None:
            raise NodeUnavailableError(f"no recipe for {version}")
        jdk = find_jdk(recipe.java)
        home = assembled_home(version, jdk)
        run = Path(tempfile.mkdtemp(prefix=f"{recipe.sources.name}-{version}-"))
        return self._started(version, run, _launch(recipe, jdk, home, run, lifetime))

    def kill(self, node: RunningNode) -> None:
        """Kill a node that this session started, as a power cut would; its data stays."""
        child = self._children.pop(int(node.handle.split(" ", 1)[0]))
        child.kill()
        _end_child(child)

    def start_again(self, node: RunningNode) -> RunningNode:
        """Restart a killed node with its data; its URL is a new one."""
        run = Path(node.handle.split(" ", 1)[1])
        recipe = RECIPES[major(node.version)]
        jdk = find_jdk(recipe.java)
        (run / "logs" / "http.ports").unlink(missing_ok=True)
        child = _launch(recipe, jdk, assembled_home(node.version, jdk), run, "session")
        return self._started(node.version, run, child)

    def _started(self, version: str, run: Path, child: subprocess.Popen[bytes]) -> RunningNode:
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
        """Terminate the process, kill it if it does not end in time, and remove its directory."""
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
        (run / directory).mkdir(exist_ok=True)
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
