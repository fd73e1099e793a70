"""The response of a search in Elasticsearch's form, with provenance. Pure."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import compress, count
from typing import Any

from connector.request.search_request import SearchRequest
from connector.search.context import SearchContext
from connector.search.degradations import degraded_section
from connector.search.explain import Explainer
from connector.search.filter_path import filtered
from connector.search.plan import Plan
from connector.search.provenance import Provenance
from connector.search.ranking import Key, Ranking


def make_response(
    context: SearchContext, ranking: Ranking, answers: Sequence[Mapping[str, Any]], *, with_provenance: bool
) -> dict[str, Any]:
    """Make the response that Elasticsearch would give.

    Args:
        context: the search, with the hits of the page complete.
        ranking: all hits in their final order, with their final scores.
        answers: the legs' responses, then that of their union if there was one.
        with_provenance: add `_hybrid` to the response and to each hit.
    """
    request, plan, hits, provenance = context.request, context.plan, context.hits, context.provenance
    page = slice(request.offset, request.offset + request.size)
    is_requested = _field_filter(request, plan)
    shown = []
    ranks = _ranks(provenance, ranking.keys[page]) if with_provenance else {}
    explainer = Explainer(plan, provenance.merged, provenance.explanations) if request.explain else None
    for key, score in zip(ranking.keys[page], ranking.scores[page].tolist(), strict=True):
        hit = {name: value for name, value in hits[key].items() if name not in ("fields", "sort", "_explanation")}
        hit["_score"] = score
        fields = {name: value for name, value in hits[key].get("fields", {}).items() if is_requested(name)}
        if fields:
            hit["fields"] = fields
        if "inner_hits" in hit:
            hit["inner_hits"] = _requested_inner_hits(hit["inner_hits"], plan)
        if explainer is not None:
            hit["_explanation"] = explainer.explain(key)
        if with_provenance:
            hit["_hybrid"] = ranks[key]
        shown.append(hit)
    response: dict[str, Any] = {
        "took": round(sum(provenance.took_ms.values())),
        "timed_out": any(answer["timed_out"] for answer in answers),
        "_shards": _shards(answers),
        "hits": {
            **_total(request, plan, ranking, answers),
            "max_score": float(ranking.scores[0]) if len(ranking) else None,
            "hits": shown,
        },
    }
    shards = [shard for answer in answers for shard in answer.get("profile", {}).get("shards", ())]
    if shards:
        response["profile"] = {"shards": shards}
    if "pit_id" in answers[-1]:
        response["pit_id"] = answers[-1]["pit_id"]
    if request.asks_for_union:
        response |= {name: answers[-1][name] for name in ("aggregations", "suggest") if name in answers[-1]}
    if with_provenance:
        response["_hybrid"] = {
            "took_ms": {stage: round(took, 3) for stage, took in provenance.took_ms.items()},
            "legs": {name: len(leg) for name, leg in provenance.legs.items()},
            "depth": provenance.depth,
            "model": provenance.model,
            **({"rerank": provenance.rerank.to_json()} if provenance.rerank else {}),
            **degraded_section(provenance.degradations),
        }
    if request.response_options.get("rest_total_hits_as_int") in (True, "true", "") and "total" in response["hits"]:
        response["hits"]["total"] = response["hits"]["total"]["value"]
    return filtered(response, request.response_options.get("filter_path") or "")


def partial_failure(answers: Sequence[Mapping[str, Any]]) -> str | None:
    """Return why the legs' answers are incomplete; None if they are complete."""
    failed = max((answer["_shards"]["failed"] for answer in answers), default=0)
    reasons = [f"{failed} shards failed"] if failed else []
    if any(answer["timed_out"] for answer in answers):
        reasons.append("a leg timed out")
    return ", ".join(reasons) or None


def _ranks(provenance: Provenance, page: Sequence[Key]) -> dict[Key, dict[str, Any]]:
    """Return the rank and score of each hit of the page in every stage."""
    shown: dict[Key, dict[str, Any]] = {key: {"legs": {}} for key in page}
    for name, leg in provenance.legs.items():
        for key, rank, score in _places(leg, shown):
            shown[key]["legs"][name] = {"rank": rank, "score": score}
    if provenance.fused is not None:
        for key, rank, score in _places(provenance.fused, shown):
            shown[key] |= {"fused_rank": rank, "fused_score": score}
    if provenance.model is not None:
        for key, hit in shown.items():
            hit["rerank_score"] = provenance.reranked.get(key)
            if key in provenance.passages:
                hit["passage"] = provenance.passages[key]
    return shown


def _places(ranking: Ranking, page: Container[Key]) -> list[tuple[Key, int, float]]:
    """Return key, rank and score of each hit of the ranking that is on the page."""
    places = compress(count(), map(page.__contains__, ranking.keys))
    return [(ranking.keys[at], at + 1, ranking.scores.item(at)) for at in places]


def _field_filter(request: SearchRequest, plan: Plan) -> Callable[[str], bool]:
    """Return a function that is true for the fields of a hit that the user requested, not only the reranker."""
    patterns = [
        item["field"] if isinstance(item, Mapping) else str(item)
        for option in ("fields", "docvalue_fields")
        for item in request.hit_options.get(option, ())
    ]
    own = set(plan.rerank_fields) - {"" if request.collapse is None else request.collapse.field}

    def is_requested(name: str) -> bool:
        is_own = any(name == field or field.startswith(f"{name}.") for field in own)
        return not is_own or any(fnmatchcase(name, pattern) or pattern.startswith(f"{name}.") for pattern in patterns)

    return is_requested


def _requested_inner_hits(inner_hits: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """Remove from the inner hits the fields that only the reranker requested."""
    shown = dict(inner_hits)
    for leg in plan.legs:
        if leg.passage_fields and leg.inner_name in shown and not leg.asks_for_inner_fields:
            found = shown[leg.inner_name]["hits"]
            bare = [{name: value for name, value in hit.items() if name != "fields"} for hit in found["hits"]]
            shown[leg.inner_name] = {"hits": {**found, "hits": bare}}
    return shown


def _shards(answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Merge the legs' `_shards`: the same shards answered every leg, so the worst leg counts."""
    legs = [answer["_shards"] for answer in answers]
    failures: list[Any] = []
    for leg in legs:
        failures.extend(failure for failure in leg.get("failures", ()) if failure not in failures)
    merged = {
        "total": max(leg["total"] for leg in legs),
        "successful": min(leg["successful"] for leg in legs),
        "skipped": min(leg.get("skipped", 0) for leg in legs),
        "failed": max(leg["failed"] for leg in legs),
    }
    return merged | {"failures": failures} if failures else merged


def _total(
    request: SearchRequest, plan: Plan, ranking: Ranking, answers: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Count the hits: exactly for one leg or if the request needs the union, otherwise as a lower bound.

    How many hits two legs share is unknown without a search over their union, and how many reach `min_score` is known
    only within the window. Shards that failed or timed out may have had more.
    """
    if not request.counts_hits:
        return {}
    totals = [answer["hits"]["total"] for answer in answers if "total" in answer["hits"]]
    if request.min_score is not None:
        counted, is_exact = 0, False
    elif len(plan.legs) == 1 or request.asks_for_union:
        counted, is_exact = totals[-1]["value"], totals[-1]["relation"] == "eq" and partial_failure(answers) is None
    else:
        counted, is_exact = max(total["value"] for total in totals), False
    known = len(ranking)
    return {"total": {"value": max(counted, known), "relation": "eq" if is_exact and counted >= known else "gte"}}
