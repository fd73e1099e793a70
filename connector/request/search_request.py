"""A `_search` call around a retriever tree: what stands beside the tree, validated. Pure; comes in from `search`."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.documents.nearest import suggestion
from connector.errors import RequestError
from connector.request.hit_options import check_hit_options, check_total, checked_page
from connector.request.parsing import parse_retriever
from connector.request.query_texts import embeds_text, text_to_embed
from connector.request.rank_bodies import is_ranked, with_retriever
from connector.request.readings import flag, number, whole
from connector.request.retrievers import LICENSED, Compound, Diversify, Node, TextSimilarityReranker

_REFUSED_BY_ELASTICSEARCH = frozenset(
    {"query", "knn", "sort", "search_after", "terminate_after", "rescore", "scroll", "rank"}
)
_HIT_OPTIONS = frozenset(
    {
        "_source",
        "fields",
        "docvalue_fields",
        "stored_fields",
        "script_fields",
        "version",
        "seq_no_primary_term",
        "highlight",
    }
)
_LEG_OPTIONS = frozenset({"timeout", "runtime_mappings", "indices_boost", "pit"})
_FLAGS = frozenset({"explain", "profile"})
_REFUSED_BESIDE_PIT = frozenset(
    {"index", "preference", "routing", "ignore_unavailable", "allow_no_indices", "expand_wildcards"}
)
_UNION_OPTIONS = frozenset({"aggs", "aggregations", "suggest", "track_total_hits"})
_PAGE_OPTIONS = frozenset({"post_filter", "collapse", "min_score", "size", "from"})
_BODY_OPTIONS = _HIT_OPTIONS | _LEG_OPTIONS | _FLAGS | _UNION_OPTIONS | _PAGE_OPTIONS
_HEADER_OPTIONS = frozenset(
    {
        "preference",
        "routing",
        "ignore_unavailable",
        "allow_no_indices",
        "expand_wildcards",
        "request_cache",
        "search_type",
        "allow_partial_search_results",
        "ccs_minimize_roundtrips",
    }
)
_OURS_ALONE = frozenset({"blend", "field_shares"})
"""What only our `text_similarity_reranker` knows."""
_COLLAPSE_OPTIONS = frozenset({"field", "inner_hits", "max_concurrent_group_searches"})
_URL_OPTIONS = frozenset(
    {
        "error_trace",
        "human",
        "include_named_queries_score",
        "max_concurrent_shard_requests",
        "pretty",
        "typed_keys",
    }
)
_RESPONSE_OPTIONS = frozenset({"filter_path", "rest_total_hits_as_int"})
_URL_PARAMETERS = _HEADER_OPTIONS | _URL_OPTIONS | _RESPONSE_OPTIONS
_BODY_OPTIONS_IN_URL = frozenset(
    {
        "_source",
        "docvalue_fields",
        "explain",
        "from",
        "seq_no_primary_term",
        "size",
        "stored_fields",
        "timeout",
        "track_total_hits",
        "version",
    }
)


@dataclass(frozen=True)
class Collapse:
    """The field of which each value is shown once, by its best hit; hits without it count as one value.

    `inner_hits` are searches within a value, by name.
    """

    field: str
    inner_hits: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class SearchRequest:
    """A search that this package runs.

    Attributes:
        tree: the retrievers.
        size: hits on the page.
        offset: Elastic's `from`.
        header: what goes into the header of each `_msearch` line: index, preference, routing, ...
        leg_options: body options of every leg, as timeout.
        hit_options: body options that say what a returned hit holds, as `_source`.
        union_options: body options about all that any leg matches: aggregations, suggest, track_total_hits.
        url_options: parameters of the `_msearch` URL.
        response_options: parameters that change how the response is shown: filter_path, rest_total_hits_as_int.
        models: the names of the models registered with the client.
        min_score: the least final score of a hit.
        post_filter: a query that every hit must match, asked after fusion; aggregations don't see it.
        collapse: by what each value is shown once.
        explain: say of each hit how its score came about.
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
    def has_pit(self) -> bool:
        """True if the search is over a point in time, which says by itself what is searched."""
        return "pit" in self.leg_options

    @property
    def asks_for_union(self) -> bool:
        """True if something is asked that one more search over the union of the legs has to answer."""
        options = {name for name, value in self.union_options.items() if name != "track_total_hits" or value}
        return bool(options) or (self.post_filter is not None and self.counts_hits)

    @property
    def needs_union(self) -> bool:
        """True if anything has to be searched for among all that any leg matches."""
        return self.asks_for_union or (self.collapse is not None and bool(self.collapse.inner_hits))

    @property
    def counts_hits(self) -> bool:
        """True if the response says how many hits there are."""
        return self.union_options.get("track_total_hits") is not False


def is_ours(body: object, models: Collection[str]) -> bool:
    """True if a search body holds a tree that the cluster can't run on the free licence.

    That is a licensed retriever, or a `knn` retriever with `inner_hits` or whose text is to be embedded by a model of
    ours, at the root or under a `rescorer`, or a `knn` query of such a text in a `standard` retriever; and the older
    `rank: {rrf}`.

    Args:
        body: a search body.
        models: the names of the models registered with the client.
    """
    tree = body.get("retriever") if isinstance(body, Mapping) else None
    if not isinstance(tree, Mapping) or len(tree) != 1:
        return is_ranked(body)
    ((kind, retriever),) = tree.items()
    if kind == "rescorer":
        return is_ours(retriever, models)
    if kind == "standard":
        return embeds_text(retriever, models)
    if kind != "knn" or not isinstance(retriever, Mapping):
        return kind in LICENSED
    return "inner_hits" in retriever or text_to_embed(retriever, models) is not None


def is_elastics(tree: object, models: Collection[str]) -> bool:
    """True if a tree holds nothing that only this package knows, so that a licensed cluster may run it.

    Args:
        tree: a request's `retriever`, as it came.
        models: the names of the models registered with the client.
    """
    if isinstance(tree, list | tuple):
        return all(is_elastics(part, models) for part in tree)
    if not isinstance(tree, Mapping):
        return True
    for name, value in tree.items():
        if name == "text_similarity_reranker" and isinstance(value, Mapping):
            own_model = value.get("inference_id") in (None, *models)
            if (
                own_model
                or _OURS_ALONE & value.keys()
                or isinstance(value.get("field"), list)
                or "{" in str(value.get("field"))
            ):
                return False
            if "score_mode" in (value.get("chunk_rescorer") or {}):
                return False
        if name == "knn" and isinstance(value, Mapping) and "inner_hits" in value:
            return False
        if name == "text_embedding" and isinstance(value, Mapping) and value.get("model_id") in (None, *models):
            return False
        if name == "normalizer" and str(value).lower() in ("zscore", "dbsf"):
            return False
    return all(is_elastics(part, models) for part in tree.values())


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
    body = _with_url_options(with_retriever(body) if is_ranked(body) else body, params)
    for name in body:
        if name in _REFUSED_BY_ELASTICSEARCH:
            raise RequestError(name, body[name], "can't stand beside a compound retriever; put it into a leg")
        if name not in _BODY_OPTIONS | {"retriever"}:
            says = "is not supported alongside a compound retriever"
            raise RequestError(name, body[name], suggestion(name, _BODY_OPTIONS | {"retriever"}, says=says))
        if name in _FLAGS and not isinstance(body[name], bool):
            raise RequestError(name, body[name], "must be true or false")
    check_hit_options(body)
    check_total(body.get("track_total_hits", True))
    tree = parse_retriever(body["retriever"])
    _check_models(tree, models)
    size, offset = _page(body, tree)
    header = {name: value for name, value in params.items() if name in _HEADER_OPTIONS}
    if index is not None:
        header = {"index": index.split(","), **header}
    _check_pit(body.get("pit"), header)
    return SearchRequest(
        tree=tree,
        size=size,
        offset=offset,
        header=header,
        leg_options={name: value for name, value in body.items() if name in _LEG_OPTIONS or (name in _FLAGS and value)},
        hit_options={name: value for name, value in body.items() if name in _HIT_OPTIONS},
        union_options={name: value for name, value in body.items() if name in _UNION_OPTIONS},
        url_options={name: value for name, value in params.items() if name in _URL_OPTIONS},
        response_options={name: value for name, value in params.items() if name in _RESPONSE_OPTIONS},
        models=frozenset(models),
        min_score=_min_score(body.get("min_score")),
        post_filter=_post_filter(body.get("post_filter")),
        collapse=_collapse(body.get("collapse")),
        explain=body.get("explain", False),
    )


def _check_models(tree: Node, models: Collection[str]) -> None:
    """Refuse a model that only the cluster could have where the work is done here."""
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


def _with_url_options(body: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
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
            says = "is not supported alongside a compound retriever"
            raise RequestError(name, value, suggestion(name, _URL_PARAMETERS | _BODY_OPTIONS_IN_URL, says=says))
    merged |= {"_source": source} if source else {}
    return {name: _READ[name](value) if name in _READ else value for name, value in merged.items()}


def _counted(value: object) -> object:
    """Read `track_total_hits`: a bool or a number, of which -1 means all."""
    read = whole(flag(value))
    return True if read == -1 else read


_READ: Mapping[str, Callable[[object], object]] = {
    **dict.fromkeys(("size", "from"), whole),
    **dict.fromkeys((*_FLAGS, "version", "seq_no_primary_term"), flag),
    "min_score": number,
    "track_total_hits": _counted,
}
"""How Elasticsearch reads what may be a text."""


def _page(body: Mapping[str, Any], tree: Node) -> tuple[int, int]:
    root = tree.retriever
    compound = isinstance(root, Compound)
    window = root.rank_window_size if isinstance(root, Compound) else 10
    values = {"size": body.get("size", window), "from": body.get("from", 0)}
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise RequestError(name, value, "must be a whole number of at least 0")
    if compound and values["size"] > window:
        raise RequestError(
            f"retriever.{tree.kind}.rank_window_size",
            window,
            f"must be at least size ({values['size']}); raise rank_window_size or lower size",
        )
    return values["size"], values["from"]


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
        raise RequestError(f"collapse.{name}", value[name], suggestion(name, _COLLAPSE_OPTIONS))
    asked = value.get("inner_hits", [])
    parts: dict[str, dict[str, Any]] = {}
    for part in asked if isinstance(asked, list) else [asked]:
        if not isinstance(part, dict) or not isinstance(part.get("name"), str):
            raise RequestError("collapse.inner_hits", part, "must be named, as {'name': 'others', 'size': 3}")
        if "collapse" in part:
            raise RequestError("collapse.inner_hits.collapse", part["collapse"], "is not supported here; leave it out")
        if part["name"] in parts:
            raise RequestError("collapse.inner_hits.name", part["name"], "stands twice; give each a name of its own")
        options = {name: option for name, option in part.items() if name != "name"}
        parts[part["name"]] = checked_page(options, "collapse.inner_hits")
    return Collapse(value["field"], parts)


def _check_pit(pit: Any, header: Mapping[str, Any]) -> None:
    if pit is None:
        return
    if not isinstance(pit, dict) or not isinstance(pit.get("id"), str):
        raise RequestError("pit", pit, "must be {'id': ..., 'keep_alive': ...}, as open_point_in_time gave it")
    for name in sorted(_REFUSED_BESIDE_PIT & header.keys()):
        raise RequestError(
            name, header[name], "can't stand beside a point in time, which knows its indices; leave it out"
        )
