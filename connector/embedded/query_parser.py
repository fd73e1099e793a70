"""Elasticsearch's query JSON -> the nodes of `queries` and `knn`; what isn't known here is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connector.embedded.failures import EngineError, illegal, parsing, unsupported, x_content
from connector.embedded.knn import Knn
from connector.embedded.multi_match import MultiMatch
from connector.embedded.queries import (
    Bool,
    ConstantScore,
    DisMax,
    Exists,
    Ids,
    Match,
    MatchAll,
    MatchNone,
    Query,
    Range,
    Term,
    Terms,
)

MAX_DEPTH = 30
MAX_CANDIDATES = 10_000
_MULTI_MATCH_TIES = {"best_fields": 0.0, "most_fields": 1.0}


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
    if name not in _LEAVES and name not in _COMPOUNDS:
        raise parsing(f"unknown query [{name}]: the embedded engine knows {sorted([*_LEAVES, *_COMPOUNDS])}")
    if not isinstance(body[name], dict):
        raise parsing(f"[{name}] query malformed, no start_object after query name")
    return _LEAVES[name](body[name]) if name in _LEAVES else _COMPOUNDS[name](body[name], size, depth)


def _options(name: str, body: dict[str, Any], known: set[str]) -> None:
    for key in body:
        if key not in known:
            raise parsing(f"[{name}] query does not support [{key}]; the embedded engine knows {sorted(known)}")


def _boost(body: dict[str, Any]) -> float:
    value = body.get("boost", 1.0)
    try:
        boost = float(value)
    except (TypeError, ValueError) as error:
        raise illegal(f'For input string: "{value}"') from error
    if boost < 0:
        raise illegal(f"negative [boost] are not allowed in [{value}], use a value between 0 and 1 to deboost")
    return boost


def _one_field(name: str, body: dict[str, Any], apart: tuple[str, ...] = ()) -> tuple[str, Any]:
    fields = [key for key in body if key not in apart]
    if len(fields) > 1:
        raise parsing(f"[{name}] query doesn't support multiple fields, found [{fields[0]}] and [{fields[1]}]")
    if not fields:
        raise parsing(f"No text specified for text query: [{name}] names no field")
    return fields[0], body[fields[0]]


def _minimum(body: dict[str, Any]) -> str | None:
    value = body.get("minimum_should_match")
    return None if value is None else str(value)


def _match_all(body: dict[str, Any]) -> Query:
    _options("match_all", body, {"boost"})
    return MatchAll(_boost(body))


def _match_none(body: dict[str, Any]) -> Query:
    _options("match_none", body, {"boost"})
    return MatchNone()


def _text(name: str, text: Any) -> Any:
    if isinstance(text, (list, dict)):
        raise illegal("Expected text but found START_ARRAY")
    if text is None:
        raise parsing(f"No text specified for {name} query")
    return text


def _match_options(name: str, options: dict[str, Any], known: set[str]) -> dict[str, Any]:
    shared = {"query", "operator", "minimum_should_match", "boost", "zero_terms_query", "analyzer", "lenient"}
    _options(name, options, shared | known)
    operator = str(options.get("operator", "or"))
    if operator.lower() not in ("and", "or"):
        raise illegal(f"No enum constant org.elasticsearch.index.query.Operator.{operator.upper()}")
    zero_terms = str(options.get("zero_terms_query", "none")).lower()
    if zero_terms not in ("none", "all"):
        raise parsing(f"Unsupported zero_terms_query value [{zero_terms}]")
    return {
        "text": _text("text" if name == "match" else name, options.get("query")),
        "operator": operator.lower(),
        "minimum": _minimum(options),
        "boost": _boost(options),
        "zero_terms": zero_terms,
        "analyzer": options.get("analyzer"),
        "lenient": str(options.get("lenient", "false")).lower() == "true",
    }


def _match(body: dict[str, Any]) -> Query:
    path, options = _one_field("match", body)
    return Match(path, **_match_options("match", options if isinstance(options, dict) else {"query": options}, set()))


def _multi_match(body: dict[str, Any]) -> Query:
    options = _match_options("multi_match", body, {"fields", "type", "tie_breaker"})
    kind = body.get("type", "best_fields")
    if kind not in _MULTI_MATCH_TIES:
        known = list(_MULTI_MATCH_TIES)
        raise EngineError(
            400,
            "parse_exception",
            f"failed to parse [multi_match] query type [{kind}]. The embedded engine knows {known}",
        )
    fields = body.get("fields", [])
    boosts: dict[str, float] = {}
    for name in [fields] if isinstance(fields, str) else fields:
        path, _, boost = str(name).partition("^")
        try:
            boosts[path] = float(boost or 1)
        except ValueError as error:
            raise EngineError(400, "number_format_exception", f'For input string: "{boost}"') from error
    if not boosts:
        raise unsupported("[multi_match] without [fields]")
    tie_breaker = float(body.get("tie_breaker", _MULTI_MATCH_TIES[kind]))
    return MultiMatch(boosts, Match("", **{**options, "boost": 1.0}), tie_breaker, options["boost"])


def _term(body: dict[str, Any]) -> Query:
    path, options = _one_field("term", body, ("boost",) if len(body) > 1 else ())
    if isinstance(options, list):
        raise parsing("[term] query does not support array of values")
    if not isinstance(options, dict):
        options = {"value": options, "boost": body.get("boost", 1.0)}
    _options("term", options, {"value", "boost"})
    if options.get("value") is None:
        raise illegal("value cannot be null")
    if isinstance(options["value"], (dict, list)):
        raise parsing("[term] query does not support objects or arrays of values")
    return Term(path, options["value"], _boost(options))


def _terms(body: dict[str, Any]) -> Query:
    fields = [key for key in body if key != "boost"]
    if len(fields) != 1:
        raise parsing(
            "[terms] query does not support multiple fields" if fields else "[terms] query requires a field name"
        )
    values = body[fields[0]]
    if isinstance(values, dict):
        raise unsupported("[terms] lookup in another index")
    if not isinstance(values, list):
        raise parsing(f"[terms] query does not support [{fields[0]}]")
    if any(value is None or isinstance(value, (dict, list)) for value in values):
        raise parsing("No value specified for terms query")
    return Terms(fields[0], values, _boost(body))


def _range(body: dict[str, Any]) -> Query:
    path, options = _one_field("range", body)
    if not isinstance(options, dict):
        raise parsing(f"[range] query does not support [{path}]")
    _options("range", options, {"gt", "gte", "lt", "lte", "boost"})
    bounds = {name: bound for name, bound in options.items() if name != "boost" and bound is not None}
    if any(isinstance(bound, (dict, list)) for bound in bounds.values()):
        raise parsing(f"[range] query does not support objects or arrays as bounds of [{path}]")
    return Range(path, bounds, _boost(options))


def _exists(body: dict[str, Any]) -> Query:
    _options("exists", body, {"field", "boost"})
    if not isinstance(body.get("field"), str) or not body["field"]:
        raise parsing("[exists] must be provided with a [field]")
    if "*" in body["field"]:
        raise unsupported("[exists] with a wildcard in [field]")
    return Exists(body["field"], _boost(body))


def _ids(body: dict[str, Any]) -> Query:
    _options("ids", body, {"values", "boost"})
    values = body.get("values", [])
    return Ids([str(value) for value in (values if isinstance(values, list) else [values])], _boost(body))


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
    return Bool(**clauses, minimum=_minimum(body), boost=_boost(body))


def _constant_score(body: dict[str, Any], size: int, depth: int) -> Query:
    _options("constant_score", body, {"filter", "boost"})
    if "filter" not in body:
        raise parsing("[constant_score] requires a 'filter' element")
    return ConstantScore(parse_query(body["filter"], size=size, depth=depth + 1), _boost(body))


def _dis_max(body: dict[str, Any], size: int, depth: int) -> Query:
    _options("dis_max", body, {"queries", "tie_breaker", "boost"})
    queries = body.get("queries")
    if not queries:
        raise parsing("[dis_max] requires 'queries' field with at least one clause")
    parts = [
        parse_query(part, size=size, depth=depth + 1) for part in (queries if isinstance(queries, list) else [queries])
    ]
    return DisMax(parts, float(body.get("tie_breaker", 0.0)), _boost(body))


def _knn_query(body: dict[str, Any], size: int, depth: int) -> Query:
    return parse_knn(body, size=size, depth=depth, is_query=True)


def parse_knn(body: Any, *, size: int = 10, depth: int = 0, is_query: bool = False) -> Knn:
    """Parse a `knn` section, or a `knn` query; without `k` that takes `size`, or fewer `num_candidates`.

    Raises: EngineError: 400, with a real node's type where it would refuse too.
    """
    if not isinstance(body, dict):
        raise parsing("[knn] malformed, must start with start_object")
    known = {"field", "query_vector", "k", "num_candidates", "filter", "similarity", "boost"}
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
    if not isinstance(vector, list) or not set(map(type, vector)) <= {int, float}:
        raise x_content("[knn] failed to parse field [query_vector]: it must be an array of numbers")
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
    return Knn(body["field"], vector, k, parsed, None if similarity is None else float(similarity), _boost(body))


def _count(name: str, value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise x_content(f"[knn] failed to parse field [{name}]")
    if value < 1:
        raise illegal(f"[{name}] must be greater than 0")
    return value


_LEAVES: dict[str, Callable[[dict[str, Any]], Query]] = {
    "match_all": _match_all,
    "match_none": _match_none,
    "match": _match,
    "multi_match": _multi_match,
    "term": _term,
    "terms": _terms,
    "range": _range,
    "exists": _exists,
    "ids": _ids,
}
_COMPOUNDS: dict[str, Callable[[dict[str, Any], int, int], Query]] = {
    "bool": _bool,
    "constant_score": _constant_score,
    "dis_max": _dis_max,
    "knn": _knn_query,
}
