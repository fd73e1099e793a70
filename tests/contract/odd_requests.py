"""Requests, documents and calls with senseless values at random places: hypothesis strategies for "only documented
errors come out"."""

from __future__ import annotations

import copy
import datetime
import decimal
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.contract.right_requests import (
    BESIDE,
    CALL,
    IRREGULAR,
    MAPPINGS,
    QUERIES,
    SOURCES,
    TREES,
    Body,
    base_searches,
)

Path = tuple[Any, ...]
ODD_JSON: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(
        [None, True, False, 0, -1, 1, 3, 2**31, 2**63, -(2**63) - 1, 10**30, 10**400, 0.5, -0.0, 1e39, 1e300, 5e-324]
    ),
    st.sampled_from([float("inf"), float("-inf"), float("nan")]),
    st.sampled_from(
        ["", " ", "x", "5", "2.0", "1e400", "NaN", "true", "fox", "\x00", "\ud800", "é" * 600, "*", "a..b"]
    ),
    st.sampled_from(
        ["-1", "75%", "2<-25%", "now-1d", "10s", "vector", "parts.vector", "body", "nowhere", "_id", "[x]"]
    ),
    st.sampled_from([[], {}, [[]], [{}], [None], {"": 1}, {"x": None}, [1, "a", None], {"a": {"b": {"c": []}}}]),
    st.sampled_from([[0, 0, 0], [1.0, 2.0], [1, 2, 3, 4], ["1", "2", "3"], [float("nan")] * 3, [1e39, 1, 1], "0102ff"]),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
        max_leaves=6,
    ),
)
"""Senseless values that JSON, or Python's reading of it, can hold."""


class _Opaque:
    """Something that no serializer knows."""


ODD: st.SearchStrategy[Any] = st.one_of(
    ODD_JSON,
    ODD_JSON,
    st.sampled_from(
        [
            (1, 2, 3),
            {1, 2},
            b"\xff\x00",
            np.float32(1.5),
            np.int64(-3),
            np.array([1.0, 0.5, 0.2], dtype=np.float32),
            np.array([[1, 2]]),
            np.array(["a"]),
            np.bool_(True),
            decimal.Decimal("1.10"),
            datetime.date(2020, 1, 2),
            datetime.datetime(2020, 1, 2, 3),
            range(3),
            _Opaque(),
            {1: 2},
            {None: 1},
            {("a",): 1},
        ]
    ),
)
"""Senseless values that a Python caller can pass."""


def paths_of(value: Any, path: Path = ()) -> list[Path]:
    """Every place in a nested value, except the whole value."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, member in value.items():
            found += paths_of(member, (*path, key))
    elif isinstance(value, list):
        for place, member in enumerate(value):
            found += paths_of(member, (*path, place))
    return found


def _holder(value: Any, path: Path) -> Any:
    for key in path[:-1]:
        value = value[key]
    return value


@st.composite
def changed(draw: st.DrawFn, base: st.SearchStrategy[Any], odd: st.SearchStrategy[Any] = ODD) -> Any:
    """A correct value, changed at up to three places: replaced, removed, wrapped, unwrapped or extended."""
    value = copy.deepcopy(draw(base))
    for _ in range(draw(st.sampled_from([0, 1, 1, 1, 2, 3]))):
        places = paths_of(value)
        if not places:
            return value
        path = draw(st.sampled_from(places))
        holder, key = _holder(value, path), path[-1]
        _CHANGES[draw(st.sampled_from(sorted(_CHANGES)))](draw, odd, holder, key)
    return value


def _replace(draw: st.DrawFn, odd: st.SearchStrategy[Any], holder: Any, key: Any) -> None:
    holder[key] = copy.deepcopy(draw(odd))


def _remove(draw: st.DrawFn, odd: st.SearchStrategy[Any], holder: Any, key: Any) -> None:
    del holder[key]


def _wrap(draw: st.DrawFn, odd: st.SearchStrategy[Any], holder: Any, key: Any) -> None:
    holder[key] = draw(st.sampled_from([[holder[key]], {"x": holder[key]}, [holder[key], holder[key]]]))


def _swap(draw: st.DrawFn, odd: st.SearchStrategy[Any], holder: Any, key: Any) -> None:
    parts = [*TREES, *(query for each in QUERIES for query in each.values()), *BESIDE.values()]
    holder[key] = copy.deepcopy(draw(st.sampled_from(parts)))


def _add(draw: st.DrawFn, odd: st.SearchStrategy[Any], holder: Any, key: Any) -> None:
    if isinstance(holder, dict):
        name = draw(
            st.sampled_from(["x", "", "boost", "filter", "size", "k", "field", "query", "retrievers", "window"])
        )
        holder[name] = copy.deepcopy(draw(odd))
    else:
        holder.append(copy.deepcopy(draw(odd)))


_CHANGES: dict[str, Callable[[st.DrawFn, st.SearchStrategy[Any], Any, Any], None]] = {
    "0 replace": _replace,
    "1 replace": _replace,
    "2 replace": _replace,
    "3 remove": _remove,
    "4 wrap": _wrap,
    "5 add": _add,
    "6 swap": _swap,
}


def odd_searches() -> st.SearchStrategy[Any]:
    """Bodies of `_search`."""
    return changed(base_searches())


def odd_msearches() -> st.SearchStrategy[list[Any]]:
    """Lines of `_msearch`, headers and bodies, some of them correct."""
    header = st.one_of(
        st.just({"index": "odd"}),
        changed(st.just({"index": "odd", "preference": "_local", "ignore_unavailable": True})),
    )
    pairs = st.lists(st.tuples(header, st.one_of(base_searches(), odd_searches())), min_size=1, max_size=3)
    return pairs.map(lambda lines: [part for pair in lines for part in pair])


def odd_documents() -> st.SearchStrategy[Any]:
    """Documents for `Connector.index` and `_bulk`."""
    return changed(st.sampled_from([*SOURCES, *IRREGULAR]))


def odd_calls() -> st.SearchStrategy[Body]:
    """Arguments of `Connector` and of its `search`, one or more of them senseless."""
    needed = ["index", "text_fields", "text"]
    names = st.sets(st.sampled_from(sorted(CALL.keys() - set(needed))))
    return changed(names.map(lambda chosen: {name: CALL[name] for name in [*needed, *sorted(chosen)]}))


def odd_mappings() -> st.SearchStrategy[Any]:
    """Bodies that create an index."""
    settings = {"number_of_shards": 1, "index": {"max_result_window": 100, "mapping.total_fields.limit": 40}}
    return changed(st.just({"mappings": {**MAPPINGS, "dynamic": "strict"}, "settings": settings}), ODD_JSON)
