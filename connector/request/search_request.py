"""A `_search` call around a retriever tree, validated. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.documents.suggestions import suggest_option
from connector.errors import RequestError
from connector.request.hit_options import check_hit_options, check_total_hits, parse_inner_page
from connector.request.lenient_values import is_count
from connector.request.parsing import parse_retriever
from connector.request.rank_bodies import is_ranked, with_retriever
from connector.request.retrievers import Compound, Diversify, Node, TextSimilarityReranker
from connector.request.search_options import (
    FLAGS,
    HEADER_OPTIONS,
    HIT_OPTIONS,
    LEG_OPTIONS,
    REFUSED_WITH_PIT,
    RESPONSE_OPTIONS,
    UNION_OPTIONS,
    URL_OPTIONS,
    check_names,
    picked,
    with_url_options,
)

_COLLAPSE_OPTIONS = frozenset({"field", "inner_hits", "max_concurrent_group_searches"})
_DEFAULT_SIZE = 10


@dataclass(frozen=True)
class Collapse:
    """The field of which each value is shown once, by its best hit; hits without a value count as one.

    `inner_hits` are searches among the hits of a value, by name.
    """

    field: str
    inner_hits: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class SearchRequest:
    """A search that this package runs.

    Attributes:
        tree: the retrievers.
        size: the number of hits on the page.
        offset: Elastic's `from`.
        header: what goes into the header of each `_msearch` line: index, preference, routing, ...
        leg_options: body options of every leg, such as timeout.
        hit_options: body options about what a returned hit holds, such as `_source`.
        union_options: body options about everything that any leg matches: aggregations, suggest, track_total_hits.
        url_options: parameters of the `_msearch` URL.
        response_options: parameters about the form of the response: filter_path, rest_total_hits_as_int.
        models: the names of the models registered with the client.
        min_score: the least final score of a hit.
        post_filter: a query that every hit must match, applied after fusion; aggregations do not see it.
        collapse: the field of which each value is shown once.
        explain: add to each hit an explanation of its score.
    """

    tree: Node
    size: int
    offset: int
    header: Mapping[str, Any]
    leg_options: Mapping[str, Any] = field(default_factory=dict)
    hit_options: Mapping[str, Any] = field(default_factory=dict)
    union_options: Mapping[str, Any] = field(default_factory=dict)
    url_options: Mapping[str, Any] = field(default_factory=dict)
    response_options: Mapping[str, Any] = field(default_factory=dict)
    models: frozenset[str] = frozenset()
    min_score: float | None = None
    post_filter: dict[str, Any] | None = None
    collapse: Collapse | None = None
    explain: bool = False

    @property
    def index(self) -> str | None:
        """The index expression that is searched; None for all indices."""
        return ",".join(self.header["index"]) if "index" in self.header else None

    @property
    def has_pit(self) -> bool:
        """True if the search is over a point in time, which determines the indices."""
        return "pit" in self.leg_options

    @property
    def asks_for_union(self) -> bool:
        """True if an option needs one more search over the union of the legs."""
        options = {name for name, value in self.union_options.items() if name != "track_total_hits" or value}
        return bool(options) or (self.post_filter is not None and self.counts_hits)

    @property
    def needs_union(self) -> bool:
        """True if anything is searched among everything that any leg matches."""
        return self.asks_for_union or (self.collapse is not None and bool(self.collapse.inner_hits))

    @property
    def counts_hits(self) -> bool:
        """True if the response holds the total number of hits."""
        return self.union_options.get("track_total_hits") is not False


def parse_request(
    body: Mapping[str, Any], params: Mapping[str, Any], index: str | None, models: Collection[str]
) -> SearchRequest:
    """Validate a search body and its URL parameters.

    Args:
        body: Elastic's search body, with a `retriever`.
        params: the URL's parameters.
        index: the index expression of the path; None means all indices.
        models: the names of the models registered with the client.

    Raises:
        RequestError: naming what is wrong and what is allowed.
    """
    body = with_url_options(with_retriever(body) if is_ranked(body) else body, params)
    check_names(body)
    check_hit_options(body)
    check_total_hits(body.get("track_total_hits", True))
    tree = parse_retriever(body["retriever"])
    _check_models(tree, models)
    size, offset = _page(body, tree)
    header = picked(params, HEADER_OPTIONS)
    if index is not None:
        header = {"index": index.split(","), **header}
    _check_pit(body.get("pit"), header)
    flags = {name: True for name in FLAGS if body.get(name)}
    return SearchRequest(
        tree=tree,
        size=size,
        offset=offset,
        header=header,
        leg_options=picked(body, LEG_OPTIONS) | flags,
        hit_options=picked(body, HIT_OPTIONS),
        union_options=picked(body, UNION_OPTIONS),
        url_options=picked(params, URL_OPTIONS),
        response_options=picked(params, RESPONSE_OPTIONS),
        models=frozenset(models),
        min_score=_min_score(body.get("min_score")),
        post_filter=_post_filter(body.get("post_filter")),
        collapse=_collapse(body.get("collapse")),
        explain=body.get("explain", False),
    )


def _check_models(tree: Node, models: Collection[str]) -> None:
    """Refuse models of the cluster where this package does the work."""
    for node in tree.walk():
        retriever = node.retriever
        name, path = None, ""
        if isinstance(retriever, TextSimilarityReranker):
            name, path = retriever.inference_id, "text_similarity_reranker.inference_id"
        elif isinstance(retriever, Diversify) and retriever.query_vector_builder is not None:
            name = retriever.query_vector_builder.text_embedding.model_id
            path = "diversify.query_vector_builder.text_embedding.model_id"
        if name is not None and name not in models:
            raise RequestError(
                path,
                name,
                f"is not registered with this client (registered: {', '.join(sorted(models)) or 'none'}); "
                "leave it out for the client's own model, or register it in the client's `models`",
            )


def _page(body: Mapping[str, Any], tree: Node) -> tuple[int, int]:
    root = tree.retriever
    window = root.rank_window_size if isinstance(root, Compound) else _DEFAULT_SIZE
    size, offset = body.get("size", window), body.get("from", 0)
    for name, value in (("size", size), ("from", offset)):
        if not is_count(value):
            raise RequestError(name, value, "must be a whole number of at least 0")
    if isinstance(root, Compound) and size > window:
        raise RequestError(
            f"retriever.{tree.kind}.rank_window_size",
            window,
            f"must be at least size ({size}); raise rank_window_size or lower size",
        )
    return size, offset


def _min_score(value: Any) -> float | None:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)):
        return value
    raise RequestError("min_score", value, "must be a finite number")


def _post_filter(value: Any) -> dict[str, Any] | None:
    if value is None or isinstance(value, dict):
        return value
    raise RequestError("post_filter", value, "must be a query, as {'term': {'lang': 'en'}}")


def _collapse(value: Any) -> Collapse | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("field"), str):
        raise RequestError("collapse", value, "must name a field, as {'field': 'author'}")
    for name in value.keys() - _COLLAPSE_OPTIONS:
        raise RequestError(f"collapse.{name}", value[name], suggest_option(name, _COLLAPSE_OPTIONS))
    inner_hits = value.get("inner_hits", [])
    parts: dict[str, dict[str, Any]] = {}
    for part in inner_hits if isinstance(inner_hits, list) else [inner_hits]:
        if not isinstance(part, dict) or not isinstance(part.get("name"), str):
            raise RequestError("collapse.inner_hits", part, "must be named, as {'name': 'others', 'size': 3}")
        if "collapse" in part:
            raise RequestError("collapse.inner_hits.collapse", part["collapse"], "is not supported here; leave it out")
        if part["name"] in parts:
            raise RequestError("collapse.inner_hits.name", part["name"], "duplicate name; names must be unique")
        options = {name: option for name, option in part.items() if name != "name"}
        parts[part["name"]] = parse_inner_page(options, "collapse.inner_hits")
    return Collapse(value["field"], parts)


def _check_pit(pit: Any, header: Mapping[str, Any]) -> None:
    if pit is None:
        return
    if not isinstance(pit, dict) or not isinstance(pit.get("id"), str):
        raise RequestError("pit", pit, "must be {'id': ..., 'keep_alive': ...}, as open_point_in_time returns it")
    for name in sorted(REFUSED_WITH_PIT & header.keys()):
        raise RequestError(
            name, header[name], "can't be combined with a point in time, which already names its indices; leave it out"
        )
