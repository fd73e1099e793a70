"""The seam of tests/nodes: what a way of getting a node has to offer. One file a way implements it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Literal, Protocol

Lifetime = Literal["session", "kept"]


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


def one_line(text: str, limit: int = 300) -> str:
    """The text's last words in one line, for a reason that a person reads."""
    return " ".join(text.split())[-limit:]
