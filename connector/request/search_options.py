"""The options of a `_search` call around a retriever tree: which there are, and what each applies to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connector.documents.suggestions import suggest_option
from connector.errors import RequestError
from connector.request.lenient_values import read_flag, read_number, read_whole

REFUSED_BY_ELASTICSEARCH = frozenset(
    {"query", "knn", "sort", "search_after", "terminate_after", "rescore", "scroll", "rank"}
)
"""Body options that Elasticsearch refuses alongside a compound retriever."""

HIT_OPTIONS = frozenset({
    "_source", "fields", "docvalue_fields", "stored_fields", "script_fields", "version", "seq_no_primary_term",
    "highlight",
})  # fmt: skip
LEG_OPTIONS = frozenset({"timeout", "runtime_mappings", "indices_boost", "pit"})
FLAGS = frozenset({"explain", "profile"})
UNION_OPTIONS = frozenset({"aggs", "aggregations", "suggest", "track_total_hits"})
_PAGE_OPTIONS = frozenset({"post_filter", "collapse", "min_score", "size", "from"})
BODY_OPTIONS = HIT_OPTIONS | LEG_OPTIONS | FLAGS | UNION_OPTIONS | _PAGE_OPTIONS | {"retriever"}

HEADER_OPTIONS = frozenset({
    "preference", "routing", "ignore_unavailable", "allow_no_indices", "expand_wildcards", "request_cache",
    "search_type", "allow_partial_search_results", "ccs_minimize_roundtrips",
})  # fmt: skip
URL_OPTIONS = frozenset({
    "error_trace", "human", "include_named_queries_score", "max_concurrent_shard_requests", "pretty", "typed_keys",
})  # fmt: skip
RESPONSE_OPTIONS = frozenset({"filter_path", "rest_total_hits_as_int"})
REFUSED_WITH_PIT = frozenset(
    {"index", "preference", "routing", "ignore_unavailable", "allow_no_indices", "expand_wildcards"}
)
_URL_PARAMETERS = HEADER_OPTIONS | URL_OPTIONS | RESPONSE_OPTIONS
_BODY_OPTIONS_IN_URL = frozenset({
    "_source", "docvalue_fields", "explain", "from", "seq_no_primary_term", "size", "stored_fields", "timeout",
    "track_total_hits", "version",
})  # fmt: skip

_UNSUPPORTED = "is not supported alongside a compound retriever"


def picked(options: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """Return those of the options that have one of these names."""
    return {name: value for name, value in options.items() if name in names}


def with_url_options(body: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """Return a search body with the body options that its URL holds, and values read as Elasticsearch reads them.

    Raises:
        RequestError: a parameter is unknown or malformed.
    """
    merged = dict(body)
    source: dict[str, Any] = {}
    for name, value in params.items():
        if name in ("_source_includes", "_source_excludes"):
            fields = value.split(",") if isinstance(value, str) else value
            if not isinstance(fields, list) or not all(isinstance(each, str) for each in fields):
                raise RequestError(name, value, "must be a field, or a list of fields")
            source[name.removeprefix("_source_")] = fields
        elif name in _BODY_OPTIONS_IN_URL:
            merged[name] = value.split(",") if name == "docvalue_fields" and isinstance(value, str) else value
        elif name not in _URL_PARAMETERS:
            allowed = _URL_PARAMETERS | _BODY_OPTIONS_IN_URL
            raise RequestError(name, value, suggest_option(name, allowed, says=_UNSUPPORTED))
    merged |= {"_source": source} if source else {}
    return {name: _READ[name](value) if name in _READ else value for name, value in merged.items()}


def check_names(body: Mapping[str, Any]) -> None:
    """Refuse body options that are unknown or not possible with a retriever.

    Raises:
        RequestError: naming the option and what is allowed.
    """
    for name, value in body.items():
        if name in REFUSED_BY_ELASTICSEARCH:
            raise RequestError(name, value, "can't be combined with a compound retriever; put it into a leg")
        if name not in BODY_OPTIONS:
            raise RequestError(name, value, suggest_option(name, BODY_OPTIONS, says=_UNSUPPORTED))
        if name in FLAGS and not isinstance(value, bool):
            raise RequestError(name, value, "must be true or false")


def _read_total(value: object) -> object:
    """Read `track_total_hits`: a bool or a number, of which -1 means all."""
    total = read_whole(read_flag(value))
    return True if total == -1 else total


_READ: Mapping[str, Callable[[object], object]] = {
    **dict.fromkeys(("size", "from"), read_whole),
    **dict.fromkeys((*FLAGS, "version", "seq_no_primary_term"), read_flag),
    "min_score": read_number,
    "track_total_hits": _read_total,
}
"""How Elasticsearch reads values that may be texts."""
