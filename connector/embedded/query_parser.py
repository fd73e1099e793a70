"""Elasticsearch's query JSON -> query nodes: the way in, the queries that hold others, and `knn`.

What isn't known here, or in `leaf_parser`, is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connector.embedded.compound_queries import Bool, ConstantScore, DisMax
from connector.embedded.failures import EngineError, illegal, parsing, x_content
from connector.embedded.inner_hits import parse_inner_hits
from connector.embedded.knn import Knn
from connector.embedded.leaf_parser import LEAVES
from connector.embedded.queries import Query
from connector.embedded.query_options import check_known, parse_boost, parse_minimum, read_number, read_whole

MAX_DEPTH = 30
MAX_CANDIDATES = 10_000


def parse_query(body: Any, *, size: int = 10, depth: int = 0) -> Query:
    """Parse one query object; `size` is the request's, from which a knn query without `k` takes its width.

    Raises: EngineError: 400, with a real node's type where it would refuse too.
    """
    if depth > MAX_DEPTH:
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


def _inner(outer: str, part: str, body: Any, size: int, depth: int) -> Query:
    try:
        return parse_query(body, size=size, depth=depth + 1)
    except EngineError as failure:
        reason = f"[{outer}] failed to parse field [{part}]"
        if failure.kind not in ("parsing_exception", "x_content_parse_exception"):
            raise
        root = failure.root or {"type": failure.kind, "reason": failure.reason, **failure.extra}
        raise EngineError(400, "x_content_parse_exception", reason, caused_by=failure.cause(), root=root) from failure


def _bool(body: dict[str, Any], size: int, depth: int) -> Query:
    clauses: dict[str, list[Query]] = {}
    for key, part in body.items():
        if key in ("must", "should", "filter", "must_not"):
            clauses[key] = [
                _inner("bool", key, one, size, depth) for one in (part if isinstance(part, list) else [part])
            ]
        elif key not in ("minimum_should_match", "boost"):
            raise x_content(f"[bool] unknown field [{key}]")
    return Bool(**clauses, minimum=parse_minimum(body), boost=parse_boost(body))


def _constant_score(body: dict[str, Any], size: int, depth: int) -> Query:
    check_known("constant_score", body, {"filter", "boost"})
    if "filter" not in body:
        raise parsing("[constant_score] requires a 'filter' element")
    return ConstantScore(parse_query(body["filter"], size=size, depth=depth + 1), parse_boost(body))


def _dis_max(body: dict[str, Any], size: int, depth: int) -> Query:
    check_known("dis_max", body, {"queries", "tie_breaker", "boost"})
    queries = body.get("queries")
    if not queries:
        raise parsing("[dis_max] requires 'queries' field with at least one clause")
    parts = [
        parse_query(part, size=size, depth=depth + 1) for part in (queries if isinstance(queries, list) else [queries])
    ]
    return DisMax(parts, float(body.get("tie_breaker", 0.0)), parse_boost(body))


def _knn_query(body: dict[str, Any], size: int, depth: int) -> Query:
    return parse_knn(body, size=size, depth=depth, is_query=True)


def parse_knn(body: Any, *, size: int = 10, depth: int = 0, is_query: bool = False) -> Knn:
    """Parse a `knn` section, or a `knn` query; without `k` that takes `size`, or fewer `num_candidates`.

    Raises: EngineError: 400, with a real node's type where it would refuse too.
    """
    if not isinstance(body, dict):
        raise parsing("[knn] malformed, must start with start_object")
    known = {"field", "query_vector", "k", "num_candidates", "filter", "similarity", "boost"}
    if not is_query:
        known |= {"inner_hits"}
    for key in body:
        if key not in known:
            raise x_content(f"[knn] unknown field [{key}]; the embedded engine knows {sorted(known)}")
    if not isinstance(body.get("field"), str):
        raise illegal("Required [field]")
    vector = body.get("query_vector")
    if vector is None:
        raise illegal(
            "either [query_vector_builder] or [query_vector] must be provided; the embedded engine knows [query_vector]"
        )
    vector = _vector(vector)
    k = _count("k", body.get("k"))
    candidates = _count("num_candidates", body.get("num_candidates"))
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
        _inner("knn", "filter", part, size, depth) for part in (filters if isinstance(filters, list) else [filters])
    ]
    similarity = body.get("similarity")
    least = None if similarity is None else read_number(similarity)
    if similarity is not None and least is None:
        raise x_content("[knn] failed to parse field [similarity]")
    inner_hits = parse_inner_hits(body["inner_hits"]) if "inner_hits" in body else None
    return Knn(body["field"], vector, k, parsed, least, parse_boost(body), inner_hits)


def _count(name: str, value: Any) -> int | None:
    if value is None:
        return None
    count = read_whole(value)
    if count is None:
        raise x_content(f"[knn] failed to parse field [{name}]")
    if count < 1:
        raise illegal(f"[{name}] must be greater than 0")
    return count


def _vector(value: Any) -> list[float] | str:
    """A query vector: numbers, which may be texts each, or one text that the field's type has a meaning for."""
    if isinstance(value, str):
        return value
    numbers = value if isinstance(value, list) else [value]
    if set(map(type, numbers)) <= {int, float}:
        return numbers
    read = [read_number(each) for each in numbers]
    if any(each is None for each in read):
        raise x_content("[knn] failed to parse field [query_vector]: it must be an array of numbers")
    return [each for each in read if each is not None]


_COMPOUNDS: dict[str, Callable[[dict[str, Any], int, int], Query]] = {
    "bool": _bool,
    "constant_score": _constant_score,
    "dis_max": _dis_max,
    "knn": _knn_query,
}
