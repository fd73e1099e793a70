"""Room: models. Cross-encoders: a query and its passages in, one raw logit a passage out. The search comes in here.

Importing this module loads neither torch nor sentence-transformers; `load_reranker` does.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from connector.errors import ModelError, RequestError
from connector.models.batching import padded, token_budget_batches
from connector.models.encoder import name_of
from connector.models.folders import BUNDLED, ModelFolder, bundled_reranker, find_model
from connector.models.loading import ForkSafeLock, shared
from connector.models.shares import shortened
from connector.models.texts import checked_scores, checked_text, checked_texts

_ORGANIZATION = "cross-encoder"
_BACKENDS = {"torch": "connector.models.backends.torch"}


@runtime_checkable
class Reranker(Protocol):
    """A cross-encoder. `source` is the folder of its weights, "" when there is none."""

    @property
    def name(self) -> str:
        """What it is called in responses and errors."""

    @property
    def source(self) -> str:
        """Where its weights lie."""

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return a raw logit for each passage, float32 (n,), higher is better."""


class PairModel(Protocol):
    """What a backend gives: a tokenizer of transformers, limits in tokens, and logits for padded batches."""

    tokenizer: Any
    max_tokens: int
    token_budget: int

    def logits(self, batch: Mapping[str, NDArray[np.int64]]) -> NDArray[np.float32]:
        """Return one raw logit for each row; the batch holds input_ids, attention_mask and what the tokenizer adds."""


class CrossEncoderReranker:
    """A cross-encoder behind any backend; safe to use from many threads, which take turns batch by batch."""

    def __init__(self, model: PairModel, *, name: str, source: str) -> None:
        self.name = name
        self.source = source
        self._model = model
        self._lock = ForkSafeLock()

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return a raw logit for each passage, float32 (n,), higher is better; (0,) for no passages.

        A pair that is too long loses the end of its passage, never of its query. An empty passage is scored like any
        other, blank characters count as none, a lone surrogate as U+FFFD.

        Raises: RequestError: no strings, or the query leaves no room for a passage. ModelError: the model failed.
        """
        query = checked_text(query, "query")
        texts = checked_texts(passages, "passages")
        if not texts:
            return np.empty(0, dtype=np.float32)
        with self._lock:
            pairs = self._tokenized(query, texts)
        scores = np.empty(len(texts), dtype=np.float32)
        lengths = [len(ids) for ids in pairs["input_ids"]]
        for positions in token_budget_batches(lengths, self._model.token_budget):
            batch = {key: padded(sequences, positions, self._pad_of(key)) for key, sequences in pairs.items()}
            try:
                with self._lock:
                    scores[positions] = self._model.logits(batch)
            except (RuntimeError, ValueError) as error:
                shape = " x ".join(map(str, batch["input_ids"].shape))
                raise ModelError(f"reranker {self.name!r} failed on a batch of {shape} tokens: {error}") from error
        return checked_scores(scores, len(texts), self.name)

    def shorten(
        self, query: str, sources: Sequence[Mapping[str, Any]], fields: Sequence[str], shares: Mapping[str, float]
    ) -> list[dict[str, list[str]]]:
        """Cut fields' texts to their shares of the tokens that the query leaves: see `shares.shortened`."""
        tokenizer = self._model.tokenizer
        with self._lock:
            query_tokens = len(
                tokenizer(checked_text(query, "query"), add_special_tokens=False, verbose=False)["input_ids"]
            )
            room = self._model.max_tokens - tokenizer.num_special_tokens_to_add(pair=True) - query_tokens
            return shortened(tokenizer, max(room, 0), sources, fields, shares)

    def _tokenized(self, query: str, texts: list[str]) -> dict[str, list[list[int]]]:
        tokenizer, limit = self._model.tokenizer, self._model.max_tokens
        query_tokens = len(tokenizer(query, add_special_tokens=False, verbose=False)["input_ids"])
        room = limit - tokenizer.num_special_tokens_to_add(pair=True)
        if query_tokens >= room:
            raise RequestError(
                "query",
                query,
                f"has {query_tokens} tokens; reranker {self.name!r} reads {limit} with the passage: give a query of at "
                f"most {room - 1} tokens (it is never truncated, passages are)",
            )
        return dict(
            tokenizer(
                [query] * len(texts), texts, truncation="only_second", max_length=limit, return_attention_mask=True
            )
        )

    def _pad_of(self, key: str) -> int:
        tokenizer = self._model.tokenizer
        pads = {"input_ids": tokenizer.pad_token_id, "token_type_ids": tokenizer.pad_token_type_id}
        return pads.get(key) or 0


class CallableReranker:
    """Any function (query, passages) -> scores as a reranker; the scores' count and finiteness are checked."""

    def __init__(self, function: Callable[[str, list[str]], ArrayLike]) -> None:
        self.name = name_of(function)
        self.source = ""
        self._function = function

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return the function's scores as float32 (n,); no passages, no call. Raises: RequestError, ModelError."""
        query = checked_text(query, "query")
        texts = checked_texts(passages, "passages")
        if not texts:
            return np.empty(0, dtype=np.float32)
        return checked_scores(self._function(query, texts), len(texts), self.name)


def load_reranker(name: str = BUNDLED, *, backend: str = "torch", device: str | None = None) -> Reranker:
    """Return a cross-encoder, loaded once in this process for each model, backend and device.

    Args:
        name: "bundled" (ships with this package), a path, or a name on the Hugging Face hub; any sequence
            classification model that sentence-transformers' CrossEncoder loads, with one or two labels.
        backend: "torch".
        device: as torch names it ("cpu", "cuda:1"); None takes an accelerator where there is one.
    Raises: RequestError: an unknown backend. ModelNotFoundError: the model is nowhere to be found.
        ModelError: it is no such model, or can't be loaded.
    """
    if backend not in _BACKENDS:
        raise RequestError("backend", backend, f"must be one of {', '.join(map(repr, _BACKENDS))}")
    found = bundled_reranker() if name == BUNDLED else find_model(name, organization=_ORGANIZATION)
    return shared(("reranker", found, found.revision, backend, device), lambda: _load(found, backend, device))


def as_reranker(reranker: Reranker | str | Callable[[str, list[str]], ArrayLike]) -> Reranker:
    """Return a Reranker for a Reranker, a name or path, a CrossEncoder, or a function (query, passages) -> scores.

    Raises: RequestError: it is none of these. ModelNotFoundError, ModelError: as `load_reranker`.
    """
    if isinstance(reranker, str):
        return load_reranker(reranker)
    if isinstance(reranker, Reranker):
        return reranker
    library = sys.modules.get("sentence_transformers")
    if library is not None and isinstance(reranker, library.CrossEncoder):
        from connector.models.backends.torch import pair_model

        source = str(reranker.model.config._name_or_path)
        return CrossEncoderReranker(pair_model(reranker, source), name=source, source=source)
    if callable(reranker):
        return CallableReranker(reranker)
    raise RequestError(
        "reranker", reranker, "must be a Reranker, a model's name or path, or a function (query, passages) -> scores"
    )


def _load(found: ModelFolder, backend: str, device: str | None) -> CrossEncoderReranker:
    model: PairModel = importlib.import_module(_BACKENDS[backend]).load(found, device)
    return CrossEncoderReranker(model, name=found.name, source=str(found.folder))
