"""Indexing documents: mappings, and the pipeline from documents to bulk requests."""

from connector.indexing.mapping import index_body, put_field
from connector.indexing.pipeline import IndexReport, index_documents
from connector.indexing.splitting import Passages

__all__ = ["IndexReport", "Passages", "index_body", "index_documents", "put_field"]
