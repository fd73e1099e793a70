"""Documents in: mappings, and the pipeline from documents to bulk requests."""

from connector.indexing.mapping import index_body
from connector.indexing.passages import Passages
from connector.indexing.pipeline import IndexReport, index_documents

__all__ = ["IndexReport", "Passages", "index_body", "index_documents"]
