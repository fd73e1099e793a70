"""What a client knows about its cluster, cached for each caller: mappings, capabilities, fusions. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cachetools import TLRUCache, TTLCache
from elastic_transport import SerializationError
from elasticsearch import ApiError

from connector.clients.sending import ACCEPT_JSON, ClientFlow, Send, mapping_path
from connector.engines.answers import field_count, mappings_in, unreadable
from connector.engines.capabilities import Capabilities, read_capabilities
from connector.models.cache import SharedCache
from connector.search.native import Native

_MAPPINGS_KEPT_S, _NO_MAPPINGS_KEPT_S = 60.0, 5.0
_CAPABILITIES_KEPT_S, _NO_CAPABILITIES_KEPT_S, _NATIVE_KEPT_S = 3_600.0, 60.0, 3_600.0
_MOST_INDICES, _MOST_FIELDS, _MOST_CALLERS = 128, 20_000, 256
_INFO, _LICENCE = "/", "/_license"


class ClusterFacts:
    """Facts about a cluster, by caller: what one may not read says nothing about another."""

    def __init__(self) -> None:
        self._mappings: SharedCache[tuple[str, str | None], Mapping[str, Any]] = SharedCache(
            lambda: TLRUCache(_MOST_FIELDS, _mappings_expire_s, getsizeof=_weight)
        )
        self._capabilities: SharedCache[str, Capabilities] = SharedCache(
            lambda: TLRUCache(_MOST_CALLERS, _capabilities_expire_s)
        )
        self._natives: SharedCache[str, Native] = SharedCache(lambda: TTLCache(_MOST_CALLERS, _NATIVE_KEPT_S))

    def mappings(self, caller: str, index: str | None) -> ClientFlow[Mapping[str, Any]]:
        """Read an index's mappings, or return those that this caller read a short time ago; {} if it may not.

        Raises:
            MalformedAnswerError: the answer is no mapping.
        """
        kept = self._mappings.get((caller, index))
        if kept is not None:
            return kept
        found: Mapping[str, Any] = {}
        try:
            path = mapping_path(index)
            response = yield Send("GET", path, headers=ACCEPT_JSON, endpoint_id="indices.get_mapping")
        except ApiError:  # not allowed to read it, or no such index, which the search itself reports
            pass
        except (SerializationError, RecursionError) as error:
            raise unreadable("_mapping", error) from error
        else:
            found = mappings_in(response.body) if response.meta.status == 200 else {}
        return self._mappings.put((caller, index), found)

    def forget_mappings(self) -> None:
        """Forget all mappings: an index has been changed through this client."""
        self._mappings.clear()

    def capabilities(self, caller: str) -> ClientFlow[Capabilities]:
        """Read what the cluster is, or return what this caller read before; the cluster's errors are not raised."""
        kept = self._capabilities.get(caller)
        if kept is not None:
            return kept
        bodies = []
        for path in (_INFO, _LICENCE):
            try:
                bodies.append((yield Send("GET", path, headers=ACCEPT_JSON)).body)
            except (ApiError, SerializationError, RecursionError):  # not allowed to ask, or no such endpoint
                bodies.append(None)
        return self._capabilities.put(caller, read_capabilities(*bodies))

    def native(self, caller: str) -> Native:
        """Return what this caller's earlier searches have shown about the cluster's own fusions."""
        return self._natives.get(caller) or self._natives.put(caller, Native())


def _mappings_expire_s(_: object, found: Mapping[str, Any], now_s: float) -> float:
    return now_s + (_MAPPINGS_KEPT_S if found else _NO_MAPPINGS_KEPT_S)


def _weight(found: Mapping[str, Any]) -> int:
    """Return the fields of mappings, each of which is checked.

    At least as many count as leave room for `_MOST_INDICES`, and at most as many as there is room for.
    """
    return min(max(1 + field_count(found), _MOST_FIELDS // _MOST_INDICES), _MOST_FIELDS)


def _capabilities_expire_s(_: object, found: Capabilities, now_s: float) -> float:
    is_known = found.runs_licensed_retrievers or found.licence is not None
    return now_s + (_CAPABILITIES_KEPT_S if is_known else _NO_CAPABILITIES_KEPT_S)
