"""Real Elasticsearch and OpenSearch nodes for tests, from the first way that can provide one."""

from tests.nodes.launch import VERSIONS, WAYS, start, stop
from tests.nodes.protocol import NodeUnavailableError, RunningNode, Way

__all__ = ["VERSIONS", "WAYS", "NodeUnavailableError", "RunningNode", "Way", "start", "stop"]
