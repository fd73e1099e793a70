"""The search flow, written once, and its two drivers. No I/O here: the flow yields a need and is sent the answer.

Comes in from `client`, which performs the needs: sync with `run`, async with `arun`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from connector.dialects import Dialect
from connector.fusion import Key, Ranking, blend, linear, rank, rrf
from connector.models.encoder import Fingerprint
from connector.models.texts import checked_scores
from connector.passages import passage_of
from connector.plan import Fuse, Leaf, Merge, Plan, Rerank, leg_bodies, make_plan, page_body
from connector.request import SearchRequest
from connector.response import Provenance, make_response, partial_failure
from connector.retrievers import Knn, Linear
from connector.vectors import check_encoder


@dataclass(frozen=True)
class MultiSearch:
    """One `_msearch` round trip. The answer: a response for each search, in order, none of them an error."""

    headers: Sequence[Mapping[str, Any]]
    bodies: Sequence[Mapping[str, Any]]
    url_options: Mapping[str, Any]


@dataclass(frozen=True)
class ReadMappings:
    """The mappings of an index expression (None: all indices). The answer: by index; {} when they can't be read."""

    index: str | None


@dataclass(frozen=True)
class Embed:
    """The query vector of a text. The answer: `Embedded`.

    `model_id` None means the client's own encoder.
    """

    text: str
    model_id: str | None


@dataclass(frozen=True)
class Embedded:
    """What `Embed` is answered with: the query vector, and the encoder it comes from."""

    fingerprint: Fingerprint
    vector: Sequence[float]


@dataclass(frozen=True)
class Score:
    """The reranker's raw scores of (query, passage) pairs. The answer: the model's name, float32 (n,).

    `model_id` None means the client's own reranker.
    """

    query: str
    passages: Sequence[str]
    model_id: str | None


Need: TypeAlias = MultiSearch | ReadMappings | Embed | Score
Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
Flow: TypeAlias = Generator[Need, Any, Answer]


def run(flow: Generator[Asked, Any, Answer], perform: Callable[[Asked], Any]) -> Answer:
    """Drive a flow to its end; what fails is thrown into the flow, which decides what that means."""
    try:
        need = next(flow)
        while True:
            try:
                answer = perform(need)
            except Exception as error:
                need = flow.throw(error)
            else:
                need = flow.send(answer)
    except StopIteration as end:
        found: Answer = end.value
        return found


async def arun(flow: Generator[Asked, Any, Answer], perform: Callable[[Asked], Awaitable[Any]]) -> Answer:
    """Drive a flow to its end, awaiting each need: see `run`."""
    try:
        need = next(flow)
        while True:
            try:
                answer = await perform(need)
            except Exception as error:
                need = flow.throw(error)
            else:
                need = flow.send(answer)
    except StopIteration as end:
        found: Answer = end.value
        return found


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
    for leg, answer in zip(plan.legs, answers, strict=True):
        provenance.legs[leg.name] = _leg_ranking(answer["hits"]["hits"], hits, is_sorted=leg.is_sorted)
    ranking = yield from _merged(plan.merge, plan, hits, provenance)
    if not plan.carries_page:
        with _timed(provenance, "page"):
            yield from _fetch_page(ranking, request, hits, provenance)
    return make_response(request, plan, ranking, hits, answers, provenance, with_provenance=with_provenance)


@contextmanager
def _timed(provenance: Provenance, stage: str) -> Iterator[None]:
    start = perf_counter()
    yield
    provenance.took_ms[stage] = provenance.took_ms.get(stage, 0.0) + 1000 * (perf_counter() - start)


def _query_vectors(plan: Plan, request: SearchRequest, dialect: Dialect) -> Flow[dict[int, Sequence[float]]]:
    """Embed the text of each vector leg that has one; refuse an encoder that did not write the field's vectors."""
    vectors: dict[int, Sequence[float]] = {}
    for place, leg in enumerate(plan.legs):
        builder = leg.retriever.query_vector_builder if isinstance(leg.retriever, Knn) else None
        if isinstance(leg.retriever, Knn) and builder and builder.text_embedding.model_id in (None, *request.models):
            mappings = yield ReadMappings(",".join(request.header["index"]) if "index" in request.header else None)
            embedded: Embedded = yield Embed(builder.text_embedding.model_text, builder.text_embedding.model_id)
            check_encoder(mappings, leg.retriever.field, embedded.fingerprint, dialect)
            vectors[place] = embedded.vector
    return vectors


def _leg_ranking(found: Sequence[Mapping[str, Any]], hits: dict[Key, Mapping[str, Any]], *, is_sorted: bool) -> Ranking:
    """Rank a leg's hits, ties by (`_index`, `_id`), and collect what was said of each; the first leg's word stands."""
    keys = [(hit["_index"], hit["_id"]) for hit in found]
    deque(map(hits.setdefault, keys, found), maxlen=0)
    scores = np.array([hit["_score"] or 0.0 for hit in found], dtype=np.float32)
    return Ranking(keys, scores) if is_sorted else rank(keys, scores)


def _merged(merge: Merge, plan: Plan, hits: Mapping[Key, Mapping[str, Any]], provenance: Provenance) -> Flow[Ranking]:
    if isinstance(merge, Leaf):
        return provenance.legs[plan.legs[merge.leg].name]
    if isinstance(merge, Fuse):
        parts = []
        for leg in merge.parts:
            parts.append((yield from _merged(leg, plan, hits, provenance)))
        with _timed(provenance, "fuse"):
            provenance.fused = _above(merge.retriever.min_score, _fused(merge, parts))
        return provenance.fused
    part = yield from _merged(merge.part, plan, hits, provenance)
    with _timed(provenance, "rerank"):
        return (yield from _reranked(merge, part.head(merge.retriever.rank_window_size), hits, provenance))


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


def _fetch_page(
    ranking: Ranking, request: SearchRequest, hits: dict[Key, Mapping[str, Any]], provenance: Provenance
) -> Flow[None]:
    """Fetch what the page shows by ids, a search for each index; a hit deleted meanwhile keeps what its leg said."""
    page = ranking.keys[request.offset : request.offset + request.size]
    by_index: dict[str, list[str]] = {}
    for index, identifier in page:
        by_index.setdefault(index, []).append(identifier)
    if not by_index:
        return
    answers = yield MultiSearch(
        [{**request.header, "index": index} for index in by_index],
        [page_body(ids, request) for ids in by_index.values()],
        request.url_options,
    )
    fetched = {(hit["_index"], hit["_id"]): hit for answer in answers for hit in answer["hits"]["hits"]}
    hits.update(fetched)
    gone = sum(key not in fetched for key in page)
    if gone:
        provenance.degrade(f"{gone} hits were deleted between retrieval and page, and have no _source")
