"""A reranker behind HTTP, which a search never waits for longer than its budget."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from functools import partial
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connector.errors import DeadlineError, ModelOutputError
from connector.models.late_calls import LateCalls
from connector.models.readings import Reading
from connector.models.remote.arguments import checked_count, checked_seconds, checked_url, found_key
from connector.models.remote.channel import Channel
from connector.models.remote.retries import retried
from connector.models.remote.services import COHERE, JINA, TEI, Service, elastic
from connector.models.stopping import Stop
from connector.models.texts import checked_scores, checked_text, checked_texts, each_once
from connector.threads import Threads

_REQUESTS = Threads("connector-requests", most=256)
"""For requests that may be followed by a second one; the calls that wait for them run on other threads."""


class RemoteReranker:
    """A reranker behind HTTP: see `Reranker` and `Stoppable`.

    Passages are sent best first in batches; failures that may pass are tried again with growing, random waits, at most
    as long as the search's budget lasts, and as the server's `Retry-After` asks. Connections are kept open.

    Args:
        url: the service's URL, without the path.
        service: how it is asked: see `services`.
        model: the model's name, for services that have several.
        api_key: the key; None takes the service's environment variable, if there is one.
        timeout_s: how many seconds a batch may take if the search has no budget.
        hedge_after_s: after how many seconds a second request is sent, whichever answers first; None: never.
        batch: how many passages a request has at most; None: as many as the service accepts by default, or 100.
        batch_characters: how many characters the passages of a request have together, unless it has only one.

    Raises:
        MissingExtraError: httpx is not installed.
        RequestError: an argument is wrong.

    Examples:
        >>> from connector import Connector, connect
        >>> from connector.models import RemoteReranker
        >>> reranker = RemoteReranker.tei("http://localhost:8080")
        >>> articles = Connector(connect("embedded:"), "articles", text_fields=["title"], reranker=reranker)
    """

    source = ""

    def __init__(
        self,
        url: str,
        service: Service,
        *,
        model: str = "",
        api_key: str | None = None,
        timeout_s: float = 30.0,
        hedge_after_s: float | None = None,
        batch: int | None = None,
        batch_characters: int = 200_000,
    ) -> None:
        url, host = checked_url(url)
        key = found_key(api_key, service.variables, os.environ)
        self.name = model or host
        self._service = service
        self._model = model
        self._timeout_s = checked_seconds(timeout_s, "timeout_s")
        self._hedge_after_s = None if hedge_after_s is None else checked_seconds(hedge_after_s, "hedge_after_s")
        self._batch = service.most_passages if batch is None else checked_count(batch, "batch")
        self._batch_characters = checked_count(batch_characters, "batch_characters")
        self._channel = Channel(
            self.name, f"{url}{service.path}", {"authorization": f"{service.scheme} {key}"} if key else {}
        )
        self.calls = LateCalls(self.name)

    @classmethod
    def tei(cls, url: str, **options: Any) -> RemoteReranker:
        """Return the reranker of a Text Embeddings Inference server; the key is that of `TEI_API_KEY`."""
        return cls(url, TEI, **options)

    @classmethod
    def cohere(cls, model: str, url: str = "https://api.cohere.com", **options: Any) -> RemoteReranker:
        """Return one of Cohere's rerankers, or of a service with its API; the key is that of `CO_API_KEY`."""
        return cls(url, COHERE, model=model, **options)

    @classmethod
    def jina(cls, model: str, url: str = "https://api.jina.ai", **options: Any) -> RemoteReranker:
        """Return one of Jina's rerankers, or of a service with its API; the key is that of `JINA_API_KEY`."""
        return cls(url, JINA, model=model, **options)

    @classmethod
    def elastic(cls, url: str, inference_id: str, **options: Any) -> RemoteReranker:
        """Return a rerank endpoint of a cluster; the key is that of `ELASTICSEARCH_API_KEY`."""
        return cls(url, elastic(inference_id), model=inference_id, **options)

    def __repr__(self) -> str:
        return f"RemoteReranker({self._channel.url!r})"

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return a score for each passage, float32 (n,), higher is better.

        Raises:
            RequestError: these are not strings.
            ModelError: the service failed, or its answer can't be used.
        """
        texts = checked_texts(passages, "passages")
        return checked_scores(self.read_until(query, texts, Stop()).scores, len(texts), self.name)

    def read_until(self, query: str, passages: Sequence[str], stop: Stop) -> Reading:
        """Score passages in their order until it is time to stop: see `Stoppable`.

        Raises:
            DeadlineError, CircuitOpenError: not even the first batch was scored in time.
            ModelError: the service failed on a batch, or its answer can't be used.
        """
        once, places = _each_once(query, passages)
        scores = np.full(len(once), np.nan, dtype=np.float32)
        try:
            for batch, found in self._scored(query, once, stop):
                scores[batch] = found
        except DeadlineError:
            if np.isnan(scores).all() or stop.deadline_s is None:
                raise
        return Reading(scores[places])

    def _scored(self, query: str, texts: Sequence[str], stop: Stop) -> Iterator[tuple[slice, list[float]]]:
        """Yield the places of a batch and its scores, batch after batch."""
        query = checked_text(query, "query")
        for batch in self._batches(texts):
            limit = stop.no_later_than(monotonic() + self._timeout_s)
            ask = partial(self._ask, query, texts[batch], limit)
            if self._hedge_after_s is not None:
                ask = partial(self._hedged, ask, self._hedge_after_s, limit)
            yield batch, self.calls.run(partial(retried, ask, limit), limit)

    def _batches(self, texts: Sequence[str]) -> Iterator[slice]:
        start = characters = 0
        for place, text in enumerate(texts):
            if place > start and (place - start == self._batch or characters + len(text) > self._batch_characters):
                yield slice(start, place)
                start, characters = place, 0
            characters += len(text)
        if start < len(texts):
            yield slice(start, len(texts))

    def _hedged(self, ask: partial[list[float]], after_s: float, limit: Stop) -> list[float]:
        """Ask once, or twice if the first request is late; return whichever answer is there first."""
        requests = [_REQUESTS.submit(ask)]
        done, waiting = wait(requests, timeout=min(after_s, max(limit.left_s, 0.0)))
        if not done:
            requests.append(_REQUESTS.submit(ask))
            done, waiting = wait(requests, timeout=max(limit.left_s, 0.0), return_when=FIRST_COMPLETED)
        if waiting and all(each.exception() is not None for each in done):
            done, waiting = wait(requests, timeout=max(limit.left_s, 0.0))
        for each in waiting:
            each.cancel()
        if not done:
            raise DeadlineError(f"reranker {self.name!r} did not answer in time")
        return min(done, key=lambda each: each.exception() is not None).result()

    def _ask(self, query: str, texts: Sequence[str], limit: Stop) -> list[float]:
        """Send one request.

        Raises:
            TransientError: it failed in a way that may pass.
            ModelError: it failed otherwise; the answer's text is never a part of the error.
        """
        content = self._channel.post(self._service.body(query, texts, self._model), limit)
        try:
            return self._service.scores(json.loads(content), len(texts))
        except (ValueError, RecursionError) as error:
            raise ModelOutputError(f"reranker {self.name!r} answered something that is not JSON") from error
        except ModelOutputError as error:
            raise ModelOutputError(f"reranker {self.name!r}: {error}") from error


def _each_once(query: str, passages: Sequence[str]) -> tuple[list[str], NDArray[np.intp]]:
    """Return the different passages and each one's place among them; refuse a query that is none before any is sent."""
    checked_text(query, "query")
    return each_once(checked_texts(passages, "passages"))
