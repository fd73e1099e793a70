"""Which passages of a hit a reranker reads: its nested ones, the best parts of a long text, or the text as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.documents.chunking import Chunk
from connector.documents.lexical_scores import best_first, lexical_scores
from connector.documents.passages import text_at
from connector.documents.paths import first_at
from connector.documents.stretches import PIECE, stretches
from connector.request.chunking_settings import ChunkingSettings, ChunkRescorer
from connector.request.retrievers import TextSimilarityReranker
from connector.search.bodies import passages_body
from connector.search.by_id import fetch
from connector.search.context import SearchContext
from connector.search.needs import Flow
from connector.search.plan import Leg
from connector.search.ranking import Key

_MAX_CHARACTERS = 5 * PIECE
"""How much of a text is cut at search time: some 15,000 words, which take half a second."""
_PASSAGE_FIELDS = ("field", "start", "end")
_NO_HITS: dict[str, Any] = {"hits": {"total": {"value": 0, "relation": "eq"}, "max_score": None, "hits": []}}


@dataclass(frozen=True)
class Candidate:
    """A text for the reranker.

    Attributes:
        source: what the text is made from; {} for a part of a text.
        text: what the reranker reads.
        provenance: where the text is in the hit if it is a part of it; {} for the whole.
    """

    source: Mapping[str, Any]
    text: str
    provenance: dict[str, Any]


def candidates(retriever: TextSimilarityReranker, hit: Mapping[str, Any], passages: Leg | None) -> list[Candidate]:
    """Return the texts of a hit that the reranker reads; [] if it has none.

    Args:
        retriever: names the fields and the number of parts.
        hit: with its `fields` and, if `passages` is given, its `inner_hits`.
        passages: the leg whose inner hits are the passages; a hit without any is read by its other fields.
    """
    source = hit.get("fields", {})
    if passages is not None and (nested := _nested(retriever, hit, passages)):
        return nested
    if retriever.chunk_rescorer is not None and passages is None:
        return _parts(retriever, retriever.chunk_rescorer, source)
    text = retriever.passage(source)
    return [Candidate(source, text, {})] if text else []


def _nested(retriever: TextSimilarityReranker, hit: Mapping[str, Any], leg: Leg) -> list[Candidate]:
    source, path = hit.get("fields", {}), leg.inner_path
    outer = {name: value for name, value in source.items() if name != path and not name.startswith(f"{path}.")}
    found = hit.get("inner_hits", {}).get(leg.inner_name, {}).get("hits", {}).get("hits", [])
    rescorer = retriever.chunk_rescorer
    nested = []
    for inner in found if rescorer is None else found[: rescorer.size]:
        fields = inner.get("fields", {})
        whole = {**outer, **fields}
        text = retriever.passage(whole)
        values = {name: first_at(fields, f"{path}.{name}") for name in _PASSAGE_FIELDS}
        known = {name: value for name, value in values.items() if value is not None}
        place = {"path": path, "offset": inner.get("_nested", {}).get("offset")}
        if text:
            nested.append(Candidate(whole, text, {**place, **known, "score": inner.get("_score")}))
    return nested


def _parts(retriever: TextSimilarityReranker, rescorer: ChunkRescorer, source: Mapping[str, Any]) -> list[Candidate]:
    """Cut the text and take the chunks that match the query's words best; offsets into a single field are its own."""
    field = retriever.field[0] if retriever.field == retriever.fields and len(retriever.fields) == 1 else None
    text = text_at(source, field) if field is not None else retriever.passage(source)
    chunks = _chunks(retriever.inference_text, rescorer.chunking_settings, text)
    scores = lexical_scores(retriever.inference_text, [chunk.text for chunk in chunks])
    named = {} if field is None else {"field": field}
    return [
        Candidate(
            {},
            chunks[at].text,
            {**named, "start": chunks[at].start, "end": chunks[at].end, "score": scores[at], "text": chunks[at].text},
        )
        for at in best_first(scores, rescorer.size)
    ]


def _chunks(query: str, settings: ChunkingSettings, text: str) -> list[Chunk]:
    """Cut a text; of a very long one, only the parts that match the query's words best."""
    size = _MAX_CHARACTERS if settings.strategy == "none" else PIECE
    return [
        Chunk(start + chunk.start, chunk.text)
        for start, part in stretches(query, text, _MAX_CHARACTERS, size)
        for chunk in settings.split(part)
    ]


def add_passages(context: SearchContext, place: int, keys: Sequence[Key]) -> Flow[None]:
    """Give hits that other legs found the `inner_hits` of a vector leg, in one round trip; none if all have them.

    A hit without nested objects gets empty inner hits, as from Elasticsearch.

    Args:
        context: the search; its hits are changed.
        place: the leg's.
        keys: the hits that need the inner hits.
    """
    name = context.plan.legs[place].inner_name
    lacking = [key for key in keys if name not in context.hits[key].get("inner_hits", {})]
    if not lacking:
        return
    found = yield from fetch(lacking, context.request, lambda selection: passages_body(context, place, selection))
    for key in lacking:
        context.add_inner_hits(key, name, found.get(key, {}).get("inner_hits", {}).get(name, _NO_HITS))
