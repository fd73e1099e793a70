"""Texts in `knn` queries that this package embeds: found, and replaced by their vectors. Pure.

It embeds the text of Elasticsearch's `query_vector_builder: {text_embedding: {model_text}}` if no `model_id` is given,
or one that is registered with the client.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from connector.documents.suggestions import suggest_option
from connector.errors import RequestError
from connector.request.base_types import QueryVectorBuilder, TextEmbedding
from connector.request.json_values import MAX_LEVELS


def text_to_embed(knn: Mapping[str, Any], models: Collection[str]) -> Mapping[str, Any] | None:
    """Return the `text_embedding` of a `knn` query or retriever if this package embeds its text, else None."""
    builder = knn.get("query_vector_builder")
    embedding = builder.get("text_embedding") if isinstance(builder, Mapping) else None
    is_own = isinstance(embedding, Mapping) and embedding.get("model_id") in (None, *models)
    return embedding if is_own else None


def embeds_text(query: object, models: Collection[str]) -> bool:
    """True if a `knn` query anywhere in a query has a text that this package embeds."""
    return any(text_to_embed(knn, models) is not None for _, knn in _knn_queries(query, ""))


def texts_in(query: object, models: Collection[str], path: str) -> list[tuple[str, TextEmbedding]]:
    """Return the field and the text of each `knn` query in a query whose text this package embeds.

    Raises:
        RequestError: the text is malformed, or a vector is given as well.
    """
    return [
        (str(knn.get("field")), _checked(knn, at))
        for at, knn in _knn_queries(query, path)
        if text_to_embed(knn, models) is not None
    ]


def with_vectors(query: Any, models: Collection[str], vector_of: Callable[[str, str | None], Sequence[float]]) -> Any:
    """Return a query with the texts that this package embeds replaced by their vectors.

    Args:
        query: a query of Elasticsearch's DSL.
        models: the names of the models registered with the client.
        vector_of: returns the vector of a text, by the text and the model's name.
    """
    if isinstance(query, list):
        return [with_vectors(each, models, vector_of) for each in query]
    if not isinstance(query, Mapping):
        return query
    read: dict[str, Any] = {}
    for name, value in query.items():
        embedding = text_to_embed(value, models) if name == "knn" and isinstance(value, Mapping) else None
        value = with_vectors(value, models, vector_of)
        if embedding is not None:
            rest = {option: each for option, each in value.items() if option != "query_vector_builder"}
            value = {**rest, "query_vector": list(vector_of(embedding["model_text"], embedding.get("model_id")))}
        read[name] = value
    return read


def _checked(knn: Mapping[str, Any], path: str) -> TextEmbedding:
    if "query_vector" in knn:
        raise RequestError(path, knn["query_vector"], "give either query_vector or query_vector_builder")
    try:
        return QueryVectorBuilder.model_validate(knn["query_vector_builder"]).text_embedding
    except ValidationError as error:
        problems = error.errors(include_url=False)
        problem = next((each for each in problems if each["type"] == "extra_forbidden"), problems[0])
        at = ".".join([path, "query_vector_builder", *map(str, problem["loc"])])
        known = ("text_embedding",) if len(problem["loc"]) == 1 else ("model_id", "model_text")
        is_unknown = problem["type"] == "extra_forbidden"
        remedy = suggest_option(str(problem["loc"][-1]), known) if is_unknown else problem["msg"]
        raise RequestError(at, problem["input"], remedy) from error


def _knn_queries(query: object, path: str, levels: int = MAX_LEVELS) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if levels == 0:  # deeper nesting is refused elsewhere, here or by the cluster
        return
    if isinstance(query, list | tuple):
        for place, each in enumerate(query):
            if isinstance(each, Mapping | list | tuple):
                yield from _knn_queries(each, f"{path}[{place}]", levels - 1)
    elif isinstance(query, Mapping):
        for name, value in query.items():
            if name == "knn" and isinstance(value, Mapping):
                yield f"{path}.knn", value
            yield from _knn_queries(value, f"{path}.{name}", levels - 1)
