"""`diversify`: fetches the vectors of hits and keeps the hits that are unlike one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connector.documents.mapped_fields import mapped_fields
from connector.documents.paths import outermost_nested, values_at
from connector.engines import Dialect
from connector.errors import RequestError
from connector.request.base_types import QueryVector
from connector.request.encoded_vectors import decode_vector
from connector.request.retrievers import Diversify
from connector.request.search_request import SearchRequest
from connector.search.by_id import Selection, fetch
from connector.search.context import SearchContext
from connector.search.diversity import mmr
from connector.search.fusion import normalized
from connector.search.needs import Embed, Embedded, Flow, ReadMappings
from connector.search.ranking import Ranking

_PATH = "retriever...diversify"
_FIELD = f"{_PATH}.field"


def diversified(retriever: Diversify, ranking: Ranking, context: SearchContext) -> Flow[Ranking]:
    """Keep hits that are relevant and unlike the others kept, in their order.

    Hits without a vector can't be compared: they are kept only if there are too few others.

    Raises:
        RequestError: the field holds no vectors, or vectors that can't be compared with one another or the query's.
    """
    request = context.request
    if not ranking.keys:
        return ranking
    searched = request.header.get("index") or sorted({index for index, _ in ranking.keys})
    mappings = yield ReadMappings(",".join(searched))
    vectors_of = _vector_field(mappings, retriever.field, context.dialect)
    fetched = yield from fetch(ranking.keys, request, lambda selection: _vectors_body(selection, vectors_of, request))
    found = [_vector(fetched.get(key, {}), vectors_of) for key in ranking.keys]
    places = [place for place, vector in enumerate(found) if vector is not None]
    if not places and mappings and not vectors_of.is_known:
        remedy = "gives no hit a vector and is not a vector field of the searched indices; name one that is"
        raise RequestError(_FIELD, retriever.field, remedy)
    vectors = _matrix([vector for vector in found if vector is not None], retriever.field)
    query: QueryVector | None = retriever.query_vector
    if (builder := retriever.query_vector_builder) is not None:
        embedded: Embedded = yield Embed(builder.text_embedding.model_text, builder.text_embedding.model_id)
        query = embedded.vector
    relevance = normalized(ranking.scores, "minmax")[places] if query is None else _cosines(vectors, query)
    chosen = [places[row] for row in mmr(relevance, vectors, retriever.lambda_, retriever.size)]
    others = [place for place, vector in enumerate(found) if vector is None]
    kept = sorted([*chosen, *others[: retriever.size - len(chosen)]])
    return Ranking([ranking.keys[place] for place in kept], ranking.scores[kept]).above(retriever.min_score)


def _vectors_body(selection: Selection, vectors: _Vectors, request: SearchRequest) -> dict[str, Any]:
    """Write the search that fetches the vectors of these documents, and for bytes also their `_source`."""
    source = {"_source": [vectors.path]} if vectors.holds_bytes else {}
    return selection.body(request, fields=[vectors.path], **source)


@dataclass(frozen=True)
class _Vectors:
    """Where the vectors are.

    Attributes:
        path: the field's.
        lengths: how many numbers each has, by the indices' mappings.
        holds_bytes: the numbers are bytes.
        is_known: a mapping has the field.
    """

    path: str
    lengths: tuple[int, ...] = ()
    holds_bytes: bool = False
    is_known: bool = False


def _vector_field(mappings: Mapping[str, Any], name: str, dialect: Dialect) -> _Vectors:
    """Find the field in the mappings, as far as they are known.

    Raises:
        RequestError: it is in nested objects.
    """
    named = ((body["mappings"], mapped_fields(body["mappings"]).get(name)) for body in mappings.values())
    found = [
        (mapping, field)
        for mapping, field in named
        if field is not None and dialect.vector_dims(dict(field.definition)) is not None
    ]
    for mapping, field in found:
        if (path := outermost_nested(mapping, field.path)) is not None:
            raise RequestError(_FIELD, name, f"is in nested objects {path!r}, of which a hit has several; name another")
    if not found:
        return _Vectors(name)
    lengths = (dialect.vector_length(field.definition) for _, field in found)
    types = {str(field.definition.get("element_type")) for _, field in found}
    return _Vectors(found[0][1].path, tuple(each for each in lengths if each), bool(types & {"byte", "bit"}), True)


def _vector(hit: Mapping[str, Any], field: _Vectors) -> list[float] | None:
    """Return a hit's vector; None if it has none.

    Raises:
        RequestError: the field holds something else.
    """
    value = hit.get("fields", {}).get(field.path) or next(values_at(hit.get("_source", {}), field.path), None)
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        value = value[0]
    if value is None or value == []:
        return None
    if isinstance(value, str):  # encoded bytes, which 8.x does not decode in `fields`
        read = (decode_vector(value, length) for length in field.lengths)
        value = next((numbers for numbers in read if numbers is not None), value)
    if not isinstance(value, list) or not all(isinstance(each, int | float) for each in value):
        raise RequestError(_FIELD, field.path, f"holds {value!r:.60}, which is not a vector; name a vector field")
    return value


def _matrix(rows: Sequence[Sequence[float]], field: str) -> NDArray[np.float64]:
    """Return the vectors, (n, dims).

    Raises:
        RequestError: their lengths differ.
    """
    if len({len(row) for row in rows}) > 1:
        raise RequestError(
            _FIELD,
            field,
            "has vectors of different lengths in the searched indices, which can't be compared; search the indices "
            "separately",
        )
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(rows[0]) if rows else 0)


def _cosines(vectors: NDArray[np.float64], query: QueryVector) -> NDArray[np.float64]:
    """Return the cosine of each vector with the query, (n,).

    Raises:
        RequestError: the query has another length.
    """
    count, dims = vectors.shape
    if not count:
        return np.zeros(0)
    numbers = decode_vector(query, dims) if isinstance(query, str) else query
    if numbers is None or len(numbers) != dims:
        given = query if isinstance(query, str) else f"{len(query)} numbers"
        raise RequestError(
            "retriever...diversify.query_vector", given, f"must have {dims}, like the vectors of the hits"
        )
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(numbers)
    cosines: NDArray[np.float64] = np.divide(
        vectors @ np.array(numbers), lengths, out=np.zeros(count), where=lengths > 0
    )
    return cosines
