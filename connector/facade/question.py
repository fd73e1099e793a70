"""The arguments of a search become a search body: the retriever tree and the options. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from time import monotonic
from typing import Any

from connector.errors import RequestError
from connector.facade.filters import Filter
from connector.facade.pages import DEFAULT_KEEP_ALIVE, check_keep_alive
from connector.request.parsing import check_encodable
from connector.search.context import check_budget

MAX_WINDOW = 10_000
_MIN_CANDIDATES = 100


@dataclass(frozen=True)
class Target:
    """What is searched.

    Attributes:
        text_fields: the fields that are searched as text, with their boosts.
        vector_field: where the vectors are; None: the index has none for this encoder.
        nested_path: the nested objects that hold the vectors, if any do.
        read_fields: the fields that the reranker reads: those that hold the text, or the passages' own.
        hidden: what `_source` leaves out by default.
        is_mapped: whether all text fields are mapped, so that the target won't change.
    """

    text_fields: tuple[str, ...]
    vector_field: str | None
    nested_path: str | None = None
    read_fields: tuple[str, ...] = ()
    hidden: str | None = None
    is_mapped: bool = True


@dataclass(frozen=True)
class Question:
    """The arguments of `Connector.search`: see there.

    Raises:
        RequestError: an argument is wrong.
    """

    text: str
    size: int = 10
    offset: int = 0
    filter: Filter | None = None
    depth: int = 50
    blend: float | None = None
    source: bool | Sequence[str] | None = None
    budget_ms: float | None = None
    started_s: float = field(default_factory=monotonic)

    def __post_init__(self) -> None:
        check_text(self.text)
        check_budget(self.budget_ms)
        for name in ("size", "offset", "depth"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise RequestError(name, value, "must be a whole number of at least 0")
        if self.window > MAX_WINDOW:
            raise RequestError(
                "size", self.size, f"size, offset and depth reach past {MAX_WINDOW:,} hits; page less deep"
            )

    @property
    def left_ms(self) -> float | None:
        """What is left of the budget; None without one."""
        if self.budget_ms is None:
            return None
        return max(self.budget_ms - 1000 * (monotonic() - self.started_s), 1.0)

    @property
    def window(self) -> int:
        """How many hits are fused, and reranked."""
        return max(self.depth, self.size + self.offset, 1)


@dataclass(frozen=True)
class Paging:
    """The arguments of `Connector.pages`: see there.

    Raises:
        RequestError: an argument is wrong.
    """

    text: str
    size: int = 10
    window: int = 100
    filter: Filter | None = None
    depth: int = 50
    blend: float | None = None
    source: bool | Sequence[str] | None = None
    budget_ms: float | None = None
    keep_alive: str = DEFAULT_KEEP_ALIVE

    def __post_init__(self) -> None:
        for name, value in (("size", self.size), ("window", self.window)):
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_WINDOW:
                raise RequestError(name, value, f"must be a whole number from 1 to {MAX_WINDOW:,}")
        check_keep_alive(self.keep_alive)

    @cached_property
    def question(self) -> Question:
        """The search for all hits of the window."""
        return Question(self.text, self.window, 0, self.filter, self.depth, self.blend, self.source, self.budget_ms)


def check_text(text: object) -> None:
    """Check the query's text.

    Raises:
        RequestError: it is no text, or a blank one.
    """
    if not isinstance(text, str) or not text.strip():
        raise RequestError("text", text, "must be a text to search for")
    check_encodable(text, "text")


def legs_of(text: str, window: int, target: Target) -> dict[str, dict[str, Any]]:
    """Write the retrievers of a text, by kind: `standard`, and `knn` if there are vectors."""
    lexical = {"multi_match": {"query": text, "fields": list(target.text_fields), "type": "most_fields"}}
    legs: dict[str, dict[str, Any]] = {"standard": {"query": lexical}}
    if target.vector_field is not None:
        legs["knn"] = {
            "field": target.vector_field,
            "query_vector_builder": {"text_embedding": {"model_text": text}},
            "k": window,
            "num_candidates": max(_MIN_CANDIDATES, min(2 * window, MAX_WINDOW)),
        }
        if target.nested_path is not None:
            legs["knn"]["inner_hits"] = {}
    return legs


def search_body(
    question: Question,
    target: Target,
    filters: Sequence[Mapping[str, Any]],
    rewrites: Mapping[str, str],
    default_blend: float | None,
) -> dict[str, Any]:
    """Write the arguments of a client's `search`.

    Args:
        question: what is searched for.
        target: what is searched.
        filters: the question's filter, as queries.
        rewrites: more texts to search for, by name.
        default_blend: the rerank score's share if the question has none.
    """
    window = question.window
    legs = [{kind: leg} for kind, leg in legs_of(question.text, window, target).items()]
    for name, text in rewrites.items():
        for kind, leg in legs_of(text, window, target).items():
            leg.pop("inner_hits", None)  # the passages shown and reranked are those nearest to the query itself
            legs.append({kind: {**leg, "_name": f"{name}.{kind}"}})
    tree: dict[str, Any] = {"rrf": {"retrievers": legs, "rank_window_size": window}}
    if filters:
        tree["rrf"]["filter"] = list(filters)
    if question.depth > 0:
        reranker: dict[str, Any] = {
            "field": list(target.read_fields or target.text_fields),
            "inference_text": question.text,
            "rank_window_size": window,
        }
        blend = default_blend if question.blend is None else question.blend
        if blend is not None:
            reranker["blend"] = blend
        if question.budget_ms is not None:
            reranker["budget_ms"] = question.left_ms
        tree = {"text_similarity_reranker": {"retriever": tree, **reranker}}
    body: dict[str, Any] = {"retriever": tree, "size": question.size, "from_": question.offset}
    if question.source is not None:
        body["source"] = question.source
    elif target.hidden is not None:
        body["source"] = {"excludes": [target.hidden]}
    return body


def with_vectors(body: Mapping[str, Any], embed: Callable[[str], Sequence[float]]) -> dict[str, Any]:
    """Return a search body whose vector legs have vectors, embedded here, instead of texts.

    A search over a point in time names no index, so its encoder could not be checked against a mapping.
    """

    def embedded(value: Any) -> Any:
        if isinstance(value, list):
            return [embedded(each) for each in value]
        if not isinstance(value, dict):
            return value
        return {name: vectorized(leg) if name == "knn" else embedded(leg) for name, leg in value.items()}

    def vectorized(leg: Mapping[str, Any]) -> dict[str, Any]:
        rest = {name: value for name, value in leg.items() if name != "query_vector_builder"}
        return {**rest, "query_vector": list(embed(leg["query_vector_builder"]["text_embedding"]["model_text"]))}

    tree = dict(body["retriever"])
    ((kind, root),) = tree.items()
    fusion = root["retriever"]["rrf"] if kind == "text_similarity_reranker" else root
    fused = {**fusion, "retrievers": embedded(fusion["retrievers"])}
    whole = {**root, "retriever": {"rrf": fused}} if kind == "text_similarity_reranker" else fused
    return {**body, "retriever": {kind: whole}}
