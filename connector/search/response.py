"""Merged hits become an Elastic-shaped response with provenance. Pure; comes in from `search`."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from time import perf_counter
from typing import Any

from connector.request.search_request import SearchRequest
from connector.search.explain import Explainer
from connector.search.filter_path import filtered
from connector.search.fusion import Key, Ranking
from connector.search.plan import Plan


@dataclass
class Provenance:
    """What each stage thought of each hit, filled while a search runs.

    Attributes:
        legs: each leg's ranking by its name.
        merged: what each node of the merge tree gave, by the node's `id()`.
        explanations: the cluster's explanation of each hit by the leg's name, where asked for.
        fused: the outermost fusion's ranking; None without one.
        reranked: the outermost reranker's raw scores; hits it did not read are not in it.
        passages: what is said of the passage that gave a hit its rerank score, where it is a part of the hit.
        depth: how many pairs the rerankers read.
        model: the outermost reranker's name; None when none was asked.
        degraded: why the response is less than was asked for; None when it is not.
        took_ms: milliseconds by stage.
    """

    legs: dict[str, Ranking] = field(default_factory=dict)
    merged: dict[int, Ranking] = field(default_factory=dict)
    explanations: dict[str, dict[Key, dict[str, Any]]] = field(default_factory=dict)
    fused: Ranking | None = None
    reranked: dict[Key, float] = field(default_factory=dict)
    passages: dict[Key, dict[str, Any]] = field(default_factory=dict)
    depth: int = 0
    model: str | None = None
    degraded: str | None = None
    took_ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time that the block takes to a stage's."""
        start = perf_counter()
        yield
        self.took_ms[stage] = self.took_ms.get(stage, 0.0) + 1000 * (perf_counter() - start)

    def degrade(self, reason: str) -> None:
        """Note a reason why the response is less than was asked for."""
        self.degraded = reason if self.degraded is None else f"{self.degraded}; {reason}"


def make_response(
    request: SearchRequest,
    plan: Plan,
    ranking: Ranking,
    hits: Mapping[Key, Mapping[str, Any]],
    answers: Sequence[Mapping[str, Any]],
    provenance: Provenance,
    *,
    with_provenance: bool,
) -> dict[str, Any]:
    """Draw the response as Elasticsearch would.

    Args:
        request: what was asked.
        plan: how it was asked.
        ranking: all hits in their final order, with their final scores.
        hits: what the cluster said of each hit on the page.
        answers: the legs' responses, then that of their union where it was asked for.
        provenance: what each stage thought.
        with_provenance: add `_hybrid` to the response and to each hit.
    """
    page = slice(request.offset, request.offset + request.size)
    keep = _asked_fields(request, plan)
    shown = []
    ranks = _ranks(provenance, ranking.keys[page]) if with_provenance else {}
    explainer = Explainer(plan, provenance.merged, provenance.explanations) if request.explain else None
    for key, score in zip(ranking.keys[page], ranking.scores[page].tolist(), strict=True):
        hit = {name: value for name, value in hits[key].items() if name not in ("fields", "sort", "_explanation")}
        hit["_score"] = score
        fields = {name: value for name, value in hits[key].get("fields", {}).items() if keep(name)}
        if fields:
            hit["fields"] = fields
        if "inner_hits" in hit:
            hit["inner_hits"] = _asked_inner_hits(hit["inner_hits"], plan)
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
            "degraded": provenance.degraded,
        }
    if request.response_options.get("rest_total_hits_as_int") in (True, "true", "") and "total" in response["hits"]:
        response["hits"]["total"] = response["hits"]["total"]["value"]
    return filtered(response, request.response_options.get("filter_path") or "")


def partial_failure(answers: Sequence[Mapping[str, Any]]) -> str | None:
    """Say why the legs' answers are only a part of the truth; None when they are whole."""
    failed = max((answer["_shards"]["failed"] for answer in answers), default=0)
    reasons = [f"{failed} shards failed"] if failed else []
    if any(answer["timed_out"] for answer in answers):
        reasons.append("a leg timed out")
    return ", ".join(reasons) or None


def _ranks(provenance: Provenance, page: Sequence[Key]) -> dict[Key, dict[str, Any]]:
    """Return each hit of the page its place in every stage."""
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
    return [(key, at + 1, ranking.scores.item(at)) for at, key in enumerate(ranking.keys) if key in page]


def _asked_fields(request: SearchRequest, plan: Plan) -> Any:
    """Return the test whether a field of a hit was asked for by the user, not only by the reranker."""
    patterns = [
        item["field"] if isinstance(item, Mapping) else str(item)
        for option in ("fields", "docvalue_fields")
        for item in request.hit_options.get(option, ())
    ]
    own = set(plan.rerank_fields) - {"" if request.collapse is None else request.collapse.field}

    def is_asked(name: str) -> bool:
        ours = any(name == field or field.startswith(f"{name}.") for field in own)
        return not ours or any(fnmatchcase(name, pattern) or pattern.startswith(f"{name}.") for pattern in patterns)

    return is_asked


def _asked_inner_hits(inner_hits: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """Leave out of the inner hits the fields that only the reranker asked for."""
    shown = dict(inner_hits)
    for leg in plan.legs:
        if leg.passage_fields and leg.inner_name in shown and not leg.asks_for_inner_fields:
            found = shown[leg.inner_name]["hits"]
            bare = [{name: value for name, value in hit.items() if name != "fields"} for hit in found["hits"]]
            shown[leg.inner_name] = {"hits": {**found, "hits": bare}}
    return shown


def _shards(answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Merge the legs' shards: the same shards answered each leg, so the worst leg counts."""
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
    """Count the hits: exact for one leg or where it was asked for, else a lower bound; never less than are known.

    How many hits two legs share is unknown without one more search over their union; how many score enough in the end
    is known of those in the window only. What failed or timed out may have had more.
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
