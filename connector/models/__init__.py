"""Bi-encoders and cross-encoders. Importing this package loads no model and no deep learning library."""

from typing import TYPE_CHECKING, Any

from connector.models.cascade import CascadeOptions
from connector.models.encoder import Encoder
from connector.models.fingerprint import Fingerprint
from connector.models.load import as_encoder, as_reranker, load_cascade, load_encoder, load_reranker
from connector.models.once import Once
from connector.models.reranker import Reranker

if TYPE_CHECKING:
    from connector.models.remote import RemoteReranker

__all__ = [
    "CascadeOptions",
    "Encoder",
    "Fingerprint",
    "Once",
    "RemoteReranker",
    "Reranker",
    "as_encoder",
    "as_reranker",
    "load_cascade",
    "load_encoder",
    "load_reranker",
]


def __getattr__(name: str) -> Any:
    if name != "RemoteReranker":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from connector.models.remote import RemoteReranker

    return RemoteReranker
