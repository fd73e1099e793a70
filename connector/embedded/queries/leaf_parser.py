"""Parses the queries that contain no other query, from `match_all` to `ids`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connector.embedded.failures import EngineError, illegal, parsing, unsupported, x_content
from connector.embedded.queries.match_queries import Match, MultiMatch
from connector.embedded.queries.queries import MatchAll, MatchNone, Query, Unusable
from connector.embedded.queries.query_options import check_known, parse_minimum
from connector.embedded.queries.term_queries import Exists, Ids, Range, Term, Terms
from connector.embedded.scalars import Fields, Scalars, as_number, shown, token_of

MAX_TERMS = 65_536
_MULTI_MATCH_TIES = {"best_fields": 0.0, "most_fields": 1.0}


def _one_field(name: str, body: dict[str, Any], apart: tuple[str, ...] = ()) -> tuple[str, Any]:
    fields = [key for key in body if key not in apart]
    if len(fields) > 1:
        raise parsing(f"[{name}] query doesn't support multiple fields, found [{fields[0]}] and [{fields[1]}]")
    if not fields:
        raise parsing(f"No text specified for text query: [{name}] names no field")
    return fields[0], body[fields[0]]


def _match_all(body: dict[str, Any]) -> Query:
    check_known("match_all", body, {"boost"})
    return MatchAll(Fields("match_all", parsing).boost(body))


def _match_none(body: dict[str, Any]) -> Query:
    check_known("match_none", body, {"boost"})
    Fields("match_none", parsing).boost(body)
    return MatchNone()


def _text(name: str, options: dict[str, Any]) -> Any:
    text = options.get("query")
    if isinstance(text, (list, dict)):
        raise parsing(f"[{name}] unknown token [{token_of(text)}] after [query]")
    if text is None:
        raise parsing(f"No text specified for {name} query")
    return text


def _match_options(name: str, options: dict[str, Any], known: set[str]) -> dict[str, Any]:
    shared = {"query", "operator", "minimum_should_match", "boost", "zero_terms_query", "analyzer", "lenient"}
    check_known(name, options, shared | known)
    scalars = Scalars(name)
    operator = scalars.text(options, "operator", "or")
    if operator.lower() not in ("and", "or"):
        raise illegal(f"No enum constant org.elasticsearch.index.query.Operator.{operator.upper()}")
    zero_terms = scalars.text(options, "zero_terms_query", "none").lower()
    if zero_terms not in ("none", "all"):
        raise parsing(f"Unsupported zero_terms_query value [{zero_terms}]")
    return {
        "text": _text("text" if name == "match" else name, options),
        "operator": operator.lower(),
        "minimum": parse_minimum(options, scalars),
        "boost": scalars.boost(options),
        "zero_terms": zero_terms,
        "analyzer": scalars.text(options, "analyzer", "") if "analyzer" in options else None,
        "lenient": scalars.flag(options, "lenient"),
    }


def _match(body: dict[str, Any]) -> Query:
    path, options = _one_field("match", body)
    if isinstance(options, list):
        raise illegal(f"Expected text but found {token_of(options)}")
    return Match(path, **_match_options("match", options if isinstance(options, dict) else {"query": options}, set()))


def _multi_match(body: dict[str, Any]) -> Query:
    options = _match_options("multi_match", body, {"fields", "type", "tie_breaker"})
    scalars = Scalars("multi_match")
    kind = scalars.text(body, "type", "best_fields")
    if kind not in _MULTI_MATCH_TIES:
        known = list(_MULTI_MATCH_TIES)
        raise EngineError(
            400,
            "parse_exception",
            f"failed to parse [multi_match] query type [{kind}]. The embedded engine knows {known}",
        )
    fields = body.get("fields", [])
    boosts: dict[str, float] = {}
    if fields is None or isinstance(fields, dict):
        raise parsing("[multi_match] query does not support [fields]")
    for name in fields if isinstance(fields, list) else [fields]:
        if name is None or isinstance(name, (list, dict)):
            raise illegal(f"Expected text but found {token_of(name)}")
        path, _, boost = shown(name).partition("^")
        boosts[path] = as_number(boost or "1")
    if not boosts:
        raise unsupported("[multi_match] without [fields]")
    tie_breaker = scalars.number(body, "tie_breaker", _MULTI_MATCH_TIES[kind])
    return MultiMatch(boosts, Match("", **{**options, "boost": 1.0}), tie_breaker, options["boost"])


def _term(body: dict[str, Any]) -> Query:
    path, options = _one_field("term", body, ("boost",) if len(body) > 1 else ())
    if isinstance(options, list):
        raise parsing("[term] query does not support array of values")
    if not isinstance(options, dict):
        options = {"value": options, "boost": body.get("boost", 1.0)}
    check_known("term", options, {"value", "boost"})
    if options.get("value") is None:
        raise illegal("value cannot be null")
    if isinstance(options["value"], (dict, list)):
        raise parsing("[term] query does not support objects or arrays of values")
    return Term(path, options["value"], Scalars("term", x_content).boost(options))


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
    if len(values) > MAX_TERMS:
        return Unusable(
            f"The number of terms [{len(values)}] used in the Terms Query request has exceeded the allowed maximum of "
            f"[{MAX_TERMS}]. This maximum can be set by changing the [index.max_terms_count] index level setting."
        )
    return Terms(fields[0], values, Scalars("terms").boost(body))


def _range(body: dict[str, Any]) -> Query:
    path, options = _one_field("range", body)
    if not isinstance(options, dict):
        raise parsing(f"[range] query does not support [{path}]")
    check_known("range", options, {"gt", "gte", "lt", "lte", "boost"})
    bounds = {name: bound for name, bound in options.items() if name != "boost" and bound is not None}
    if any(isinstance(bound, (dict, list)) for bound in bounds.values()):
        raise parsing(f"[range] query does not support objects or arrays as bounds of [{path}]")
    return Range(path, bounds, Scalars("range").boost(options))


def _exists(body: dict[str, Any]) -> Query:
    check_known("exists", body, {"field", "boost"})
    scalars = Scalars("exists")
    field = scalars.text(body, "field", "")
    if not field:
        raise (illegal("field name is null or empty") if "field" in body else parsing("[exists] needs a [field]"))
    if "*" in field:
        raise unsupported("[exists] with a wildcard in [field]")
    return Exists(field, scalars.boost(body))


def _ids(body: dict[str, Any]) -> Query:
    check_known("ids", body, {"values", "boost"})
    fields = Fields("ids", parsing)
    values = body.get("values", [])
    if not isinstance(values, (list, str)):
        raise parsing(f"[ids] values doesn't support values of type: {token_of(values)}")
    values = values if isinstance(values, list) else [values]
    if any(value is None or isinstance(value, (dict, list, bool)) for value in values):
        raise parsing("[ids] failed to parse field [values]")
    if "" in values:
        return Unusable("Ids can't be empty")
    return Ids([shown(value) for value in values], fields.boost(body))


LEAVES: dict[str, Callable[[dict[str, Any]], Query]] = {
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
"""The parser of each query that contains no other query, by its name."""
