"""Where engines differ: one file per engine."""

from connector.engines.elasticsearch import ElasticsearchDialect
from connector.engines.opensearch import OpenSearchDialect
from connector.engines.protocol import Dialect, NativeFusion

__all__ = ["Dialect", "ElasticsearchDialect", "NativeFusion", "OpenSearchDialect"]
