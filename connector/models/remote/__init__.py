"""Rerankers behind HTTP: Text Embeddings Inference, Cohere, Jina and Elastic's inference API."""

from connector.models.remote.reranker import RemoteReranker

__all__ = ["RemoteReranker"]
