"""The embedded engine: Elasticsearch's API in this process, for a real elasticsearch-py client through `node_class`."""

from connector.embedded.rest.engine import Engine
from connector.embedded.rest.node import AsyncEmbeddedNode, EmbeddedNode, node_classes, owning_node_class

__all__ = ["AsyncEmbeddedNode", "EmbeddedNode", "Engine", "node_classes", "owning_node_class"]
