"""The whole search, written once for sync and async: a generator that yields needs and is sent the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any

from connector.engines import Dialect
from connector.request.search_request import SearchRequest
from connector.search.best_passages import add_passages
from connector.search.bodies import leg_bodies, leg_searches, page_body, union_body, union_search
from connector.search.by_id import fetch
from connector.search.context import SearchContext, Started
from connector.search.degradations import Degradation, DegradationCode
from connector.search.embedding import embed_legs, with_embedded_queries
from connector.search.groups import collapse_check, collapse_ranking
from connector.search.leg_answers import collect_hits, cut_at_k, searches_for_found
from connector.search.margin import MARGIN
from connector.search.merge import merged
from connector.search.native import Native, natively_fused
from connector.search.needs import Flow, MultiSearch
from connector.search.observers import OBSERVERS, SEARCH, observed_stage
from connector.search.plan import make_plan
from connector.search.provenance import Provenance
from connector.search.ranking import Ranking
from connector.search.response import make_response, partial_failure

_TOLERANCE = 1.1
_LEG_FIELDS = ("matched_queries", "_shard", "_node")
"""What only the legs' answers hold of a hit, also if the page is fetched by ids."""


def search_flow(
    request: SearchRequest,
    dialect: Dialect,
    *,
    with_provenance: bool = True,
    native: Native | None = None,
    started: Started | None = None,
) -> Flow[dict[str, Any]]:
    """Run a search: embed, retrieve in one round trip, fuse, rerank, and fetch the page if the legs don't hold it.

    Args:
        request: the search.
        dialect: the cluster's.
        with_provenance: add `_hybrid` to the response and to each hit.
        native: with it, the cluster fuses the legs where it can, and its answer is the response.
        started: when the search began, and its budget; None: now, and it has none.

    Returns:
        The response in Elasticsearch's form.

    Raises:
        Exception: whatever retrieval raises; a reranker's failure only if `allow_rerank_failures` is false.
    """
    with observed_stage(SEARCH):
        try:
            return (yield from _search(request, dialect, with_provenance, native, started or Started()))
        except Exception as error:
            for observer in OBSERVERS:
                observer.failed(error)
            raise


def _search(
    request: SearchRequest, dialect: Dialect, with_provenance: bool, native: Native | None, started: Started
) -> Flow[dict[str, Any]]:
    request = replace(request, leg_options={**request.leg_options, **dialect.search_options})
    plan = make_plan(request, dialect)
    provenance = Provenance()
    with provenance.timed("embed"):
        plan, request = yield from with_embedded_queries(plan, request, dialect)
        vectors, mappings = yield from embed_legs(plan, request, dialect)
    context = SearchContext(request, plan, dialect, vectors, mappings, provenance, started)
    refused = None
    if native is not None:
        answer, refused = yield from natively_fused(request, plan, leg_searches(context), dialect, native)
        if answer is not None:
            return answer
    with provenance.timed("retrieve"):
        checked, answers = yield from _retrieve(context)
        if native is not None and refused is not None:
            native.refused.add(refused)
        found = {} if dialect.counts_k_globally else searches_for_found(plan, answers)
        if request.asks_for_union and not dialect.counts_k_globally:
            body = union_body(union_search(context, found), request)
            answers += yield MultiSearch([request.header], [body], request.url_options)
    if (reason := partial_failure([*checked, *answers])) is not None:
        provenance.degrade(Degradation(DegradationCode.PARTIAL_RESULTS, reason))
    for leg, answer in zip(plan.legs, answers[: len(plan.legs)], strict=True):
        collect_hits(context, leg, answer)
    ranking = yield from merged(plan.merge, context)
    ranking = ranking.above(request.min_score)
    if request.post_filter is not None:
        with provenance.timed("post_filter"):
            ranking = yield from _post_filtered(ranking, request)
    if request.collapse is not None:
        ranking = yield from collapse_ranking(ranking, checked, context, found)
    for place, leg in enumerate(plan.legs):
        if leg.inner_name:
            with provenance.timed("inner_hits"):
                yield from add_passages(context, place, context.page(ranking))
    if not plan.carries_page:
        with provenance.timed("page"):
            yield from _fetch_page(ranking, context)
    _check_budget(context)
    if OBSERVERS:
        searched = provenance.searched(monotonic() - started.at_s)
        for observer in OBSERVERS:
            observer.done(searched)
    return make_response(context, ranking, [*checked, *answers], with_provenance=with_provenance)


def _check_budget(context: SearchContext) -> None:
    """Say so if the search has taken longer than its budget, and what took the time."""
    provenance = context.provenance
    budget_ms = context.started.budget_ms if provenance.rerank is None else provenance.rerank.budget_ms
    took_ms = 1000 * (monotonic() - context.started.at_s)
    if provenance.stopped is not None:
        MARGIN.learn(-1000 * provenance.stopped.left_s - context.round_trips_ms)
    if budget_ms is None or took_ms <= _TOLERANCE * budget_ms:
        return
    stage, longest_ms = max(provenance.took_ms.items(), key=lambda each: each[1])
    what = f"the search took {took_ms:.0f} ms of {budget_ms:g}, {longest_ms:.0f} of them in the stage {stage}"
    provenance.degrade(Degradation(DegradationCode.DEADLINE, what))


def _retrieve(context: SearchContext) -> Flow[tuple[Sequence[Mapping[str, Any]], list[dict[str, Any]]]]:
    """Search the legs in one round trip, and the union if the cluster can find it in the same.

    Returns:
        The answer to a check of the field to collapse by, if there is one, and the legs' and the union's answers.
    """
    request, legs = context.request, context.plan.legs
    checks = [] if request.collapse is None else [collapse_check(request)]
    bodies = leg_bodies(context)
    if request.asks_for_union and context.dialect.counts_k_globally:
        bodies.append(union_body(union_search(context, {}), request))
    searches = [*checks, *bodies]
    answers = yield MultiSearch([request.header] * len(searches), searches, request.url_options)
    checked, answers = answers[: len(checks)], answers[len(checks) :]
    return checked, [*map(cut_at_k, legs, answers), *answers[len(legs) :]]


def _post_filtered(ranking: Ranking, request: SearchRequest) -> Flow[Ranking]:
    """Keep the hits that pass the `post_filter`, as the cluster decides."""
    passed = yield from fetch(
        ranking.keys,
        request,
        lambda selection: selection.body(request, query={"bool": {"filter": [selection.query, request.post_filter]}}),
    )
    return ranking.where([key in passed for key in ranking.keys])


def _fetch_page(ranking: Ranking, context: SearchContext) -> Flow[None]:
    """Fetch what the page shows by ids; a hit deleted in the meantime keeps what its leg returned."""
    page, hits = context.page(ranking), context.hits
    fetched = yield from fetch(page, context.request, lambda selection: page_body(context, selection))
    for key, hit in fetched.items():
        of_legs = {name: hits[key][name] for name in _LEG_FIELDS if name in hits[key]}
        for name in ("fields", "inner_hits"):
            if merged_parts := {**hits[key].get(name, {}), **hit.get(name, {})}:
                of_legs[name] = merged_parts
        hits[key] = {**hit, **of_legs}
    gone = sum(key not in fetched for key in page)
    if gone:
        what = f"{gone} hits were deleted between retrieval and page, and have no _source"
        context.provenance.degrade(Degradation(DegradationCode.HITS_MISSING, what))
