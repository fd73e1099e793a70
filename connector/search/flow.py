"""The search flow, written once. No I/O here: it yields a need and is sent the answer (see `needs`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from connector.engines import Dialect
from connector.indexing.encoder_meta import check_dims, check_encoder, fingerprint_in
from connector.request.leaf_retrievers import Knn, QueryVector
from connector.request.search_request import SearchRequest
from connector.search.best_passages import add_passages
from connector.search.bodies import (
    collapse_check,
    filter_body,
    leg_bodies,
    page_body,
    searches,
    union_body,
    union_query,
)
from connector.search.by_id import fetch
from connector.search.collapse import Groups, collapsed, inner_hits, inner_searches, these
from connector.search.embedding import with_embedded_queries
from connector.search.fusion import Key, Ranking, leveled, rank
from connector.search.groups import groupable, grouped
from connector.search.merge import merged
from connector.search.native import Native, natively_fused
from connector.search.needs import Embed, Embedded, Flow, MultiSearch, ReadMappings
from connector.search.plan import Leg, Plan, make_plan
from connector.search.response import Provenance, make_response, partial_failure

_OF_LEGS = ("matched_queries", "_shard", "_node")
"""What a hit's legs say of it, also where the page is fetched by ids."""

_NOISE_ULPS = 2
"""How far apart float32 cosines of one direction were seen to be, and one more."""


def search_flow(
    request: SearchRequest, dialect: Dialect, *, with_provenance: bool = True, native: Native | None = None
) -> Flow[dict[str, Any]]:
    """Run a search: embed, retrieve in one round trip, fuse, rerank, fetch the page where the legs don't hold it.

    With `native` the cluster fuses what it can, and its answer is the response.

    Returns:
        The Elastic-shaped response.

    Raises:
        Whatever retrieving raises; a reranker's failure costs nothing unless `allow_rerank_failures` is false.
    """
    request = replace(request, leg_options={**request.leg_options, **dialect.search_options})
    plan = make_plan(request, dialect)
    provenance = Provenance()
    with provenance.timed("embed"):
        plan, request = yield from with_embedded_queries(plan, request, dialect)
        vectors, mappings = yield from _query_vectors(plan, request, dialect)
    refused = None
    if native is not None:
        own = searches(plan, dialect, vectors, mappings)
        answer, refused = yield from natively_fused(request, plan, own, dialect, native)
        if answer is not None:
            return answer
    bodies = leg_bodies(plan, request, dialect, vectors, mappings)
    union = partial(union_query, plan, dialect, vectors, mappings)
    asks_along = request.asks_for_union and dialect.counts_k_globally
    if asks_along:
        bodies.append(union_body(union({}), request))
    checks = [] if request.collapse is None else [collapse_check(request)]
    with provenance.timed("retrieve"):
        answers = yield MultiSearch(
            [request.header] * (len(checks) + len(bodies)), [*checks, *bodies], request.url_options
        )
        checked, answers = answers[: len(checks)], answers[len(checks) :]
        if native is not None and refused is not None:
            native.refused.add(refused)
        answers = [*map(_cut, plan.legs, answers), *answers[len(plan.legs) :]]
        neighbours = {} if dialect.counts_k_globally else _neighbours(plan, answers)
        if request.asks_for_union and not asks_along:
            body = union_body(union(neighbours), request)
            answers += yield MultiSearch([request.header], [body], request.url_options)
    if (reason := partial_failure([*checked, *answers])) is not None:
        provenance.degrade(reason)
    hits: dict[Key, Mapping[str, Any]] = {}
    for leg, answer in zip(plan.legs, answers[: len(plan.legs)], strict=True):
        found = answer["hits"]["hits"][: leg.window]
        noise = _noise_ulps(leg, mappings, dialect)
        provenance.legs[leg.name] = _leg_ranking(found, hits, is_sorted=leg.is_sorted, noise_ulps=noise)
        if request.explain:
            said = {(hit["_index"], hit["_id"]): hit.get("_explanation", {}) for hit in found}
            provenance.explanations[leg.name] = said

    def passages_of(place: int, keys: Sequence[Key]) -> Flow[None]:
        leg = plan.legs[place]
        vector = vectors.get(place, leg.retriever.query_vector if isinstance(leg.retriever, Knn) else None)
        return add_passages(leg, vector, keys, request, dialect, mappings, hits)

    ranking = yield from merged(plan.merge, plan, request, hits, provenance, passages_of, dialect)
    ranking = ranking.above(request.min_score)
    if request.post_filter is not None:
        with provenance.timed("post_filter"):
            ranking = yield from _post_filtered(ranking, request)
    if request.collapse is not None:
        with provenance.timed("collapse"):
            whole = groupable(ranking, checked)
            groups = yield from grouped(whole, plan, request, hits)
            ranking = collapsed(whole, groups)
        if request.collapse.inner_hits:
            with provenance.timed("inner_hits"):
                yield from _search_within(_page(ranking, request), whole, request, union(neighbours), groups, hits)
    for place, leg in enumerate(plan.legs):
        if leg.inner_name:
            with provenance.timed("inner_hits"):
                yield from passages_of(place, _page(ranking, request))
    if not plan.carries_page:
        with provenance.timed("page"):
            yield from _fetch_page(ranking, plan, request, hits, provenance)
    return make_response(
        request, plan, ranking, hits, [*checked, *answers], provenance, with_provenance=with_provenance
    )


def _query_vectors(
    plan: Plan, request: SearchRequest, dialect: Dialect
) -> Flow[tuple[dict[int, QueryVector], Mapping[str, Any]]]:
    """Embed the text of each vector leg that has one; refuse what does not fit the field's vectors.

    Returns:
        the vectors by the leg's place, and the mappings that were read.
    """
    vectors: dict[int, QueryVector] = {}
    mappings: Mapping[str, Any] = {}
    index = ",".join(request.header["index"]) if "index" in request.header else None
    for place, leg in enumerate(plan.legs):
        if not isinstance(leg.retriever, Knn):
            continue
        field, builder = leg.retriever.field, leg.retriever.query_vector_builder
        if dialect.needs_mappings:
            mappings = yield ReadMappings(index)
        if leg.retriever.query_vector is not None and index is not None:
            check_dims((yield ReadMappings(index)), field, leg.retriever.query_vector, dialect)
        elif builder and builder.text_embedding.model_id in (None, *request.models):
            mappings = yield ReadMappings(index)
            embedded: Embedded = yield Embed(builder.text_embedding.model_text, builder.text_embedding.model_id)
            check_encoder(mappings, field, embedded.fingerprint, dialect)
            vectors[place] = embedded.vector
    return vectors, mappings


def _cut(leg: Leg, answer: dict[str, Any]) -> dict[str, Any]:
    """Cut a vector leg's answer at its `k`, which some engines count on each shard."""
    hits = answer["hits"]
    if leg.neighbours is None:
        return answer
    cut = {**hits, "hits": hits["hits"][: leg.neighbours]}
    if "total" in hits:
        cut["total"] = {**hits["total"], "value": min(hits["total"]["value"], leg.neighbours)}
    return {**answer, "hits": cut}


def _neighbours(plan: Plan, answers: Sequence[Mapping[str, Any]]) -> dict[int, dict[str, Any]]:
    """Write searches by ids for what each vector leg has found, by the leg's place."""
    by_ids: dict[int, dict[str, Any]] = {}
    for place, (leg, answer) in enumerate(zip(plan.legs, answers, strict=False)):
        if leg.neighbours is not None:
            found = these([(hit["_index"], hit["_id"]) for hit in answer["hits"]["hits"]])
            by_ids[place] = {"query": {"bool": {"should": found}} if found else {"match_none": {}}}
    return by_ids


def _noise_ulps(leg: Leg, mappings: Mapping[str, Any], dialect: Dialect) -> int:
    """Say by how many units in the last place a leg's scores may differ where they should be equal."""
    if not dialect.keeps_lengths or not isinstance(leg.retriever, Knn):
        return 0
    written_by = [fingerprint_in(body["mappings"], leg.retriever.field) for body in mappings.values()]
    return 0 if written_by and all(each is not None and each.normalized for each in written_by) else _NOISE_ULPS


def _leg_ranking(
    found: Sequence[Mapping[str, Any]], hits: dict[Key, Mapping[str, Any]], *, is_sorted: bool, noise_ulps: int
) -> Ranking:
    """Rank a leg's hits, ties by (`_index`, `_id`), and collect what was said of each.

    The first leg's word stands, but for `matched_queries` and `inner_hits`, which are those of all legs.
    """
    keys = [(hit["_index"], hit["_id"]) for hit in found]
    for key, hit in zip(keys, found, strict=True):
        known = hits.setdefault(key, hit)
        if known is not hit and "matched_queries" in hit:
            hits[key] = {**known, "matched_queries": _of_both(known.get("matched_queries"), hit["matched_queries"])}
        if known is not hit and "inner_hits" in hit:
            hits[key] = {**hits[key], "inner_hits": {**hit["inner_hits"], **known.get("inner_hits", {})}}
    scores = np.array([hit["_score"] or 0.0 for hit in found], dtype=np.float32)
    return Ranking(keys, scores) if is_sorted else rank(keys, leveled(scores, noise_ulps))


def _of_both(first: Any, other: Any) -> Any:
    """Put a hit's matched queries of two legs together: names, or with `include_named_queries_score` scores by name."""
    if isinstance(other, Mapping):
        return {**other, **(first or {})}
    return list(dict.fromkeys([*(first or ()), *other]))


def _post_filtered(ranking: Ranking, request: SearchRequest) -> Flow[Ranking]:
    """Keep the hits that pass the `post_filter`; the cluster says which."""
    passed = yield from fetch(ranking.keys, request, lambda which: filter_body(which, request))
    return ranking.where([key in passed for key in ranking.keys])


def _search_within(
    page: Sequence[Key],
    ranking: Ranking,
    request: SearchRequest,
    union: Mapping[str, Any],
    groups: Groups,
    hits: dict[Key, Mapping[str, Any]],
) -> Flow[None]:
    """Return each hit of the page the `inner_hits` of its value, all in one round trip."""
    searches = list(inner_searches(page, ranking, request, union, groups))
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
    fetched = yield from fetch(page, request, lambda which: page_body(which, plan, request))
    for key, hit in fetched.items():
        of_legs = {name: hits[key][name] for name in _OF_LEGS if name in hits[key]}
        for name in ("fields", "inner_hits"):
            if said := {**hits[key].get(name, {}), **hit.get(name, {})}:
                of_legs[name] = said
        hits[key] = {**hit, **of_legs}
    gone = sum(key not in fetched for key in page)
    if gone:
        provenance.degrade(f"{gone} hits were deleted between retrieval and page, and have no _source")
