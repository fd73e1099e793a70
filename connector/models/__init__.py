"""Bi-encoders and cross-encoders. Importing this package loads no model and no deep learning library."""

from connector.models.cascade import CascadeOptions
from connector.models.encoder import Encoder
from connector.models.fingerprint import Fingerprint
from connector.models.load import as_encoder, as_reranker, load_cascade, load_encoder, load_reranker
from connector.models.once import Once
from connector.models.reranker import Reranker

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
