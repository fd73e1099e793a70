"""Parsing of a request's retriever tree: anything wrong with it becomes one error that names path and value. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from connector.documents.suggestions import suggest_option
from connector.errors import RequestError
from connector.request.base_types import QueryVectorBuilder, TextEmbedding
from connector.request.chunking_settings import ChunkingSettings, ChunkRescorer
from connector.request.leaf_retrievers import Knn, Standard
from connector.request.pinned_docs import PinnedDoc
from connector.request.rescoring import Rescore, RescoreQuery
from connector.request.retrievers import (
    MAX_DEPTH,
    Compound,
    Diversify,
    Linear,
    LinearLeg,
    Node,
    Over,
    Pinned,
    Rescorer,
    Rrf,
    TextSimilarityReranker,
    Weighted,
)


def parse_retriever(tree: dict[str, Any]) -> Node:
    """Parse and validate a retriever tree, the value of a search body's `retriever`.

    Raises:
        RequestError: naming the path under `retriever`, the value there and what is allowed.
    """
    try:
        node = Node.model_validate(tree)
    except ValidationError as error:
        raise _request_error(tree, error) from error
    _check_windows(node, "retriever", None, MAX_DEPTH)
    _check_names(node)
    _check_texts(tree, "retriever")
    return node


def _check_windows(node: Node, path: str, outer: int | None, levels_left: int) -> None:
    path = f"{path}.{node.kind}"
    if levels_left == 0:
        raise RequestError(path, "...", f"retrievers are nested deeper than {MAX_DEPTH}; flatten the tree")
    retriever = node.retriever
    if isinstance(retriever, Compound):
        window = retriever.rank_window_size
        if outer is not None and outer > window:
            raise RequestError(
                f"{path}.{'rescore.window_size' if isinstance(retriever, Rescorer) else 'rank_window_size'}",
                window,
                f"must be at least the outer retriever's window ({outer}); raise it or lower the outer one",
            )
        for position, child in enumerate(node.children):
            below = "retriever" if isinstance(retriever, Over) else f"retrievers[{position}]"
            _check_windows(child, f"{path}.{below}", window, levels_left - 1)


def _check_names(node: Node) -> None:
    seen: set[str] = set()
    for inner in node.walk():
        name = inner.retriever.name
        if name is None:
            continue
        if name in seen:
            raise RequestError(f"retriever...{inner.kind}._name", name, "duplicate name; names must be unique")
        seen.add(name)


def check_encodable(text: str, path: str) -> None:
    """Refuse a text with half a surrogate pair.

    Raises:
        RequestError: naming the path.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise RequestError(path, text, "holds half of a surrogate pair, which is not text; remove it") from error


def _check_texts(value: object, path: str) -> None:
    """Refuse half surrogate pairs anywhere in the tree: JSON can't carry them."""
    if isinstance(value, str):
        check_encodable(value, path)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            _check_texts(inner, f"{path}.{name}")
    elif isinstance(value, list) and not (value and isinstance(value[0], float)):
        for place, inner in enumerate(value):
            _check_texts(inner, f"{path}[{place}]")


def _request_error(tree: dict[str, Any], error: ValidationError) -> RequestError:
    # Other errors follow from an unknown key, so that one is reported.
    problems = error.errors(include_url=False)
    problem = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
    if problem["type"] in ("recursion_depth_exceeded", "recursion_loop"):  # the type depends on pydantic's version
        return RequestError("retriever", tree, f"retrievers are nested deeper than {MAX_DEPTH}; flatten the tree")
    path = "retriever"
    at: Any = tree
    for part in problem["loc"]:
        if isinstance(at, dict) and part in at:
            at, path = at[part], f"{path}.{part}"
        elif isinstance(at, list) and isinstance(part, int) and part < len(at):
            at, path = at[part], f"{path}[{part}]"
        elif problem["type"] == "missing" and part == problem["loc"][-1]:
            path = f"{path}.{part}"
    if problem["type"] == "extra_forbidden":
        return RequestError(path, at, suggest_option(str(problem["loc"][-1]), _allowed(problem["loc"][:-1])))
    if problem["type"] == "missing":
        return RequestError(path, at, "is required; add it")
    return RequestError(path, at, problem["msg"].removeprefix("Value error, "))


def _allowed(path: tuple[int | str, ...]) -> list[str]:
    models: dict[str, type[BaseModel]] = {
        "standard": Standard,
        "knn": Knn,
        "rrf": Rrf,
        "linear": Linear,
        "rescorer": Rescorer,
        "pinned": Pinned,
        "diversify": Diversify,
        "rescore": Rescore,
        "query": RescoreQuery,
        "text_similarity_reranker": TextSimilarityReranker,
        "query_vector_builder": QueryVectorBuilder,
        "text_embedding": TextEmbedding,
        "chunk_rescorer": ChunkRescorer,
        "chunking_settings": ChunkingSettings,
    }
    last = path[-1] if path else "retriever"
    model: type[BaseModel]
    if isinstance(last, int):
        listed: dict[Any, type[BaseModel]] = {"rescore": Rescore, "docs": PinnedDoc, "linear": LinearLeg}
        last = next((name for name in path[-2:-4:-1] if name in listed), "rrf")
        model = listed.get(last, Weighted)
    else:
        model = models.get(last, Node)
    return sorted(field.alias or name for name, field in model.model_fields.items())
