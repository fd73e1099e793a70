"""Bi-encoders and cross-encoders; importing it loads no model and no deep learning library."""

from connector.models.cascade import CascadeOptions
from connector.models.encoder import Encoder, Fingerprint, as_encoder, load_encoder
from connector.models.loading import Once
from connector.models.reranker import Reranker, as_reranker, load_cascade, load_reranker

__all__ = [
    "CascadeOptions",
    "Encoder",
    "Fingerprint",
    "Once",
    "Reranker",
    "as_encoder",
    "as_reranker",
    "load_cascade",
    "load_encoder",
    "load_reranker",
]
