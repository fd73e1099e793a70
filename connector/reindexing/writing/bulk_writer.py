"""Sends actions to `_bulk` until each is written, in conflict, gone or refused for good."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from elastic_transport import ConnectionTimeout
from elasticsearch import ApiError

from connector.engines.answers import bulk_items_in
from connector.errors import ReindexError
from connector.exact_json import dumps
from connector.reindexing.cluster.cluster import Cluster
from connector.reindexing.cluster.retrying import TRANSIENT_STATUSES, NotYetError
from connector.reindexing.items import NO_SEQ_NO, Counters, Key
from connector.reindexing.writing.bulk_size import BulkSize, halves

_HEADERS = {"accept": "application/json", "content-type": "application/x-ndjson"}
_TRIES_OF_A_FAULT = 3
Fate = Literal["written", "conflict", "gone", "refused"]


@dataclass(frozen=True, slots=True)
class Action:
    """One operation: the lines of a bulk body, and the key of its document."""

    key: Key
    lines: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an action: the version that it made, or the reason for its refusal."""

    fate: Fate
    seq_no: int = NO_SEQ_NO
    primary_term: int = 0
    reason: str = ""


def action(key: Key, kind: str, header: dict[str, Any], body: dict[str, Any] | None = None) -> Action:
    """Return a bulk action, with every number of the body as it was read."""
    lines = [{kind: header}] if body is None else [{kind: header}, body]
    return Action(key, b"".join(dumps(line) + b"\n" for line in lines))


class BulkWriter:
    """Sends actions in requests whose size adapts to the cluster.

    Args:
        cluster: the cluster.
        counters: updated with every request.
        pipeline: the ingest pipeline; "_none" for none.
        size: the limits of a request, adjusted to what the cluster can take.
    """

    def __init__(self, cluster: Cluster, counters: Counters, pipeline: str, size: BulkSize) -> None:
        self._cluster = cluster
        self._counters = counters
        self._params = {"pipeline": pipeline} if cluster.engine.is_cluster else {}
        self._faults: dict[Key, int] = {}
        self._rejection = ""
        self._size = size

    def write(self, actions: Sequence[Action]) -> list[Outcome]:
        """Return what became of each action.

        Raises:
            ReindexError: the cluster did not accept them for too long, or accepts no document.
        """
        outcomes: dict[int, Outcome] = {}
        left = list(enumerate(actions))
        self._faults = {}

        def attempt() -> None:
            nonlocal left
            number = self._size.first([len(each.lines) for _, each in left])
            again = self._send(left[:number], outcomes)
            left = again + left[number:]
            if again:
                self._size.rejected()
                self._counters.retries += 1
            if len(again) == number:
                raise NotYetError(f"{number} documents were rejected: {self._rejection}")

        while left:
            self._cluster.patience.call(attempt)
        return [outcomes[place] for place in range(len(actions))]

    def _send(self, batch: list[tuple[int, Action]], outcomes: dict[int, Outcome]) -> list[tuple[int, Action]]:
        """Send one request, and return the actions to retry; a request rejected as a whole is sent in halves.

        Args:
            batch: the actions, each with its place.
            outcomes: extended with the outcome of each finished action.
        """
        body = b"".join(each.lines for _, each in batch)
        began = time.perf_counter()
        try:
            answer: Any = self._cluster.client.perform_request(
                "POST", "/_bulk", params=self._params, headers=_HEADERS, body=body
            )
        except ConnectionTimeout:
            self._size.rejected()
            raise
        except ApiError as error:
            if error.status_code == 429:
                self._size.rejected()
            if error.status_code not in (400, 413):
                raise _readable(error) from error
            if len(batch) == 1:
                outcomes[batch[0][0]] = Outcome("refused", reason=_reason(error.body) or str(error))
                return []
            return [left for part in halves(len(batch)) for left in self._send(batch[part], outcomes)]
        took_ms = (time.perf_counter() - began) * 1000
        self._counters.bulks += 1
        self._counters.bulk_ms += took_ms
        self._counters.bulk_bytes += len(body)
        self._size.took(took_ms, len(batch), len(body))
        again = []
        for (place, each), (kind, item) in zip(batch, bulk_items_in(answer.body, len(batch)), strict=True):
            outcome = self._outcome(each.key, kind, item)
            if outcome is None:
                self._rejection = _reason(item)
                again.append((place, each))
            else:
                outcomes[place] = outcome
        return again

    def _outcome(self, key: Key, kind: str, item: dict[str, Any]) -> Outcome | None:
        """Return the outcome in one item of an answer; None if the action must be retried."""
        status, error = item["status"], item.get("error")
        if status < 300 or (kind == "delete" and status == 404 and error is None):
            return Outcome("written", item.get("_seq_no", NO_SEQ_NO), item.get("_primary_term", 0))
        kind_of_error = error.get("type") if isinstance(error, dict) else str(error)
        if status == 409:
            return Outcome("conflict")
        if status == 404 and kind_of_error == "document_missing_exception":
            return Outcome("gone")
        if status in (401, 403, 404):
            raise ReindexError(
                f"index {item.get('_index')!r} accepts no document: {_reason(item)}. Correct that, then resume the job"
            )
        if status in TRANSIENT_STATUSES:
            return None
        if status >= 500:
            self._faults[key] = self._faults.get(key, 0) + 1
            if self._faults[key] < _TRIES_OF_A_FAULT:
                return None
        return Outcome("refused", reason=_reason(item))


def _readable(error: ApiError) -> Exception:
    """Return a transient error as it is, any other as an error that says what to do."""
    if error.status_code in TRANSIENT_STATUSES:
        return error
    reason = _reason(error.body) or error
    return ReindexError(f"the cluster rejected a bulk request: {reason}. Correct that, then resume the job")


def _reason(body: Any) -> str:
    """Return an error and its causes in one line, innermost last."""
    error = body.get("error", body) if isinstance(body, dict) else body
    parts: list[str] = []
    while isinstance(error, dict) and len(parts) < 5:
        text = ": ".join(str(error[name]) for name in ("type", "reason") if error.get(name))
        if text and text not in parts:
            parts.append(text)
        error = error.get("caused_by")
    if not parts and error:
        parts.append(str(error))
    return "; ".join(parts)[:2_000]
