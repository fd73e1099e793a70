"""The texts of a search become vectors before anything else is sent: those in `knn` queries and those of the legs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from connector.engines import Dialect
from connector.indexing.encoder_meta import check_dims, check_encoder
from connector.request.base_types import QueryVector
from connector.request.leaf_retrievers import Knn, Standard
from connector.request.query_texts import texts_in, with_vectors
from connector.request.search_request import SearchRequest
from connector.search.needs import Embed, Embedded, Flow, ReadMappings
from connector.search.plan import Plan, with_queries


def with_embedded_queries(plan: Plan, request: SearchRequest, dialect: Dialect) -> Flow[tuple[Plan, SearchRequest]]:
    """Embed the texts of the `knn` queries in legs, filters, rescorers and `post_filter`.

    Raises:
        RequestError: a text is malformed.
        EncoderMismatchError: another encoder wrote the field that a text is compared with.
    """
    texts = [text for path, query in _queries(plan, request) for text in texts_in(query, request.models, path)]
    if not texts:
        return plan, request
    mappings = yield ReadMappings(request.index)
    embedded: dict[tuple[str, str | None], Embedded] = {}
    for field, text in texts:
        key = text.model_text, text.model_id
        if key not in embedded:
            embedded[key] = yield Embed(*key)
        check_encoder(mappings, field, embedded[key].fingerprint, dialect)

    def change(query: Any) -> Any:
        return with_vectors(query, request.models, lambda text, model: embedded[text, model].vector)

    return with_queries(plan, change), replace(request, post_filter=change(request.post_filter))


def _queries(plan: Plan, request: SearchRequest) -> Iterator[tuple[str, Any]]:
    for leg in plan.legs:
        if isinstance(leg.retriever, Standard):
            yield "retriever...standard.query", leg.retriever.query
        yield "retriever...filter", list(leg.filters)
    for step in plan.steps:
        yield "retriever...rescorer.rescore.query.rescore_query", step.query.rescore_query
    yield "post_filter", request.post_filter


def embed_legs(
    plan: Plan, request: SearchRequest, dialect: Dialect
) -> Flow[tuple[dict[int, QueryVector], Mapping[str, Any]]]:
    """Embed the text of each vector leg that has one.

    Returns:
        The vectors by the leg's place, and the mappings that were read.

    Raises:
        RequestError: a given vector does not fit the field.
        EncoderMismatchError: another encoder wrote the field.
    """
    vectors: dict[int, QueryVector] = {}
    mappings: Mapping[str, Any] = {}
    for place, leg in enumerate(plan.legs):
        if not isinstance(leg.retriever, Knn):
            continue
        field, builder = leg.retriever.field, leg.retriever.query_vector_builder
        if dialect.needs_mappings:
            mappings = yield ReadMappings(request.index)
        if leg.retriever.query_vector is not None and request.index is not None:
            check_dims((yield ReadMappings(request.index)), field, leg.retriever.query_vector, dialect)
        elif builder and builder.text_embedding.model_id in (None, *request.models):
            mappings = yield ReadMappings(request.index)
            embedded: Embedded = yield Embed(builder.text_embedding.model_text, builder.text_embedding.model_id)
            check_encoder(mappings, field, embedded.fingerprint, dialect)
            vectors[place] = embedded.vector
    return vectors, mappings
