"""A reranker behind HTTP, which a search never waits for longer than its budget."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from email.utils import parsedate_to_datetime
from functools import partial
from time import monotonic, time
from typing import Any
from urllib.parse import urlsplit
from weakref import finalize

import numpy as np
from numpy.typing import NDArray
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from connector.errors import DeadlineError, MissingExtraError, ModelError, ModelOutputError, RequestError
from connector.models.late_calls import LateCalls
from connector.models.once import ForkSafe
from connector.models.readings import Reading
from connector.models.remote.services import COHERE, JINA, TEI, Service, elastic
from connector.models.stopping import Stop
from connector.models.texts import checked_scores, checked_text, checked_texts, each_once
from connector.threads import RERANKERS

_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_ATTEMPTS = 4
_LONGEST_WAIT_S = 5.0
_MOST_BYTES = 16 * 2**20
_BATCH, _BATCH_CHARACTERS = 100, 200_000


class _TransientError(ModelError):
    """A request failed in a way that may pass; `after_s` is how long the server asks to wait."""

    def __init__(self, message: str, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class RemoteReranker(ForkSafe):
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
        batch: how many passages a request has at most.

    Raises:
        MissingExtraError: httpx is not installed.
        RequestError: an argument is wrong.

    Examples:
        >>> from connector import Connector, connect
        >>> from connector.models.remote import RemoteReranker
        >>> reranker = RemoteReranker.tei("http://localhost:8080")
        >>> articles = Connector(connect("embedded:"), "articles", text_fields=["title"], reranker=reranker)
    """

    source = ""
    _closer: finalize[Any, Any] | None = None

    def __init__(
        self,
        url: str,
        service: Service,
        *,
        model: str = "",
        api_key: str | None = None,
        timeout_s: float = 30.0,
        hedge_after_s: float | None = None,
        batch: int = _BATCH,
    ) -> None:
        try:
            import httpx
        except ImportError as error:
            raise MissingExtraError("httpx", "remote") from error
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            raise RequestError("url", f"{parts.scheme}:...", "must be an http(s) URL without credentials")
        if not timeout_s > 0 or batch < 1 or (hedge_after_s is not None and not hedge_after_s > 0):
            raise RequestError("timeout_s, batch, hedge_after_s", (timeout_s, batch, hedge_after_s), "must be above 0")
        self.name = model or parts.hostname
        self._httpx = httpx
        self._url = f"{url.rstrip('/')}{service.path}"
        self._service = service
        self._model = model
        key = api_key or next((found for name in service.variables if (found := os.environ.get(name))), None)
        self._authorization = {"authorization": f"{service.scheme} {key}"} if key else {}
        self._timeout_s = timeout_s
        self._hedge_after_s = hedge_after_s
        self._batch = batch
        self.calls = LateCalls(self.name)
        super().__init__()

    @classmethod
    def tei(cls, url: str, **options: Any) -> RemoteReranker:
        """Return the reranker of a Text Embeddings Inference server."""
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
        return f"RemoteReranker({self._url!r})"

    def after_fork_in_child(self) -> None:
        """Open connections of its own: those of the parent are not the child's."""
        if self._closer is not None:
            self._closer.detach()
        self._client = self._httpx.Client(headers=self._authorization, follow_redirects=False)
        self._closer = finalize(self, self._client.close)

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return a score for each passage, float32 (n,), higher is better.

        Raises:
            ModelError: the service failed, or its answer can't be used.
        """
        return checked_scores(self.read_until(query, passages, Stop()).scores, len(passages), self.name)

    def read_until(self, query: str, passages: Sequence[str], stop: Stop) -> Reading:
        """Score passages in their order until it is time to stop: see `Stoppable`.

        Raises:
            DeadlineError, CircuitOpenError: not even the first batch was scored in time.
            ModelError: the service failed on the first batch, or its answer can't be used.
        """
        query, (texts, places) = checked_text(query, "query"), each_once(checked_texts(passages, "passages"))
        scores = np.full(len(texts), np.nan, dtype=np.float32)
        for start, batch in self._batches(texts):
            limit = Stop(min(monotonic() + self._timeout_s, np.inf if stop.deadline_s is None else stop.deadline_s))
            try:
                scores[start : start + len(batch)] = self.calls.run(partial(self._asked, query, batch, limit), limit)
            except DeadlineError:
                if not start or stop.deadline_s is None:
                    raise
                break
        return Reading(scores[places])

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
        batch: list[str] = []
        start = characters = 0
        for place, text in enumerate(texts):
            if batch and (len(batch) == self._batch or characters + len(text) > _BATCH_CHARACTERS):
                yield start, batch
                batch, start, characters = [], place, 0
            batch.append(text)
            characters += len(text)
        if batch:
            yield start, batch

    def _asked(self, query: str, texts: list[str], limit: Stop) -> list[float]:
        """Ask, and ask again after failures that may pass."""
        retrying = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, _TransientError) and not limit.is_over),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=lambda state: min(_wait_s(state), max(limit.left_s, 0.0)),
            reraise=True,
        )
        answered: list[float] = retrying(self._hedged, query, texts, limit)
        return answered

    def _hedged(self, query: str, texts: list[str], limit: Stop) -> list[float]:
        """Ask once, or twice if the first request is late; return whichever answer is there first."""
        if self._hedge_after_s is None:
            return self._ask(query, texts, limit)
        requests: list[Future[list[float]]] = [RERANKERS.submit(lambda: self._ask(query, texts, limit))]
        done, _ = wait(requests, timeout=min(self._hedge_after_s, max(limit.left_s, 0.0)))
        if not done:
            requests.append(RERANKERS.submit(lambda: self._ask(query, texts, limit)))
        done, waiting = wait(requests, timeout=max(limit.left_s, 0.0), return_when=FIRST_COMPLETED)
        if waiting and all(each.exception() is not None for each in done):
            done, _ = wait(requests, timeout=max(limit.left_s, 0.0))
        if not done:
            raise DeadlineError(f"reranker {self.name!r} did not answer in time")
        return min(done, key=lambda each: each.exception() is not None).result()

    def _ask(self, query: str, texts: list[str], limit: Stop) -> list[float]:
        """Send one request.

        Raises:
            _TransientError: it failed in a way that may pass.
            ModelError: it failed otherwise; the answer's text is never a part of the error.
        """
        body = self._service.body(query, texts, self._model)
        try:
            timeout = self._httpx.Timeout(max(limit.left_s, 0.001))
            with self._client.stream("POST", self._url, json=body, timeout=timeout) as response:
                self._check_status(response)
                content = self._content(response, limit)
        except self._httpx.TransportError as error:
            if limit.is_over:
                raise DeadlineError(f"reranker {self.name!r} did not answer in time") from error
            raise _TransientError(f"reranker {self.name!r} can't be reached: {type(error).__name__}") from error
        except (self._httpx.HTTPError, self._httpx.InvalidURL) as error:
            raise ModelError(f"reranker {self.name!r} can't be asked: {type(error).__name__}") from error
        try:
            return self._service.scores(json.loads(content), len(texts))
        except ValueError as error:
            raise ModelOutputError(f"reranker {self.name!r} answered something that is not JSON") from error
        except ModelOutputError as error:
            raise ModelOutputError(f"reranker {self.name!r}: {error}") from error

    def _check_status(self, response: Any) -> None:
        status = response.status_code
        if status in _TRANSIENT:
            after_s = _retry_after_s(response.headers.get("retry-after"))
            raise _TransientError(f"reranker {self.name!r} answered with status {status}", after_s)
        if status != 200:
            raise ModelError(f"reranker {self.name!r} answered with status {status}; check its URL, model and key")

    def _content(self, response: Any, limit: Stop) -> bytes:
        """Read a response that may be endless or arrive byte by byte."""
        parts, size = [], 0
        for part in response.iter_bytes():
            parts.append(part)
            size += len(part)
            if size > _MOST_BYTES:
                raise ModelOutputError(f"reranker {self.name!r} answered with more than {_MOST_BYTES:,} bytes")
            if limit.is_over:
                raise DeadlineError(f"reranker {self.name!r} did not answer in time")
        return b"".join(parts)


def _wait_s(state: RetryCallState) -> float:
    """Return how long to wait before the next attempt: as the server asks, else longer each time, at random."""
    error = state.outcome.exception() if state.outcome is not None else None
    asked = error.after_s if isinstance(error, _TransientError) else None
    return asked if asked is not None else wait_random_exponential(multiplier=0.1, max=_LONGEST_WAIT_S)(state)


def _retry_after_s(value: str | None) -> float | None:
    """Return the seconds of a `Retry-After` header, which has a number or a date; None without a valid one."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        return max(parsedate_to_datetime(value).timestamp() - time(), 0.0)
    except (TypeError, ValueError):
        return None
