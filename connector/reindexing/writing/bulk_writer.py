"""Actions into `_bulk`, until each is written, in conflict, gone or refused for good."""

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
    """One operation: the lines of a bulk body, and whose document it is."""

    key: Key
    lines: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an action: the version it made, or the reason why it was refused."""

    fate: Fate
    seq_no: int = NO_SEQ_NO
    primary_term: int = 0
    reason: str = ""


def action(key: Key, kind: str, header: dict[str, Any], body: dict[str, Any] | None = None) -> Action:
    """Write an action, every number of the body as it was read."""
    lines = [{kind: header}] if body is None else [{kind: header}, body]
    return Action(key, b"".join(dumps(line) + b"\n" for line in lines))


class BulkWriter:
    """Sends actions in requests whose size follows what the cluster takes.

    Args:
        cluster: where to.
        counters: told of every request.
        pipeline: the ingest pipeline; "_none" is none, None leaves it to the index.
    """

    def __init__(self, cluster: Cluster, counters: Counters, pipeline: str | None = "_none") -> None:
        self._cluster = cluster
        self._counters = counters
        self._params = {"pipeline": pipeline} if pipeline and cluster.engine.has_points_in_time else {}
        self._faults: dict[Key, int] = {}
        self._turned_away = ""
        self.size = BulkSize()

    def write(self, actions: Sequence[Action]) -> list[Outcome]:
        """Return what became of each action.

        Raises:
            ReindexError: the cluster did not take them for too long, or takes none of ours.
        """
        outcomes: dict[int, Outcome] = {}
        left = list(enumerate(actions))
        self._faults = {}

        def attempt() -> None:
            nonlocal left
            number = self.size.first([len(each.lines) for _, each in left])
            again = self._send(left[:number], outcomes)
            left = again + left[number:]
            if again:
                self.size.turned_away()
                self._counters.retries += 1
            if len(again) == number:
                raise NotYetError(f"{number} documents were turned away: {self._turned_away}")

        while left:
            self._cluster.patience.call(attempt)
        return [outcomes[place] for place in range(len(actions))]

    def _send(self, batch: list[tuple[int, Action]], outcomes: dict[int, Outcome]) -> list[tuple[int, Action]]:
        """Send one request; give what has to be tried again. A request refused as a whole is halved down to why."""
        body = b"".join(each.lines for _, each in batch)
        began = time.perf_counter()
        try:
            answer: Any = self._cluster.client.perform_request(
                "POST", "/_bulk", params=self._params, headers=_HEADERS, body=body
            )
        except ConnectionTimeout:
            self.size.turned_away()
            raise
        except ApiError as error:
            if error.status_code == 429:
                self.size.turned_away()
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
        self.size.took(took_ms, len(batch), len(body))
        again = []
        for (place, each), (kind, item) in zip(batch, bulk_items_in(answer.body, len(batch)), strict=True):
            outcome = self._outcome(each.key, kind, item)
            if outcome is None:
                self._turned_away = _reason(item)
                again.append((place, each))
            else:
                outcomes[place] = outcome
        return again

    def _outcome(self, key: Key, kind: str, item: dict[str, Any]) -> Outcome | None:
        """Read one item of an answer; None: it has to be tried again."""
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
                f"index {item.get('_index')!r} takes no document: {_reason(item)}. See to it, then resume the job"
            )
        if status in TRANSIENT_STATUSES:
            return None
        if status >= 500:
            self._faults[key] = self._faults.get(key, 0) + 1
            if self._faults[key] < _TRIES_OF_A_FAULT:
                return None
        return Outcome("refused", reason=_reason(item))


def _readable(error: ApiError) -> Exception:
    """Return the error itself where it passes or is ours to explain elsewhere, else one that says what to do."""
    if error.status_code in TRANSIENT_STATUSES:
        return error
    return ReindexError(f"the cluster refused a bulk request: {_reason(error.body) or error}. Then resume the job")


def _reason(body: Any) -> str:
    """Return an error with its causes, innermost last, in one line."""
    error = body.get("error", body) if isinstance(body, dict) else body
    parts: list[str] = []
    while isinstance(error, dict) and len(parts) < 5:
        said = ": ".join(str(error[name]) for name in ("type", "reason") if error.get(name))
        if said and said not in parts:
            parts.append(said)
        error = error.get("caused_by")
    if not parts and error:
        parts.append(str(error))
    return "; ".join(parts)[:2_000]
