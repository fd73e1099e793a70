"""Parses Elasticsearch's query JSON into query nodes: the entry point, the queries that contain others, and `knn`.

A query that neither this module nor `leaf_parser` knows is rejected.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connector.embedded.failures import EngineError, illegal, parsing, x_content
from connector.embedded.queries.compound_queries import Bool, ConstantScore, DisMax
from connector.embedded.queries.inner_hits import parse_inner_hits
from connector.embedded.queries.knn import Knn
from connector.embedded.queries.leaf_parser import LEAVES
from connector.embedded.queries.queries import Query, Unusable
from connector.embedded.queries.query_options import check_known, parse_minimum
from connector.embedded.scalars import Fields, Scalars, as_double

MAX_DEPTH = 30
MAX_CANDIDATES = 10_000


def parse_query(body: Any, *, size: int = 10, depth: int = 0) -> Query:
    """Parse a query object; `size` is the request's, and the default `k` of a knn query.

    Raises:
        EngineError: 400, with a real node's error type if that rejects it too.
    """
    if depth >= MAX_DEPTH:
        raise illegal(
            f"The nested depth of the query exceeds the maximum nested depth for queries set in [{MAX_DEPTH}]"
        )
    if not isinstance(body, dict):
        raise parsing("[_na] query malformed, must start with start_object")
    if not body:
        raise illegal("query malformed, empty clause found")
    name = next(iter(body))
    if len(body) > 1:
        raise parsing(f"[{name}] malformed query, expected [END_OBJECT] but found [FIELD_NAME]")
    if name not in LEAVES and name not in _COMPOUNDS:
        raise parsing(f"unknown query [{name}]: the embedded engine knows {sorted([*LEAVES, *_COMPOUNDS])}")
    if not isinstance(body[name], dict):
        raise parsing(f"[{name}] query malformed, no start_object after query name")
    return LEAVES[name](body[name]) if name in LEAVES else _COMPOUNDS[name](body[name], size, depth)


def parse_inner(outer: str, part: str, body: Any, *, size: int = 10, depth: int = -1) -> Query:
    """Parse a query in a field of another query; a fault inside it becomes a fault of the field, with its cause.

    Raises:
        EngineError: 400 x_content_parse_exception.
    """
    try:
        return parse_query(body, size=size, depth=depth + 1)
    except EngineError as failure:
        reason = f"[{outer}] failed to parse field [{part}]"
        root = failure.root or {"type": failure.kind, "reason": failure.reason, **failure.extra}
        raise EngineError(400, "x_content_parse_exception", reason, caused_by=failure.cause(), root=root) from failure


def _bool(body: dict[str, Any], size: int, depth: int) -> Query:
    clauses: dict[str, list[Query]] = {}
    for key, part in body.items():
        if key in ("must", "should", "filter", "must_not"):
            clauses[key] = [
                parse_inner("bool", key, one, size=size, depth=depth)
                for one in (part if isinstance(part, list) else [part])
            ]
        elif key not in ("minimum_should_match", "boost"):
            raise x_content(f"[bool] unknown field [{key}]")
    minimum = None if body.get("minimum_should_match") is None else parse_minimum(body, Scalars("bool", x_content))
    return Bool(**clauses, minimum=minimum, boost=Fields("bool").boost(body))


def _constant_score(body: dict[str, Any], size: int, depth: int) -> Query:
    check_known("constant_score", body, {"filter", "boost"})
    if "filter" not in body:
        raise parsing("[constant_score] requires a 'filter' element")
    return ConstantScore(parse_query(body["filter"], size=size, depth=depth + 1), Scalars("constant_score").boost(body))


def _dis_max(body: dict[str, Any], size: int, depth: int) -> Query:
    check_known("dis_max", body, {"queries", "tie_breaker", "boost"})
    queries = body.get("queries")
    if not queries:
        raise parsing("[dis_max] requires 'queries' field with at least one clause")
    parts = [
        parse_query(part, size=size, depth=depth + 1) for part in (queries if isinstance(queries, list) else [queries])
    ]
    scalars = Scalars("dis_max")
    tie_breaker, boost = scalars.number(body, "tie_breaker", 0.0), scalars.boost(body)
    if len(parts) == 1:
        return DisMax(parts, 0.0, boost)
    if not 0 <= tie_breaker <= 1:
        return Unusable("tieBreakerMultiplier must be in [0, 1]")
    return DisMax(parts, tie_breaker, boost)


def _knn_query(body: dict[str, Any], size: int, depth: int) -> Query:
    return parse_knn(body, size=size, depth=depth, is_query=True)


def parse_knn(body: Any, *, size: int = 10, depth: int = 0, is_query: bool = False) -> Knn:
    """Parse a `knn` section, or a `knn` query, whose default `k` is `size` or, if fewer, `num_candidates`.

    Raises:
        EngineError: 400, with a real node's error type if that rejects it too.
    """
    if not isinstance(body, dict):
        raise x_content("[knn] Expected START_OBJECT")
    fields = Fields("knn")
    known = {"field", "query_vector", "k", "num_candidates", "filter", "similarity", "boost"}
    if not is_query:
        known |= {"inner_hits"}
    for key in body:
        if key not in known:
            raise x_content(f"[knn] unknown field [{key}]; the embedded engine knows {sorted(known)}")
    if "field" not in body:
        raise illegal("Required [field]")
    path = fields.text(body, "field", "")
    if "query_vector" not in body:
        raise illegal(
            "either [query_vector_builder] or [query_vector] must be provided; the embedded engine knows [query_vector]"
        )
    vector = _vector(body["query_vector"])
    k = _count(fields, body, "k")
    candidates = _count(fields, body, "num_candidates")
    if k is None:
        k = size if candidates is None or not is_query else min(size, candidates)
        if k < 1 and not is_query:
            raise illegal("[k] must be greater than 0")
    if candidates is not None and candidates > MAX_CANDIDATES:
        raise illegal(f"[num_candidates] cannot exceed [{MAX_CANDIDATES}]")
    if candidates is not None and candidates < k:
        raise illegal("[num_candidates] cannot be less than [k]")
    filters = body.get("filter", [])
    parsed = [
        parse_inner("knn", "filter", part, size=size, depth=depth)
        for part in (filters if isinstance(filters, list) else [filters])
    ]
    least = fields.number(body, "similarity", 0.0) if "similarity" in body else None
    boost = fields.number(body, "boost", 1.0)
    if boost < 0:
        raise illegal(f"negative [boost] are not allowed in [knn], use a value between 0 and 1 to deboost: {boost}")
    inner_hits = parse_inner_hits(body["inner_hits"]) if "inner_hits" in body else None
    return Knn(path, vector, k, parsed, least, boost, inner_hits)


def _vector(value: Any) -> list[float] | str:
    """Parse a query vector: numbers, each of which may be a string, or one string in a form of the field's type."""
    if isinstance(value, str):
        return value
    elements = value if isinstance(value, list) else [value]
    if set(map(type, elements)) <= {int, float}:
        return [as_double(element) for element in elements]
    try:
        return [Scalars("knn").number({"": element}, "", 0.0) for element in elements]
    except EngineError as fault:
        raise x_content("[knn] failed to parse field [query_vector]: it must be an array of numbers") from fault


def _count(fields: Fields, body: dict[str, Any], name: str) -> int | None:
    if name not in body:
        return None
    value = fields.integer(body, name, 0)
    if value < 1:
        raise illegal(f"[{name}] must be greater than 0")
    return value


_COMPOUNDS: dict[str, Callable[[dict[str, Any], int, int], Query]] = {
    "bool": _bool,
    "constant_score": _constant_score,
    "dis_max": _dis_max,
    "knn": _knn_query,
}
