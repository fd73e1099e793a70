"""The search flow, written once. No I/O here: it yields a need and is sent the answer (see `needs`).

Comes in from `client`, which performs the needs: sync with `run`, async with `arun`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from connector.best_passages import add_passages
from connector.collapse import collapsed, inner_hits, inner_searches
from connector.dialects import Dialect
from connector.fetch import fetch
from connector.fusion import Key, Ranking, rank
from connector.leaf_retrievers import Knn
from connector.merge import merged
from connector.needs import Embed, Embedded, Flow, MultiSearch, ReadMappings
from connector.plan import (
    Plan,
    filter_body,
    leg_bodies,
    make_plan,
    page_body,
    union_body,
)
from connector.request import SearchRequest
from connector.response import Provenance, make_response, partial_failure
from connector.vectors import check_dims, check_encoder

_OF_LEGS = ("matched_queries", "_shard", "_node")
"""What a hit's legs say of it, also where the page is fetched by ids."""


def search_flow(request: SearchRequest, dialect: Dialect, *, with_provenance: bool = True) -> Flow[dict[str, Any]]:
    """Run a search: embed, retrieve in one round trip, fuse, rerank, fetch the page where the legs don't hold it.

    Returns:
        The Elastic-shaped response.

    Raises:
        Whatever retrieving raises; a reranker's failure costs nothing unless `allow_rerank_failures` is false.
    """
    plan = make_plan(request)
    provenance = Provenance()
    with provenance.timed("embed"):
        vectors = yield from _query_vectors(plan, request, dialect)
    bodies = leg_bodies(plan, request, dialect, vectors)
    with provenance.timed("retrieve"):
        answers = yield MultiSearch([request.header] * len(bodies), bodies, request.url_options)
    if (reason := partial_failure(answers)) is not None:
        provenance.degrade(reason)
    hits: dict[Key, Mapping[str, Any]] = {}
    for leg, answer in zip(plan.legs, answers[: len(plan.legs)], strict=True):
        found = answer["hits"]["hits"]
        provenance.legs[leg.name] = _leg_ranking(found, hits, is_sorted=leg.is_sorted)
        if request.explain:
            said = {(hit["_index"], hit["_id"]): hit.get("_explanation", {}) for hit in found}
            provenance.explanations[leg.name] = said

    def passages_of(place: int, keys: Sequence[Key]) -> Flow[None]:
        leg = plan.legs[place]
        vector = vectors.get(place, leg.retriever.query_vector if isinstance(leg.retriever, Knn) else None)
        return add_passages(leg, vector, keys, request, dialect, hits)

    ranking = yield from merged(plan.merge, plan, request, hits, provenance, passages_of)
    ranking = ranking.above(request.min_score)
    if request.post_filter is not None:
        with provenance.timed("post_filter"):
            ranking = yield from _post_filtered(ranking, request)
    whole = ranking
    if request.collapse is not None:
        ranking = collapsed(whole, request.collapse.field, hits)
        if request.collapse.inner_hits:
            with provenance.timed("inner_hits"):
                union = union_body(plan, dialect, vectors)
                yield from _search_within(_page(ranking, request), whole, request, union, hits)
    for place, leg in enumerate(plan.legs):
        if leg.inner_name:
            with provenance.timed("inner_hits"):
                yield from passages_of(place, _page(ranking, request))
    if not plan.carries_page:
        with provenance.timed("page"):
            yield from _fetch_page(ranking, plan, request, hits, provenance)
    return make_response(request, plan, ranking, hits, answers, provenance, with_provenance=with_provenance)


def _query_vectors(plan: Plan, request: SearchRequest, dialect: Dialect) -> Flow[dict[int, Sequence[float]]]:
    """Embed the text of each vector leg that has one; refuse what does not fit the field's vectors."""
    vectors: dict[int, Sequence[float]] = {}
    index = ",".join(request.header["index"]) if "index" in request.header else None
    for place, leg in enumerate(plan.legs):
        if not isinstance(leg.retriever, Knn):
            continue
        field, builder = leg.retriever.field, leg.retriever.query_vector_builder
        if leg.retriever.query_vector is not None and index is not None:
            check_dims((yield ReadMappings(index)), field, leg.retriever.query_vector, dialect)
        elif builder and builder.text_embedding.model_id in (None, *request.models):
            mappings = yield ReadMappings(index)
            embedded: Embedded = yield Embed(builder.text_embedding.model_text, builder.text_embedding.model_id)
            check_encoder(mappings, field, embedded.fingerprint, dialect)
            vectors[place] = embedded.vector
    return vectors


def _leg_ranking(found: Sequence[Mapping[str, Any]], hits: dict[Key, Mapping[str, Any]], *, is_sorted: bool) -> Ranking:
    """Rank a leg's hits, ties by (`_index`, `_id`), and collect what was said of each.

    The first leg's word stands, but for `matched_queries` and `inner_hits`, which are those of all legs.
    """
    keys = [(hit["_index"], hit["_id"]) for hit in found]
    for key, hit in zip(keys, found, strict=True):
        known = hits.setdefault(key, hit)
        if known is not hit and "matched_queries" in hit:
            names = dict.fromkeys([*known.get("matched_queries", ()), *hit["matched_queries"]])
            hits[key] = {**known, "matched_queries": list(names)}
        if known is not hit and "inner_hits" in hit:
            hits[key] = {**hits[key], "inner_hits": {**hit["inner_hits"], **known.get("inner_hits", {})}}
    scores = np.array([hit["_score"] or 0.0 for hit in found], dtype=np.float32)
    return Ranking(keys, scores) if is_sorted else rank(keys, scores)


def _post_filtered(ranking: Ranking, request: SearchRequest) -> Flow[Ranking]:
    """Keep the hits that pass the `post_filter`; the cluster says which."""
    passed = yield from fetch(ranking.keys, request, lambda ids: filter_body(ids, request))
    return ranking.where([key in passed for key in ranking.keys])


def _search_within(
    page: Sequence[Key],
    ranking: Ranking,
    request: SearchRequest,
    union: Mapping[str, Any],
    hits: dict[Key, Mapping[str, Any]],
) -> Flow[None]:
    """Give each hit of the page the `inner_hits` of its value, all in one round trip."""
    searches = list(inner_searches(page, ranking, request, union, hits))
    bodies = [body for search in searches for body in search.bodies]
    if not bodies:
        return
    answers = iter((yield MultiSearch([request.header] * len(bodies), bodies, request.url_options)))
    for search in searches:
        drawn = inner_hits(search, [next(answers) for _ in search.bodies], ranking)
        known = hits[search.owner]
        hits[search.owner] = {**known, "inner_hits": {**known.get("inner_hits", {}), search.name: drawn}}


def _page(ranking: Ranking, request: SearchRequest) -> list[Key]:
    return ranking.keys[request.offset : request.offset + request.size]


def _fetch_page(
    ranking: Ranking,
    plan: Plan,
    request: SearchRequest,
    hits: dict[Key, Mapping[str, Any]],
    provenance: Provenance,
) -> Flow[None]:
    """Fetch what the page shows by ids; a hit deleted meanwhile keeps what its leg said."""
    page = _page(ranking, request)
    fetched = yield from fetch(page, request, lambda ids: page_body(ids, plan, request))
    for key, hit in fetched.items():
        of_legs = {name: hits[key][name] for name in _OF_LEGS if name in hits[key]}
        for name in ("fields", "inner_hits"):
            if said := {**hits[key].get(name, {}), **hit.get(name, {})}:
                of_legs[name] = said
        hits[key] = {**hit, **of_legs}
    gone = sum(key not in fetched for key in page)
    if gone:
        provenance.degrade(f"{gone} hits were deleted between retrieval and page, and have no _source")
