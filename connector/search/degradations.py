"""Why searches return less than was requested: documented codes, one warning per reason and minute, and a count.

A search that degrades still returns hits, so nobody would notice without a word in the log.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from time import monotonic
from types import MappingProxyType
from typing import Any

from connector.errors import (
    CircuitOpenError,
    DeadlineError,
    MissingExtraError,
    ModelError,
    ModelNotFoundError,
    ModelOutputError,
    OverloadedError,
    RequestError,
    error_text,
)
from connector.models.once import ForkSafeLock
from connector.threads import UnraisableError

_EVERY_S = 60.0
_MOST_REASONS = 256


class DegradationCode(str, Enum):
    """The kinds of causes, as `_hybrid.degraded_codes` and `degradation_counts` name them."""

    RERANKER_ERROR = "reranker_error"
    """A reranker raised an exception."""
    OUT_OF_MEMORY = "out_of_memory"
    """A reranker had too little memory."""
    MODEL_UNAVAILABLE = "model_unavailable"
    """A reranker is not on this machine and can't be downloaded."""
    INVALID_SCORES = "invalid_scores"
    """A reranker's scores can't be used, such as too few or NaN."""
    DEADLINE = "deadline"
    """The search's budget was spent."""
    CIRCUIT_OPEN = "circuit_open"
    """A reranker is not called for the moment, because it was late several times in a row."""
    OVERLOADED = "overloaded"
    """A reranker reads for as many searches as it may."""
    MISSING_PACKAGE = "missing_package"
    """A package that the reranker needs is not installed."""
    WRONG_REQUEST = "wrong_request"
    """The reranker can't do what the request asks of it."""
    NO_TEXT = "no_text"
    """No hit has text in the fields that the reranker reads."""
    PARTIAL_RESULTS = "partial_results"
    """Shards failed or timed out; `_shards` and `timed_out` of the response say which."""
    HITS_MISSING = "hits_missing"
    """Hits of the page were deleted, or can't be fetched, since they were retrieved."""
    REWRITE_FAILED = "rewrite_failed"
    """A rewriting hook raised an exception."""
    REWRITE_LATE = "rewrite_late"
    """A rewriting hook was not done in time."""
    REWRITE_OUTPUT = "rewrite_output"
    """A rewriting hook returned something that can't be searched."""
    LINE_FAILED = "line_failed"
    """A line of `msearch` failed in this process; its error takes the place of its response."""


@dataclass(frozen=True)
class Degradation:
    """One reason why a response is less than was requested.

    Attributes:
        code: the kind of cause.
        what: what happened, such as `not reranked`; the reason as well, if there is no exception.
        logger: the name of the logger that tells the rest.
        error: the exception behind it, if there is one.
        subject: what of several is concerned, such as a hook's name; each is warned of separately.
    """

    code: DegradationCode
    what: str
    logger: str = "connector.search"
    error: BaseException | None = None
    subject: str = ""

    @property
    def kind(self) -> str:
        """The type of the exception, or of a user's one that it wraps; "" without one."""
        return "" if self.error is None else _type_name(self.error)

    @property
    def sentence(self) -> str:
        """The reason for a response: never the text of an exception, which may hold secrets."""
        return self.what if self.error is None else f"{self.what}: {self.kind} (see the log of {self.logger})"

    @property
    def log_text(self) -> str:
        """The reason for the log, with the text of the exception."""
        return self.what if self.error is None else f"{self.what}: {error_text(self.error)}"


class DegradationLog:
    """Counts degradations by code, and logs a WARNING for the first of a reason in each minute.

    A reason is a code, the type of an exception and a subject, so texts that differ each time are one reason.
    Every degradation is logged at level DEBUG, with its traceback.

    Args:
        clock: returns seconds, which never decrease.

    Examples:
        >>> from connector.search.degradations import Degradation, DegradationCode, DegradationLog
        >>> log = DegradationLog(clock=lambda: 0.0)
        >>> log.record(Degradation(DegradationCode.NO_TEXT, "not reranked: no hit has text in body"))
        >>> log.counts()
        {'no_text': 1}
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = ForkSafeLock()
        self._counts: Counter[str] = Counter()
        self._minutes: dict[tuple[str, str, str, str], _Minute] = {}

    def record(self, degradation: Degradation) -> None:
        """Count a degradation, and warn of it if nobody has been warned of its reason within the last minute."""
        with self._lock:
            self._counts[degradation.code.value] += 1
            minute = self._minute_of(degradation)
            suppressed = minute.warn(self._clock())
        logger = logging.getLogger(degradation.logger)
        if suppressed is not None:
            more = f" ({suppressed} more in the minute after the last warning)" if suppressed else ""
            logger.warning("%s%s", degradation.log_text, more)
        logger.debug("%s", degradation.sentence, exc_info=degradation.error)

    def counts(self) -> dict[str, int]:
        """Return how many degradations there were, by code; without the codes that never occurred."""
        with self._lock:
            return dict(self._counts)

    def clear(self) -> None:
        """Forget all counts and warnings."""
        with self._lock:
            self._counts.clear()
            self._minutes.clear()

    def _minute_of(self, degradation: Degradation) -> _Minute:
        key = (degradation.code.value, degradation.logger, degradation.kind, degradation.subject)
        if key not in self._minutes and len(self._minutes) >= _MOST_REASONS:
            key = (degradation.code.value, degradation.logger, "", "")
        return self._minutes.setdefault(key, _Minute())


@dataclass
class _Minute:
    """When a reason was last warned of, and how often it has occurred since."""

    warned_s: float | None = None
    suppressed: int = 0

    def warn(self, now_s: float) -> int | None:
        """Return how many occurrences were suppressed if it is time for a warning; None if it is not."""
        if self.warned_s is not None and now_s - self.warned_s < _EVERY_S:
            self.suppressed += 1
            return None
        suppressed, self.suppressed, self.warned_s = self.suppressed, 0, now_s
        return suppressed


DEGRADATIONS = DegradationLog()
"""Those of this process."""


def degradation_counts() -> dict[str, int]:
    """Return how often searches of this process were degraded, by code; without the codes that never occurred.

    The codes are those of `_hybrid.degraded_codes`. A search with two reasons counts twice.

    Examples:
        >>> from connector import connect, degradation_counts
        >>> client = connect("embedded:", reranker=lambda query, passages: [])
        >>> _ = client.index(index="notes", id="1", document={"body": "whale"}, refresh=True)
        >>> lexical = {"standard": {"query": {"match": {"body": "whale"}}}}
        >>> reranker = {"field": "body", "inference_text": "whale", "retriever": lexical}
        >>> _ = client.search(index="notes", retriever={"text_similarity_reranker": reranker})
        >>> degradation_counts()
        {'invalid_scores': 1}
    """
    return DEGRADATIONS.counts()


def degraded_section(
    degradations: Iterable[Degradation], known: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """Return the part of `_hybrid` that says why a response is less than was requested.

    Args:
        degradations: the reasons.
        known: the `_hybrid` that has earlier reasons, if there are any.

    Returns:
        `degraded`, which is None without a reason; with one, also `degraded_codes`, in the order of the reasons.
    """
    added = list(degradations)
    sentences = [*filter(None, [known.get("degraded")]), *(each.sentence for each in added)]
    if not sentences:
        return {"degraded": None}
    codes = [*known.get("degraded_codes", ()), *(each.code.value for each in added)]
    return {"degraded": "; ".join(sentences), "degraded_codes": list(dict.fromkeys(codes))}


def rerank_code(error: BaseException) -> DegradationCode:
    """Return the code of an exception of a reranker."""
    by_type = {
        ModelOutputError: DegradationCode.INVALID_SCORES,
        ModelNotFoundError: DegradationCode.MODEL_UNAVAILABLE,
        DeadlineError: DegradationCode.DEADLINE,
        CircuitOpenError: DegradationCode.CIRCUIT_OPEN,
        OverloadedError: DegradationCode.OVERLOADED,
        MissingExtraError: DegradationCode.MISSING_PACKAGE,
        RequestError: DegradationCode.WRONG_REQUEST,
    }
    if _is_out_of_memory(error):
        return DegradationCode.OUT_OF_MEMORY
    return next((code for kind, code in by_type.items() if isinstance(error, kind)), DegradationCode.RERANKER_ERROR)


def _is_out_of_memory(error: BaseException | None) -> bool:
    """True for Python's error, and for torch's, which has the same name for every device."""
    is_it = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return is_it or (error is not None and error.__cause__ is not None and _is_out_of_memory(error.__cause__))


def _type_name(error: BaseException) -> str:
    """Return the type of an error, or of the user's error that it wraps."""
    wraps = type(error) is ModelError or isinstance(error, UnraisableError)
    return type(error.__cause__ if wraps and error.__cause__ is not None else error).__name__
