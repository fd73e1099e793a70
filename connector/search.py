"""The search flow, written once. No I/O here: it yields a need and is sent the answer (see `needs`).

Comes in from `client`, which performs the needs: sync with `run`, async with `arun`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import compress
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connector.collapse import collapsed, inner_hits, inner_searches
from connector.dialects import Dialect
from connector.fusion import Key, Ranking, blend, linear, rank, rescored, rrf
from connector.models.texts import checked_scores
from connector.needs import Embed, Embedded, Flow, MultiSearch, ReadMappings, Score
from connector.passages import passage_of
from connector.plan import (
    Fuse,
    Leaf,
    Merge,
    Plan,
    Rerank,
    RescoreBy,
    filter_body,
    leg_bodies,
    make_plan,
    page_body,
    scores_body,
    union_body,
)
from connector.request import SearchRequest
from connector.response import Provenance, make_response, partial_failure
from connector.retrievers import Knn, Linear
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
    with _timed(provenance, "embed"):
        vectors = yield from _query_vectors(plan, request, dialect)
    bodies = leg_bodies(plan, request, dialect, vectors)
    with _timed(provenance, "retrieve"):
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
    ranking = yield from _merged(plan.merge, plan, request, hits, provenance)
    ranking = _above(request.min_score, ranking)
    if request.post_filter is not None:
        with _timed(provenance, "post_filter"):
            ranking = yield from _post_filtered(ranking, request)
    whole = ranking
    if request.collapse is not None:
        ranking = collapsed(whole, request.collapse.field, hits)
        if request.collapse.inner_hits:
            with _timed(provenance, "inner_hits"):
                union = union_body(plan, dialect, vectors)
                yield from _search_within(_page(ranking, request), whole, request, union, hits)
    if not plan.carries_page:
        with _timed(provenance, "page"):
            yield from _fetch_page(ranking, plan, request, hits, provenance)
    return make_response(request, plan, ranking, hits, answers, provenance, with_provenance=with_provenance)


@contextmanager
def _timed(provenance: Provenance, stage: str) -> Iterator[None]:
    start = perf_counter()
    yield
    provenance.took_ms[stage] = provenance.took_ms.get(stage, 0.0) + 1000 * (perf_counter() - start)


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

    The first leg's word stands, but for `matched_queries`, which are those of all legs.
    """
    keys = [(hit["_index"], hit["_id"]) for hit in found]
    for key, hit in zip(keys, found, strict=True):
        known = hits.setdefault(key, hit)
        if known is not hit and "matched_queries" in hit:
            names = dict.fromkeys([*known.get("matched_queries", ()), *hit["matched_queries"]])
            hits[key] = {**known, "matched_queries": list(names)}
    scores = np.array([hit["_score"] or 0.0 for hit in found], dtype=np.float32)
    return Ranking(keys, scores) if is_sorted else rank(keys, scores)


def _merged(
    merge: Merge, plan: Plan, request: SearchRequest, hits: Mapping[Key, Mapping[str, Any]], provenance: Provenance
) -> Flow[Ranking]:
    """Make a node's ranking of its children's, and note it."""
    if isinstance(merge, Leaf):
        ranking = provenance.legs[plan.legs[merge.leg].name]
    elif isinstance(merge, Fuse):
        parts = []
        for leg in merge.parts:
            parts.append((yield from _merged(leg, plan, request, hits, provenance)))
        with _timed(provenance, "fuse"):
            ranking = provenance.fused = _above(merge.retriever.min_score, _fused(merge, parts))
    else:
        part = yield from _merged(merge.part, plan, request, hits, provenance)
        part = part.head(merge.retriever.rank_window_size)
        if isinstance(merge, Rerank):
            with _timed(provenance, "rerank"):
                ranking = yield from _reranked(merge, part, hits, provenance)
        else:
            with _timed(provenance, "rescore"):
                ranking = yield from _rescored(merge, part, request)
    provenance.merged[id(merge)] = ranking
    return ranking


def _rescored(merge: RescoreBy, ranking: Ranking, request: SearchRequest) -> Flow[Ranking]:
    """Ask for the other queries' scores, one after the other, since each orders what the next one sees."""
    for step in merge.retriever.rescore:
        body_of = partial(scores_body, query=step.query.rescore_query, request=request)
        found = yield from _fetch(ranking.keys, request, body_of)
        ranking = rescored(ranking, {key: hit["_score"] or 0.0 for key, hit in found.items()}, step.query)
    return _above(merge.retriever.min_score, ranking)


def _fused(merge: Fuse, parts: Sequence[Ranking]) -> Ranking:
    retriever = merge.retriever
    window = retriever.rank_window_size
    parts = [part.head(window) for part in parts]
    weights = [leg.weight for leg in retriever.legs]
    if isinstance(retriever, Linear):
        normalizers = [leg.normalizer or "none" for leg in retriever.legs]
        return linear(parts, weights=weights, normalizers=normalizers).head(window)
    return rrf(parts, rank_constant=retriever.rank_constant, weights=weights).head(window)


def _above(min_score: float | None, ranking: Ranking) -> Ranking:
    return ranking if min_score is None else ranking.head(int((ranking.scores >= np.float32(min_score)).sum()))


def _reranked(
    merge: Rerank, ranking: Ranking, hits: Mapping[Key, Mapping[str, Any]], provenance: Provenance
) -> Flow[Ranking]:
    """Put the hits into the reranker's order; those without text follow, in the order they came, with score 0.

    With `blend`, a hit without text has its fused rank's share alone. The one place where any failure is caught: a
    search never fails because of the reranker.
    """
    retriever = merge.retriever
    passages = [passage_of(hits[key].get("fields", {}), retriever.field) for key in ranking.keys]
    read = [place for place, passage in enumerate(passages) if passage]
    if not read:
        if len(ranking):
            provenance.degrade(f"not reranked: no hit has text in {', '.join(retriever.field)}")
        return ranking
    try:
        model, raw = yield Score(retriever.inference_text, [passages[place] for place in read], retriever.inference_id)
        raw = checked_scores(raw, len(read), model)
    except Exception as error:
        if not retriever.allow_rerank_failures:
            raise
        provenance.degrade(f"not reranked: {type(error).__name__}: {error}")
        return ranking
    provenance.model = model
    provenance.depth += len(read)
    keys = [ranking.keys[place] for place in read]
    provenance.reranked = dict(zip(keys, raw.tolist(), strict=True))
    if retriever.blend is not None:
        scores = np.full(len(ranking), -np.inf, dtype=np.float32)
        scores[read] = raw
        return _above(retriever.min_score, blend(ranking, scores, retriever.blend))
    scored = rank(keys, raw)  # by the raw scores: normalised ones run out of digits below -100
    unread = [key for key, passage in zip(ranking.keys, passages, strict=True) if not passage]
    return _above(
        retriever.min_score,
        Ranking(
            scored.keys + unread,
            np.concatenate([normalized_rerank_scores(scored.scores), np.zeros(len(unread), np.float32)]),
        ),
    )


def normalized_rerank_scores(raw: NDArray[np.float32]) -> NDArray[np.float32]:
    """Map raw scores to positive ones in the same order: max(s, 0) + min(e^s, 1).

    Source: Elasticsearch's text_similarity_reranker.
    """
    positive: NDArray[np.float32] = np.maximum(raw, 0) + np.minimum(np.exp(np.minimum(raw, 0)), 1)
    return positive.astype(np.float32)


def _post_filtered(ranking: Ranking, request: SearchRequest) -> Flow[Ranking]:
    """Keep the hits that pass the `post_filter`; the cluster says which."""
    passed = yield from _fetch(ranking.keys, request, lambda ids: filter_body(ids, request))
    return _kept(ranking, [key in passed for key in ranking.keys])


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


def _kept(ranking: Ranking, is_kept: Sequence[bool]) -> Ranking:
    return Ranking(list(compress(ranking.keys, is_kept)), ranking.scores[np.array(is_kept, dtype=bool)])


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
    fetched = yield from _fetch(page, request, lambda ids: page_body(ids, plan, request))
    for key, hit in fetched.items():
        of_legs = {name: hits[key][name] for name in _OF_LEGS if name in hits[key]}
        for name in ("fields", "inner_hits"):
            if said := {**hits[key].get(name, {}), **hit.get(name, {})}:
                of_legs[name] = said
        hits[key] = {**hit, **of_legs}
    gone = sum(key not in fetched for key in page)
    if gone:
        provenance.degrade(f"{gone} hits were deleted between retrieval and page, and have no _source")


def _fetch(
    keys: Sequence[Key], request: SearchRequest, body_of: Callable[[Sequence[str]], dict[str, Any]]
) -> Flow[dict[Key, Mapping[str, Any]]]:
    """Search for hits by their ids, a search for each index, all in one round trip; give those that were found."""
    by_index: dict[str, list[str]] = {}
    for index, identifier in keys:
        by_index.setdefault(index, []).append(identifier)
    if not by_index:
        return {}
    if request.has_pit:  # it names its indices itself, so that all are searched at once
        ids = list(dict.fromkeys(identifier for _, identifier in keys))
        headers, bodies = [request.header], [{**body_of(ids), "size": len(ids) * len(by_index)}]
    else:
        headers = [{**request.header, "index": index} for index in by_index]
        bodies = [body_of(ids) for ids in by_index.values()]
    answers = yield MultiSearch(headers, bodies, request.url_options)
    wanted = set(keys)
    hits = (hit for answer in answers for hit in answer["hits"]["hits"])
    return {key: hit for hit in hits if (key := (hit["_index"], hit["_id"])) in wanted}
