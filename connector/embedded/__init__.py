"""An in-process engine behind elastic-transport's `node_class`: a real elasticsearch-py client with no server."""

from connector.embedded.rest.engine import Engine
from connector.embedded.rest.node import AsyncEmbeddedNode, EmbeddedNode, node_classes, owning_node_class

__all__ = ["AsyncEmbeddedNode", "EmbeddedNode", "Engine", "node_classes", "owning_node_class"]
