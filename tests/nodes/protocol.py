"""The interface of every way to get a node. One file per way implements it."""

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
    """This way cannot provide a node here; the message gives the reason in one line."""


@dataclass(frozen=True)
class RunningNode:
    """A node that answers, and what its way needs to stop it, even from another process."""

    version: str
    url: str
    way: str
    handle: str


class Way(Protocol):
    """One way to get a node."""

    name: str

    def start(self, version: str, lifetime: Lifetime) -> RunningNode:
        """Return a node of this version once it answers; a server that already runs may be any of the same major.

        A node started for a "session" ends with the process that started it; a "kept" one stays until it is stopped.

        Raises:
            NodeUnavailableError: this way cannot provide one here.
        """
        ...

    def stop(self, node: RunningNode) -> None:
        """Stop a node that this way started, and remove its data."""
        ...


class Recipe(Protocol):
    """How one engine's server is assembled and started. `java` is the oldest JDK; `sources` holds a pom.xml."""

    @property
    def java(self) -> int: ...

    @property
    def sources(self) -> Path: ...

    @property
    def config(self) -> str: ...

    @property
    def http_settings(self) -> tuple[str, ...]: ...

    def lay_out(self, version: str, jars: Path, home: Path, jdk: Path) -> None:
        """Build a home from the downloaded jars.

        Raises:
            NodeUnavailableError: a tool failed.
        """
        ...

    def arguments(self, home: Path, run: Path) -> list[str]:
        """Return Java's arguments before the main class, `StartNode`; fill the node's directory with what it needs."""
        ...


def run_tool(command: list[str], tool: str) -> None:
    """Run a tool and wait for it.

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
    """Return the version that the server at this URL reports; None while nothing answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(json.load(answer)["version"]["number"])
    except (urllib.error.URLError, OSError, ValueError, KeyError):
        return None


def major(version: str) -> int:
    """Return 8 for "8.19.21"."""
    return int(version.split(".", 1)[0])


def engine(version: str) -> str:
    """Return the engine that has this version: Elasticsearch for 8 and 9, OpenSearch for 2."""
    return "OpenSearch" if major(version) == 2 else "Elasticsearch"


def one_line(text: str, limit: int = 300) -> str:
    """Return the end of the text on one line, as the reason of an error."""
    return " ".join(text.split())[-limit:]
