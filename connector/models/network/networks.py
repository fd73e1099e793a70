"""The torch modules that backends run, one per network of a model.

A plain cross-encoder has one network, `pairs`.
The bundled reranker has two: `apart` reads one side, `joint` both.
A bi-encoder has `vectors`.
(`connector/models/session.py` defines these names.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from connector.models.network.interaction import InteractionModel
from connector.models.session import TokenTables
from connector.models.tokenizing import TextTokenizer


@dataclass(frozen=True)
class Loaded:
    """A model in torch: its networks and their inputs by name.

    `token_tables` belong to the bundled reranker (see `Opened`), `vectors` is an encoder's fingerprint as
    `Fingerprint.to_meta` writes it.
    """

    tokenizer: TextTokenizer
    networks: Mapping[str, nn.Module]
    inputs: Mapping[str, tuple[str, ...]]
    token_tables: TokenTables | None = None
    vectors: Mapping[str, Any] | None = None


class PairNetwork(nn.Module):
    """A sequence-classification model with one label (its logit) or two (the log-odds of the second)."""

    def __init__(self, model: nn.Module, inputs: tuple[str, ...]) -> None:
        super().__init__()
        self.model = model
        self.inputs = inputs

    def forward(self, *values: Tensor) -> Tensor:
        """Return the raw logits, (n,)."""
        logits: Tensor = self.model(**dict(zip(self.inputs, values, strict=True))).logits
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits[:, 0]


class ApartNetwork(nn.Module):
    """The layers of the bundled reranker that read one side."""

    def __init__(self, model: InteractionModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the states, (n, tokens, width)."""
        return self.model.read_apart(input_ids, attention_mask)


class JointNetwork(nn.Module):
    """The layers of the bundled reranker that read both sides, and its heads."""

    def __init__(self, model: InteractionModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, states: Tensor, input_ids: Tensor, query_length: Tensor, length: Tensor) -> Tensor:
        """Return the raw logits, (n,)."""
        return self.model.join(states, input_ids, query_length, length)


class VectorNetwork(nn.Module):
    """A sentence-transformers bi-encoder, including its pooling."""

    def __init__(self, model: Any, inputs: tuple[str, ...]) -> None:
        super().__init__()
        self.model = model
        self.inputs = inputs

    def forward(self, *values: Tensor) -> Tensor:
        """Return the vectors, (n, dims)."""
        vectors: Tensor = self.model(dict(zip(self.inputs, values, strict=True)))["sentence_embedding"]
        return vectors
