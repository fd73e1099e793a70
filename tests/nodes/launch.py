"""Which ways are tried, and in which order."""

from __future__ import annotations

from tests.nodes.compose import ComposeNode
from tests.nodes.given import GivenNode
from tests.nodes.maven import MavenNode
from tests.nodes.protocol import Lifetime, NodeUnavailableError, RunningNode, Way, engine

VERSIONS = {2: "2.19.1", 8: "8.19.21", 9: "9.5.3"}
"""By major; 2 is OpenSearch's."""
WAYS: tuple[Way, ...] = (GivenNode(), ComposeNode(), MavenNode())


def start(version: str, lifetime: Lifetime, ways: tuple[Way, ...] = WAYS) -> RunningNode:
    """Return a running node from the first way that has one.

    Raises:
        NodeUnavailableError: no way has one; the message gives each way's reason.
    """
    reasons = []
    for way in ways:
        try:
            return way.start(version, lifetime)
        except NodeUnavailableError as reason:
            reasons.append(f"{way.name}: {reason}")
    raise NodeUnavailableError(f"no {engine(version)} {version} here ({'; '.join(reasons)})")


def stop(node: RunningNode, ways: tuple[Way, ...] = WAYS) -> None:
    """Stop a node by the way that started it."""
    for way in ways:
        if way.name == node.way:
            way.stop(node)
