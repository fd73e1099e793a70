"""The seam of tests/nodes: what a way of getting a node has to offer. One file a way implements it."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Lifetime = Literal["session", "kept"]
TOOL_TIMEOUT_S = 900


class NodeUnavailableError(Exception):
    """This way gives no node here; the message says why, in one line."""


@dataclass(frozen=True)
class RunningNode:
    """A node that answers, and what its way needs to end it, also from another process."""

    version: str
    url: str
    way: str
    handle: str


class Way(Protocol):
    """One way of getting a node."""

    name: str

    def start(self, version: str, lifetime: Lifetime) -> RunningNode:
        """A node of this version (or, where it is given, of its major), once it answers.

        A node started for a "session" ends with the process that started it; a "kept" one stays until it is stopped.

        Raises:
            NodeUnavailableError: this way can't give one here.
        """
        ...

    def stop(self, node: RunningNode) -> None:
        """End a node that this way started, and remove its data."""
        ...


class Recipe(Protocol):
    """How one engine's server is put together and started. `java` is the least JDK; `sources` hold a pom.xml."""

    @property
    def java(self) -> int: ...

    @property
    def sources(self) -> Path: ...

    @property
    def config(self) -> str: ...

    @property
    def http_settings(self) -> tuple[str, ...]: ...

    def lay_out(self, version: str, jars: Path, home: Path, jdk: Path) -> None:
        """Make a home of the downloaded jars.

        Raises:
            NodeUnavailableError: a tool failed.
        """
        ...

    def arguments(self, home: Path, run: Path) -> list[str]:
        """Java's arguments before the main class, `StartNode`; fills the node's own directory with what it needs."""
        ...


def run_tool(command: list[str], tool: str) -> None:
    """Run a tool to its end.

    Raises:
        NodeUnavailableError: it failed, or took too long.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TOOL_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise NodeUnavailableError(f"{tool} did not end in {TOOL_TIMEOUT_S} s") from None
    if done.returncode != 0:
        raise NodeUnavailableError(f"{tool} failed: {one_line(done.stdout + done.stderr)}")


def version_at(url: str) -> str | None:
    """The version that the server at this URL says it has; None while nothing answers there."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(json.load(answer)["version"]["number"])
    except (urllib.error.URLError, OSError, ValueError, KeyError):
        return None


def major(version: str) -> int:
    """8 of "8.19.21"."""
    return int(version.split(".", 1)[0])


def engine(version: str) -> str:
    """Whose version this is: Elasticsearch of our days has 8 and 9, OpenSearch 2."""
    return "OpenSearch" if major(version) == 2 else "Elasticsearch"


def one_line(text: str, limit: int = 300) -> str:
    """The text's last words in one line, for a reason that a person reads."""
    return " ".join(text.split())[-limit:]
