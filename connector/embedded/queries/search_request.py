"""Parses a `_search` body into a `SearchRequest`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from connector.embedded.failures import EngineError, illegal, parsing, unsupported, validation, x_content
from connector.embedded.queries.aggregations import Aggregation, parse_aggregations
from connector.embedded.queries.collapse import parse_collapse
from connector.embedded.queries.hit_fields import parse_fields
from connector.embedded.queries.knn import Knn
from connector.embedded.queries.queries import Query
from connector.embedded.queries.query_parser import parse_inner, parse_knn, parse_query
from connector.embedded.queries.rescore import Rescore, parse_rescore
from connector.embedded.scalars import MAX_INT, Fields, Scalars, token_of
from connector.embedded.storage.source_filter import SourceFilter, parse_source_filter

_DEFAULT_TRACKED = 10_000
_ALL = MAX_INT
_FLAGS = ("version", "seq_no_primary_term")
_OFF_ONLY = ("explain", "profile")


@dataclass(frozen=True)
class SearchRequest:
    """A parsed search body. `tracked` is the most hits to count; 0 omits the total."""

    query: Query | None = None
    knn: list[Knn] = field(default_factory=list)
    post_filter: Query | None = None
    rescore: list[Rescore] = field(default_factory=list)
    aggregations: tuple[Aggregation, ...] = ()
    typed_keys: bool = False
    start: int = 0
    size: int = 10
    min_score: float | None = None
    tracked: int = _DEFAULT_TRACKED
    source: SourceFilter = field(default_factory=SourceFilter)
    fields: tuple[str, ...] = ()
    doc_values: tuple[str, ...] = ()
    collapse: str | None = None
    with_id: bool = True
    version: bool = False
    seq_no_primary_term: bool = False
    allow_partial: bool = True


def parse_search(body: dict[str, Any]) -> SearchRequest:
    """Parse a search body.

    Raises:
        EngineError: 400; it names an unknown key.
    """
    if "retriever" in body:
        body = _without_retriever(body)
    known = {
        "query",
        "knn",
        "post_filter",
        "rescore",
        "aggs",
        "aggregations",
        "from",
        "size",
        "min_score",
        "track_total_hits",
        "_source",
        "fields",
        "docvalue_fields",
        "collapse",
        "stored_fields",
        "timeout",
    }
    for key, value in body.items():
        if key in _OFF_ONLY and value is False:
            continue
        if key not in known and key not in _FLAGS:
            raise parsing(
                f"Unknown key in [{key}]: the embedded engine knows {sorted(known | set(_FLAGS) | {'retriever'})}."
            )
        if value is None or (key in ("query", "post_filter") and not isinstance(value, dict)):
            raise parsing(f"Unknown key for a {token_of(value)} in [{key}].")
    scalars = Scalars("search")
    size, start = scalars.integer(body, "size", 10), scalars.integer(body, "from", 0)
    if size < 0:
        raise illegal(f"[size] parameter cannot be negative, found [{size}]")
    if start < 0:
        raise illegal(f"[from] parameter cannot be negative but was [{start}]")
    if "timeout" in body:
        _check_timeout(scalars.text(body, "timeout", ""))
    sections = body.get("knn", [])
    source = parse_source_filter(body.get("_source", True))
    stored = body.get("stored_fields")
    if stored not in (None, "_none_", ["_none_"]):
        raise unsupported(f"[stored_fields] other than _none_: {stored}")
    if stored is not None:
        source = SourceFilter(enabled=False)
    return SearchRequest(
        query=parse_query(body["query"], size=size) if "query" in body else None,
        knn=[parse_knn(section, size=size) for section in (sections if isinstance(sections, list) else [sections])],
        post_filter=parse_query(body["post_filter"], size=size) if "post_filter" in body else None,
        rescore=parse_rescore(body["rescore"], size=size) if "rescore" in body else [],
        aggregations=parse_aggregations(body.get("aggs", body.get("aggregations", {}))),
        start=start,
        size=size,
        min_score=scalars.number(body, "min_score", 0.0) if "min_score" in body else None,
        tracked=_tracked(scalars, body),
        source=source,
        fields=parse_fields(body["fields"]) if "fields" in body else (),
        doc_values=parse_fields(body["docvalue_fields"]) if "docvalue_fields" in body else (),
        collapse=_collapse(body),
        with_id=stored is None,
        version=scalars.flag(body, "version"),
        seq_no_primary_term=scalars.flag(body, "seq_no_primary_term"),
    )


def with_options(request: SearchRequest, *, allow_partial: bool, typed_keys: bool) -> SearchRequest:
    """Return the request with the options of the URL or of an `_msearch` header."""
    return replace(request, allow_partial=allow_partial, typed_keys=typed_keys)


def _without_retriever(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body with `query` or `knn` instead of a `standard` or `knn` retriever."""
    for key in ("query", "knn"):
        if key in body:
            raise validation(f"cannot specify [retriever] and [{key}]")
    retriever = body["retriever"]
    if not isinstance(retriever, dict) or len(retriever) != 1:
        raise parsing("[retriever] malformed, must be an object with one retriever")
    ((name, options),) = retriever.items()
    if name not in ("standard", "knn", "rescorer"):
        raise parsing(f"unknown retriever [{name}]")
    if not isinstance(options, dict):
        raise parsing(f"[{name}] retriever malformed, must start with start_object")
    rest = {key: value for key, value in body.items() if key != "retriever"}
    if name == "rescorer":
        return _without_rescorer(rest, options)
    if name == "knn":
        if "k" not in options:
            raise illegal("Required [k]")
        for key in ("boost", "inner_hits"):
            if key in options:
                raise x_content(f"[knn] unknown field [{key}]")
        section = {key: value for key, value in options.items() if key != "min_score"}
        return {**rest, **_least(options), "knn": section}
    for key in options:
        if key not in ("query", "filter", "min_score", "collapse"):
            raise parsing(
                f"[standard] retriever does not support [{key}]; the embedded engine knows "
                "[query, filter, min_score, collapse]"
            )
    query = options.get("query", {"match_all": {}})
    parse_inner("standard", "query", query)
    if "filter" in options:
        for part in _listed(options["filter"]):
            parse_inner("standard", "filter", part)
        query = {"bool": {"must": [query], "filter": options["filter"]}}
    collapsed = {"collapse": options["collapse"]} if "collapse" in options else {}
    return {**rest, **_least(options), **collapsed, "query": query}


def _without_rescorer(rest: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Return a body with `rescore` instead of a `rescorer` over a leaf; its default size is the whole window."""
    for key in options:
        if key not in ("retriever", "rescore", "filter"):
            raise parsing(
                f"[rescorer] retriever does not support [{key}]; the embedded engine knows [retriever, rescore, filter]"
            )
    for key in ("retriever", "rescore"):
        if key not in options:
            raise parsing(f"Required [{key}]")
    steps = options["rescore"] if isinstance(options["rescore"], list) else [options["rescore"]]
    try:
        windows = [step.window for step in parse_rescore(steps, size=10)]
    except EngineError as fault:
        raise parsing(f"[rescorer] failed to parse field [rescore]: {fault.reason}") from fault
    if not steps:
        raise parsing("[rescorer] failed to parse field [rescore]")
    inner = options["retriever"]
    if not isinstance(inner, dict) or len(inner) != 1:
        raise parsing(f"[rescorer] retriever doesn't support values of type: {token_of(inner)}")
    ((name, leaf),) = inner.items()
    if name not in ("standard", "knn") or not isinstance(leaf, dict):
        raise unsupported("[rescorer] over another retriever than [standard, knn]")
    filters = [each for part in (options, leaf) if "filter" in part for each in _listed(part["filter"])]
    leaf = {**leaf, "filter": filters} if filters else leaf
    size = rest.get("size", min(windows, default=10))
    return {**_without_retriever({**rest, "retriever": {name: leaf}}), "rescore": steps, "size": size}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _least(options: dict[str, Any]) -> dict[str, Any]:
    return {"min_score": Fields("retriever").number(options, "min_score", 0.0)} if "min_score" in options else {}


def _collapse(body: dict[str, Any]) -> str | None:
    if "collapse" in body and "rescore" in body:
        raise unsupported("[collapse] with [rescore]")
    return parse_collapse(body["collapse"]) if "collapse" in body else None


def _check_timeout(text: str) -> None:
    if not re.fullmatch(r"-1|0|\d+(\.\d+)?\s*(nanos|micros|ms|s|m|h|d)", text.lower().strip(), re.ASCII):
        raise illegal(
            f"failed to parse setting [timeout] with value [{text}] as a time value: unit is missing or unrecognized"
        )


def _tracked(scalars: Scalars, body: dict[str, Any]) -> int:
    value = body.get("track_total_hits", _DEFAULT_TRACKED)
    if isinstance(value, bool) or value in ("true", "false"):
        return _ALL if scalars.flag(body, "track_total_hits") else 0
    tracked = scalars.integer(body, "track_total_hits", _DEFAULT_TRACKED)
    if tracked < -1:
        raise illegal(f"[track_total_hits] parameter must be positive or equals to -1, got {tracked}")
    return _ALL if tracked == -1 else tracked
