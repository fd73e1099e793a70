"""Which passages of a hit a reranker reads: its nested ones, the best parts of a long text, or the text as it is.

No I/O here; comes in from `rerank` and `search`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.documents.passages import first_at, text_at
from connector.documents.stretches import PIECE, stretches
from connector.engines import Dialect
from connector.request.chunking import Chunk, ChunkingSettings, best_first, lexical_scores
from connector.request.leaf_retrievers import QueryVector
from connector.request.retrievers import ChunkRescorer, TextSimilarityReranker
from connector.request.search_request import SearchRequest
from connector.search.bodies import passages_body
from connector.search.by_id import fetch
from connector.search.fusion import Key
from connector.search.needs import Flow
from connector.search.plan import Leg

_MOST_CHARACTERS = 5 * PIECE
"""Of a text that is cut at search time: some 15,000 words of it, which take half a second."""
_NAMED_BY_PASSAGE = ("field", "start", "end")
_NONE: dict[str, Any] = {"hits": {"total": {"value": 0, "relation": "eq"}, "max_score": None, "hits": []}}


@dataclass(frozen=True)
class Candidate:
    """A text to read.

    Attributes:
        source: what the text is made from; {} for a part of one.
        text: what the reranker reads.
        said: what the provenance says of it when it is a part of the hit; {} for the whole.
    """

    source: Mapping[str, Any]
    text: str
    said: dict[str, Any]


def candidates(retriever: TextSimilarityReranker, hit: Mapping[str, Any], passages: Leg | None) -> list[Candidate]:
    """Return the texts of a hit that the reranker reads; [] when it has none.

    Args:
        retriever: names the fields, and how many parts are read.
        hit: with its `fields` and, where `passages` is given, `inner_hits`.
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
    asked = retriever.chunk_rescorer
    read = []
    for inner in found if asked is None else found[: asked.size]:
        fields = inner.get("fields", {})
        whole = {**outer, **fields}
        text = retriever.passage(whole)
        said = {name: first_at(fields, f"{path}.{name}") for name in _NAMED_BY_PASSAGE}
        known = {name: value for name, value in said.items() if value is not None}
        place = {"path": path, "offset": inner.get("_nested", {}).get("offset")}
        if text:
            read.append(Candidate(whole, text, {**place, **known, "score": inner.get("_score")}))
    return read


def _parts(retriever: TextSimilarityReranker, asked: ChunkRescorer, source: Mapping[str, Any]) -> list[Candidate]:
    """Cut the text and take what matches the query's words best; of one field, offsets are those in its text."""
    field = retriever.field[0] if retriever.field == retriever.fields and len(retriever.fields) == 1 else None
    text = text_at(source, field) if field is not None else retriever.passage(source)
    chunks = _chunks(retriever.inference_text, asked.chunking_settings, text)
    scores = lexical_scores(retriever.inference_text, [chunk.text for chunk in chunks])
    named = {} if field is None else {"field": field}
    return [
        Candidate(
            {},
            chunks[at].text,
            {**named, "start": chunks[at].start, "end": chunks[at].end, "score": scores[at], "text": chunks[at].text},
        )
        for at in best_first(scores, asked.size)
    ]


def _chunks(query: str, settings: ChunkingSettings, text: str) -> list[Chunk]:
    """Cut a text; of a very long one, the parts that match the query's words best."""
    size = _MOST_CHARACTERS if settings.strategy == "none" else PIECE
    return [
        Chunk(start + chunk.start, chunk.text)
        for start, part in stretches(query, text, _MOST_CHARACTERS, size)
        for chunk in settings.split(part)
    ]


def add_passages(
    leg: Leg,
    vector: QueryVector | None,
    keys: Sequence[Key],
    request: SearchRequest,
    dialect: Dialect,
    mappings: Mapping[str, Any],
    hits: dict[Key, Mapping[str, Any]],
) -> Flow[None]:
    """Return the hits that another leg found the `inner_hits` of this one, in one round trip; none where all have them.

    A hit without such objects has none of them from then on, as Elasticsearch draws it.

    Args:
        leg: a vector leg with inner hits.
        vector: its query vector; None leaves the embedding to the cluster.
        keys: the hits that need them.
        request: what every search has beside.
        dialect: the cluster's.
        mappings: what is known of the searched indices' mappings, by index.
        hits: what was said of each hit; changed here.
    """
    name = leg.inner_name
    lacking = [key for key in keys if name not in hits[key].get("inner_hits", {})]
    if not lacking:
        return
    found = yield from fetch(
        lacking, request, lambda which: passages_body(leg, vector, which, request, dialect, mappings)
    )
    for key in lacking:
        drawn = found.get(key, {}).get("inner_hits", {}).get(name, _NONE)
        hits[key] = {**hits[key], "inner_hits": {**hits[key].get("inner_hits", {}), name: drawn}}
