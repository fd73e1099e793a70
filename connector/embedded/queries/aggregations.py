"""Aggregations: `terms`, and the metrics `min`, `max`, `avg`, `sum`, `value_count` and `stats`; they can be nested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from connector.embedded.analysis.postings import Ints, Mask, TermColumn
from connector.embedded.failures import illegal, parsing, unsupported, x_content
from connector.embedded.scalars import Fields, token_of
from connector.embedded.storage.columns import NumberColumn
from connector.embedded.storage.index import Index
from connector.embedded.storage.values import FLOATS, NUMBERS

Matched = Sequence[tuple[Index, Mask]]
"""Each index, and a mask of the documents to aggregate over."""

_METRICS = frozenset({"min", "max", "avg", "sum", "value_count", "stats"})
_DEFAULT_SIZE = 10
_MAX_DEPTH = 50


@dataclass(frozen=True)
class Aggregation:
    """An aggregation: its name, type and field, and the aggregations within each bucket.

    `size`, `least_count`, `by_key` and `ascending` belong to `terms`: the most buckets, the fewest documents in a
    bucket, and whether buckets are ordered by key or by count.
    """

    name: str
    kind: str
    field: str
    inner: tuple[Aggregation, ...]
    size: int = _DEFAULT_SIZE
    least_count: int = 1
    by_key: bool = False
    ascending: bool = False


def parse_aggregations(value: Any, depth: int = 0) -> tuple[Aggregation, ...]:
    """Parse the value of `aggs`.

    Raises:
        EngineError: 400.
    """
    if not isinstance(value, dict):
        raise parsing("[aggs] must be an object of aggregations by name")
    if depth > _MAX_DEPTH:
        raise illegal(f"aggregations are nested deeper than {_MAX_DEPTH}, the most that the embedded engine allows")
    return tuple(_parse(name, body, depth) for name, body in value.items())


def _parse(name: str, body: Any, depth: int) -> Aggregation:
    if not isinstance(body, dict):
        raise parsing(f"Aggregation definition for [{name} starts with a [{type(body).__name__}], expected an object")
    inner = body.get("aggs", body.get("aggregations", {}))
    kinds = body.keys() - {"aggs", "aggregations"}
    if len(kinds) != 1:
        raise parsing(f"Expected one type of aggregation in [{name}], found {sorted(kinds)}")
    (kind,) = kinds
    options = body[kind]
    if not isinstance(options, dict):
        raise parsing(f"Expected [START_OBJECT] under [{kind}], but got a [{token_of(options)}] in [{name}]")
    if kind != "terms" and kind not in _METRICS:
        raise unsupported(f"[{kind}] aggregations; it knows {sorted(_METRICS | {'terms'})}")
    known = {"field", "size", "min_doc_count", "order"} if kind == "terms" else {"field"}
    if "field" not in options:
        raise illegal(f"Required one of fields [field, script], but none were specified in [{name}]")
    fields = Fields(kind)
    path = fields.text(options, "field", "")
    if options.keys() - known:
        raise unsupported(f"[{kind}] with {sorted(options.keys() - known)}")
    if kind != "terms":
        if inner:
            raise illegal(f"Aggregator [{name}] of type [{kind}] cannot accept sub-aggregations")
        return Aggregation(name, kind, path, ())
    by_key, ascending = _order(options.get("order", {"_count": "desc"}))
    size, least = fields.integer(options, "size", _DEFAULT_SIZE), fields.integer(options, "min_doc_count", 1)
    if size < 1:
        raise x_content(f"[terms] failed to parse field [size]: must be greater than 0, found [{size}] in [{name}]")
    if least < 1:
        raise unsupported(f"[min_doc_count] below 1: {least}")
    return Aggregation(name, kind, path, parse_aggregations(inner, depth + 1), size, least, by_key, ascending)


def _order(value: Any) -> tuple[bool, bool]:
    first = value[0] if isinstance(value, list) and len(value) == 1 else value
    if not isinstance(first, dict) or len(first) != 1 or not isinstance(next(iter(first.values())), str):
        raise x_content("[terms] failed to parse field [order]: the embedded engine knows one [_key] or [_count]")
    ((by, direction),) = first.items()
    if by not in ("_key", "_count"):
        raise unsupported(f"[terms] ordered by [{by}]")
    if direction.lower() not in ("asc", "desc"):
        raise x_content(f"[terms] failed to parse field [order]: unknown order direction [{direction}]")
    return by == "_key", direction.lower() == "asc"


def aggregate(asked: Sequence[Aggregation], matched: Matched, *, typed_keys: bool = False) -> dict[str, Any]:
    """Return each aggregation's answer by name, or with `typed_keys` by type and name.

    Raises:
        EngineError: 400: the values of a field can't be aggregated.
    """
    answers = {}
    for each in asked:
        kinds = {index.mapping.fields[each.field].type for index, _ in matched if each.field in index.mapping.fields}
        for kind in kinds:
            _check(each, kind)
        drawn = _terms(each, matched, typed_keys=typed_keys) if each.kind == "terms" else _metric(each, matched)
        answers[f"{_typed(each, kinds)}#{each.name}" if typed_keys else each.name] = drawn
    return answers


def _check(asked: Aggregation, kind: str) -> None:
    if kind == "text":
        raise illegal(
            f"Fielddata is disabled on [{asked.field}]. Text fields are not optimised for operations that require "
            "per-document field data like aggregations and sorting: use a keyword field"
        )
    allowed = (*NUMBERS, "keyword", "boolean") if asked.kind in ("terms", "value_count") else NUMBERS
    if kind not in allowed:
        raise unsupported(f"[{asked.kind}] of type [{kind}]: [{asked.field}]")


def _typed(asked: Aggregation, kinds: set[str]) -> str:
    if asked.kind != "terms":
        return asked.kind
    kind = next(iter(kinds), None)
    if kind is None:
        return "umterms"
    return "sterms" if kind == "keyword" else "dterms" if kind in FLOATS else "lterms"


def _terms(asked: Aggregation, matched: Matched, *, typed_keys: bool) -> dict[str, Any]:
    slots_of: dict[Any, list[Ints]] = {}
    for place, (index, mask) in enumerate(matched):
        for key, slots in _slots_by_key(index, mask, asked.field):
            slots_of.setdefault(key, [np.zeros(0, dtype=np.int64)] * len(matched))[place] = slots
    counts = {key: sum(map(len, slots)) for key, slots in slots_of.items()}
    kept = sorted(key for key, count in counts.items() if count >= asked.least_count)
    if asked.by_key:
        kept = kept if asked.ascending else kept[::-1]
    else:
        kept.sort(key=lambda key: counts[key] if asked.ascending else -counts[key])
    buckets = []
    for key in kept[: asked.size]:
        bucket = {**_key(matched, asked.field, key), "doc_count": counts[key]}
        within = [(index, _only(mask, slots)) for (index, mask), slots in zip(matched, slots_of[key], strict=True)]
        buckets.append({**bucket, **aggregate(asked.inner, within, typed_keys=typed_keys)})
    others = sum(counts[key] for key in kept[asked.size :])
    return {"doc_count_error_upper_bound": 0, "sum_other_doc_count": others, "buckets": buckets}


def _slots_by_key(index: Index, mask: Mask, field: str) -> list[tuple[Any, Ints]]:
    """Return each value of a field in the matched documents, and the documents that have it."""
    column = index.column(field)
    if isinstance(column, TermColumn):
        found = ((term, column.postings(term)[0]) for term in column.terms())
        return [(term, kept) for term, slots in found if len(kept := slots[mask[slots]])]
    if not isinstance(column, NumberColumn):
        return []
    slots, values = column.values_of(mask)
    return [(value.item(), np.unique(slots[values == value])) for value in np.unique(values)]


def _only(mask: Mask, slots: Ints) -> Mask:
    kept = np.zeros_like(mask)
    kept[slots] = True
    return kept


def _key(matched: Matched, field: str, key: Any) -> dict[str, Any]:
    kinds = {index.mapping.fields[field].type for index, _ in matched if field in index.mapping.fields}
    if kinds != {"boolean"}:
        return {"key": key}
    return {"key": int(key == "T"), "key_as_string": "true" if key == "T" else "false"}


def _metric(asked: Aggregation, matched: Matched) -> dict[str, Any]:
    columns = [(index.column(asked.field), mask) for index, mask in matched]
    if asked.kind == "value_count":
        return {"value": sum(_count(column, mask) for column, mask in columns)}
    parts = [column.values_of(mask)[1] for column, mask in columns if isinstance(column, NumberColumn)]
    values = np.concatenate(parts).astype(np.float64) if parts else np.zeros(0)
    total = float(values.sum())
    least, most, mean = (
        (float(values.min()), float(values.max()), total / len(values)) if len(values) else (None, None, None)
    )
    if asked.kind == "stats":
        return {"count": len(values), "min": least, "max": most, "avg": mean, "sum": total}
    return {"value": {"min": least, "max": most, "avg": mean, "sum": total}[asked.kind]}


def _count(column: Any, mask: Mask) -> int:
    if isinstance(column, NumberColumn):
        return len(column.values_of(mask)[1])
    if isinstance(column, TermColumn):
        return sum(int(mask[column.postings(term)[0]].sum()) for term in column.terms())
    return 0
