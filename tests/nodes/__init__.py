"""Real Elasticsearch and OpenSearch nodes for tests: the first way that can give one, does.

Comes in: the fixtures in tests/conftest.py, and `python -m tests.nodes` on the command line.
"""

from tests.nodes.launch import VERSIONS, WAYS, start, stop
from tests.nodes.protocol import NodeUnavailableError, RunningNode, Way

__all__ = ["VERSIONS", "WAYS", "NodeUnavailableError", "RunningNode", "Way", "start", "stop"]
