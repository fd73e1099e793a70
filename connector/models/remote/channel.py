"""Posts JSON to a URL, and reads an answer that may be slow, endless or cut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import finalize

from connector.errors import DeadlineError, MissingExtraError, ModelError, ModelOutputError
from connector.models.once import ForkSafe
from connector.models.remote.retries import TransientError, retry_after_s
from connector.models.stopping import Stop

_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_MOST_BYTES = 16 * 2**20


class Channel(ForkSafe):
    """Connections to one URL, which are kept open; a forked child opens its own.

    Args:
        name: the reranker's name, for errors.
        url: where to post.
        headers: what to send with every request; they are in no error, log or representation.

    Raises:
        MissingExtraError: httpx is not installed.
    """

    _closer: finalize[Any, Any] | None = None

    def __init__(self, name: str, url: str, headers: Mapping[str, str]) -> None:
        try:
            import httpx
        except ImportError as error:
            raise MissingExtraError("httpx", "remote") from error
        self.url = url
        self._name = name
        self._httpx = httpx
        # A compressed answer could grow past any bound while it is unpacked.
        self._sent_headers = httpx.Headers({**headers, "accept-encoding": "identity"})
        super().__init__()

    def after_fork_in_child(self) -> None:
        """Open connections of its own: those of the parent are not the child's."""
        if self._closer is not None:
            self._closer.detach()
        self._client = self._httpx.Client(headers=self._sent_headers, follow_redirects=False)
        self._closer = finalize(self, self._client.close)

    def post(self, body: Mapping[str, Any], stop: Stop) -> bytes:
        """Post JSON and return the answer's bytes.

        Raises:
            DeadlineError: the answer was not complete in time.
            TransientError: the request failed in a way that may pass.
            ModelError: it failed otherwise; nothing of the answer is in the error's text.
        """
        self._check_time(stop)
        timeout = self._httpx.Timeout(max(stop.left_s, 0.001))
        try:
            with self._client.stream("POST", self.url, json=body, timeout=timeout) as response:
                self._check_status(response)
                return self._content(response, stop)
        except self._httpx.TransportError as error:
            self._check_time(stop)
            raise TransientError(f"reranker {self._name!r} can't be reached: {type(error).__name__}") from error
        except (self._httpx.HTTPError, self._httpx.InvalidURL) as error:
            raise ModelError(f"reranker {self._name!r} can't be asked: {type(error).__name__}") from error

    def _check_time(self, stop: Stop) -> None:
        if stop.is_over:
            raise DeadlineError(f"reranker {self._name!r} did not answer in time")

    def _check_status(self, response: Any) -> None:
        status = response.status_code
        if status in _TRANSIENT:
            after_s = retry_after_s(response.headers.get("retry-after"))
            raise TransientError(f"reranker {self._name!r} answered with status {status}", after_s)
        if status != 200:
            raise ModelError(f"reranker {self._name!r} answered with status {status}; check its URL, model and key")

    def _content(self, response: Any, stop: Stop) -> bytes:
        """Read a response that may be endless or arrive byte by byte."""
        content = bytearray()
        for part in response.iter_raw():
            content += part
            if len(content) > _MOST_BYTES:
                raise ModelOutputError(f"reranker {self._name!r} answered with more than {_MOST_BYTES:,} bytes")
            self._check_time(stop)
        return bytes(content)
