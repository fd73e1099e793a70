"""The second way: docker compose with the project's own docker-compose.yml, if a Docker engine answers."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from pathlib import Path

from tests.nodes.protocol import Lifetime, NodeUnavailableError, RunningNode, engine, major, one_line

COMPOSE_FILE = Path(__file__).parents[2] / "docker-compose.yml"
SERVICES = {2: "opensearch", 8: "elasticsearch8", 9: "elasticsearch"}
START_TIMEOUT_S = 600


class ComposeNode:
    """A container in its own compose project, on a port that Docker chooses."""

    name = "docker compose"

    def start(self, version: str, lifetime: Lifetime) -> RunningNode:
        """Bring up the service of this major and wait until it is healthy."""
        if shutil.which("docker") is None:
            raise NodeUnavailableError("no docker command")
        if _run(["docker", "info"], timeout_s=30).returncode != 0:
            raise NodeUnavailableError("no Docker engine answers")
        if _run(["docker", "compose", "version"], timeout_s=30).returncode != 0:
            raise NodeUnavailableError("docker has no compose command")
        service = SERVICES.get(major(version))
        if service is None or f"/{engine(version).lower()}:{version}\n" not in COMPOSE_FILE.read_text():
            raise NodeUnavailableError(f"{COMPOSE_FILE.name} has no service of version {version}")
        project = f"hybrid-connector-test-{uuid.uuid4().hex[:8]}"
        node = RunningNode(version=version, url="", way=self.name, handle=project)
        up = _compose(project, "up", "--detach", "--wait", service, timeout_s=START_TIMEOUT_S)
        port = _compose(project, "port", service, "9200", timeout_s=30)
        if up.returncode != 0 or port.returncode != 0:
            logs = _compose(project, "logs", "--tail", "20", service, timeout_s=30).stdout
            self.stop(node)
            raise NodeUnavailableError(f"docker compose up failed: {one_line(up.stderr + port.stderr + logs)}")
        address = port.stdout.strip().replace("0.0.0.0", "127.0.0.1")
        return RunningNode(version=version, url=f"http://{address}", way=self.name, handle=project)

    def stop(self, node: RunningNode) -> None:
        """Remove the project's containers, network and data."""
        _compose(node.handle, "down", "--volumes", "--timeout", "10", timeout_s=60)


def _compose(project: str, *arguments: str, timeout_s: int) -> subprocess.CompletedProcess[str]:
    command = ["docker", "compose", "--file", str(COMPOSE_FILE), "--project-name", project, "--profile", "es8"]
    command += ["--profile", "opensearch"]
    return _run([*command, *arguments], timeout_s=timeout_s)


def _run(command: list[str], *, timeout_s: int) -> subprocess.CompletedProcess[str]:
    free_ports = {"ELASTICSEARCH_PORT": "0", "ELASTICSEARCH8_PORT": "0", "OPENSEARCH_PORT": "0"}
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=timeout_s, env={**os.environ, **free_ports}, check=False
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"no answer in {timeout_s} s")
