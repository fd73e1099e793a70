"""The models of a client: its own encoder and reranker, and those registered under a name. They load on first use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np

from connector.clients.readers import Reader
from connector.errors import DeadlineError, RequestError
from connector.models.called import stoppable
from connector.models.encoder import Encoder
from connector.models.fingerprint import Fingerprint
from connector.models.load import as_encoder, as_reranker
from connector.models.once import Once
from connector.models.reranker import Reranker, TokenizingReranker
from connector.models.score_cache import CachedReranker
from connector.models.score_stores import SCORE_CACHE_BYTES, CarefulStore, MemoryScores, ScoreStore
from connector.models.texts import own_errors
from connector.models.token_budgets import Shortener
from connector.search.needs import Embed, Embedded, Score, Scored, Shorten
from connector.threads import MODELS

EncoderLike: TypeAlias = Encoder | str | Callable[[list[str]], Any]
RerankerLike: TypeAlias = Reranker | str | Callable[[str, list[str]], Any]


@dataclass
class QueryModels:
    """The models that searches use.

    Args:
        encoder: embeds query texts without a `model_id`.
        reranker: scores pairs without an `inference_id`.
        registered: encoders and rerankers by the `model_id` or `inference_id` that requests call them by.
        rerank_limit: how many searches each reranker reads for at the same time; None: 16 for each core if it computes
            here, 256 if it is a function. Others keep their fused order.
        score_cache: how many bytes of scores each loaded model keeps, 0 for none; or a store that several share.
    """

    encoder: EncoderLike = "bundled"
    reranker: RerankerLike = "bundled"
    registered: Mapping[str, EncoderLike | RerankerLike] = field(default_factory=dict)

    rerank_limit: int | None = None
    score_cache: int | ScoreStore = SCORE_CACHE_BYTES

    def __post_init__(self) -> None:
        if isinstance(self.score_cache, bool) or not isinstance(self.score_cache, int | ScoreStore):
            raise RequestError(
                "score_cache", self.score_cache, "must be a number of bytes, 0 for none, or a ScoreStore"
            )
        if self.rerank_limit is not None and (isinstance(self.rerank_limit, bool) or self.rerank_limit < 1):
            raise RequestError("rerank_limit", self.rerank_limit, "must be a whole number of at least 1")
        self._encoders: dict[str | None, Once[Encoder]] = {None: Once(lambda: as_encoder(self.encoder))}
        self._rerankers: dict[str | None, Once[Reranker]] = {None: Once(lambda: as_reranker(self.reranker))}
        self._readers: dict[str | None, Once[Reader]] = {}

    def preload(self) -> list[Future[Any]]:
        """Begin to load the client's own models on other threads, and return when each is loaded.

        What fails then is raised by whoever needs it.
        """
        return [MODELS.submit(self._encoders[None].get), MODELS.submit(self._rerankers[None].get)]

    def own_encoder(self) -> Encoder:
        """Return the client's own encoder, loaded on the first call.

        Raises:
            ModelError: it can't be loaded.
        """
        with own_errors("the encoder"):
            return self._encoders[None].get()

    def fingerprint(self) -> Fingerprint:
        """Return the fingerprint of the client's own encoder.

        Raises:
            ModelError: the encoder failed.
        """
        with own_errors("the encoder"):
            return self.own_encoder().fingerprint

    def perform(self, need: Embed | Score | Shorten) -> Any:
        """Do what a search needs of a model; it may take long."""
        match need:
            case Embed():
                return self.embed(need)
            case Score():
                return self.score(need)
            case Shorten():
                return self.shorten(need)

    def embed(self, need: Embed) -> Embedded:
        """Embed a query text.

        Raises:
            ModelError: the encoder failed, whatever it raised.
        """
        with own_errors("the encoder"):
            encoder = self._loaded(self._encoders, need.model_id, as_encoder)
            return Embedded(encoder.fingerprint, encoder.encode_queries([need.text])[0].tolist())

    def score(self, need: Score) -> Scored:
        """Score pairs, as far as there is time.

        Raises:
            ModelError: the reranker failed, whatever it raised, is late or has too much to do.
        """
        with own_errors("the reranker"):
            reader = self._reader(need)
            began = perf_counter()
            with reader.admitted():
                reading = reader.stoppable.read_until(need.query, need.passages, need.stop)
            took_ms = 1000 * (perf_counter() - began)
        read = None if reading.read == len(need.passages) else np.isfinite(reading.scores)
        return Scored(
            reader.name, reading.scores, read, reading.predicted_ms, took_ms, reading.stages, reading.cache_hits
        )

    def _reader(self, need: Score) -> Reader:
        """Return a reranker with its queue; a search with a deadline does not wait longer for it to load."""
        once = self._readers.setdefault(need.model_id, Once(lambda: self._opened(need.model_id)))
        if once.is_made or need.stop.deadline_s is None:
            return once.get()
        future = MODELS.submit(once.get)
        if not need.stop.wait_for(future):
            raise DeadlineError("the reranker is still being loaded")
        return future.result()

    def _opened(self, name: str | None) -> Reader:
        reranker: Reranker = self._loaded(self._rerankers, name, as_reranker)
        reader = stoppable(reranker)
        if self.score_cache and isinstance(reranker, TokenizingReranker):
            reader = self._cached(reranker, self.score_cache)
        return Reader(reranker.name, reader, self.rerank_limit)

    def _cached(self, reranker: TokenizingReranker, kept: int | ScoreStore) -> CachedReranker:
        if isinstance(kept, int):
            return CachedReranker(reranker, MemoryScores(kept))
        return CachedReranker(reranker, CarefulStore(kept), reranker.fingerprint())

    def shorten(self, need: Shorten) -> Sequence[Mapping[str, Any]]:
        """Cut fields' texts to their shares of what the reranker reads; a function's limit is unknown."""
        with own_errors("the reranker"):
            reranker = self._loaded(self._rerankers, need.model_id, as_reranker)
            if not isinstance(reranker, Shortener):
                return need.sources
            return reranker.shorten(need.query, need.sources, need.fields, need.shares)

    def _loaded(self, loaded: dict[Any, Once[Any]], name: str | None, load: Callable[[Any], Any]) -> Any:
        if name not in loaded:
            model = self.registered[str(name)]
            loaded.setdefault(name, Once(lambda: load(model)))
        return loaded[name].get()
