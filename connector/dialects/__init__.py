"""Where engines differ: one file an engine."""

from connector.dialects.elasticsearch import ElasticsearchDialect
from connector.dialects.opensearch import OpenSearchDialect
from connector.dialects.protocol import Dialect, NativeFusion

__all__ = ["Dialect", "ElasticsearchDialect", "NativeFusion", "OpenSearchDialect"]
