"""Texts inside a search's `knn` queries become vectors before anything is sent. No I/O here: it is part of the flow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from connector.engines import Dialect
from connector.indexing.encoder_meta import check_encoder
from connector.request.leaf_retrievers import Standard
from connector.request.query_texts import texts_in, with_vectors
from connector.request.search_request import SearchRequest
from connector.search.needs import Embed, Embedded, Flow, ReadMappings
from connector.search.plan import Plan, with_queries


def with_embedded_queries(plan: Plan, request: SearchRequest, dialect: Dialect) -> Flow[tuple[Plan, SearchRequest]]:
    """Embed the texts of the `knn` queries in legs, filters, rescorers and `post_filter`.

    Raises:
        RequestError, EncoderMismatchError: a text, or the field that it is compared with, does not fit.
    """
    asked = [text for path, query in _queries(plan, request) for text in texts_in(query, request.models, path)]
    if not asked:
        return plan, request
    mappings = yield ReadMappings(",".join(request.header["index"]) if "index" in request.header else None)
    embedded: dict[tuple[str, str | None], Embedded] = {}
    for field, text in asked:
        key = text.model_text, text.model_id
        if key not in embedded:
            embedded[key] = yield Embed(*key)
        check_encoder(mappings, field, embedded[key].fingerprint, dialect)

    def change(query: Any) -> Any:
        return with_vectors(query, request.models, lambda text, model: _vector(embedded[text, model]))

    return with_queries(plan, change), replace(request, post_filter=change(request.post_filter))


def _vector(embedded: Embedded) -> Sequence[float]:
    return embedded.vector


def _queries(plan: Plan, request: SearchRequest) -> Iterator[tuple[str, Any]]:
    for leg in plan.legs:
        if isinstance(leg.retriever, Standard):
            yield "retriever...standard.query", leg.retriever.query
        yield "retriever...filter", list(leg.filters)
    for step in plan.steps:
        yield "retriever...rescorer.rescore.query.rescore_query", step.query.rescore_query
    yield "post_filter", request.post_filter
