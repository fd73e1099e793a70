"""Where engines differ: one file an engine."""

from connector.dialects.elasticsearch import ElasticsearchDialect
from connector.dialects.protocol import Dialect

__all__ = ["Dialect", "ElasticsearchDialect"]
