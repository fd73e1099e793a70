"""A retriever and a reranking node postprocessor for LlamaIndex. Needs the extra `llama-index` (llama-index-core)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from connector.clients.query_models import RerankerLike
from connector.errors import MissingExtraError, RequestError
from connector.facade.connector import Connector
from connector.facade.filters import Filter, as_queries
from connector.integrations.conditions import all_of, any_of, comparison, none_of
from connector.integrations.documents import FoundDocument, Reading, checked_count
from connector.integrations.reranking import TextReranker
from connector.models.folders import BUNDLED
from connector.threads import MODELS

try:
    from llama_index.core.base.base_retriever import BaseRetriever
    from llama_index.core.bridge.pydantic import PrivateAttr
    from llama_index.core.callbacks import CallbackManager
    from llama_index.core.postprocessor.types import BaseNodePostprocessor
    from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle, TextNode
    from llama_index.core.vector_stores import FilterCondition, FilterOperator, MetadataFilter, MetadataFilters
except ImportError as error:
    raise MissingExtraError(str(error.name), "llama-index") from error

_OPERATORS = {
    FilterOperator.NIN: "not in",
    FilterOperator.ANY: "in",
    FilterOperator.ALL: "all",
    FilterOperator.CONTAINS: "==",
    FilterOperator.TEXT_MATCH: "match",
    FilterOperator.TEXT_MATCH_INSENSITIVE: "match",
}
_COMBINED = {FilterCondition.AND: all_of, FilterCondition.OR: any_of, FilterCondition.NOT: none_of}


class ConnectorRetriever(BaseRetriever):
    """Two-stage search as a LlamaIndex retriever: `ConnectorRetriever(articles).retrieve("a question")`.

    A node has the hit's `_id` as its id (`_index/_id`, if an earlier hit of another index has the same `_id`). Its
    metadata has the source's fields, `_index`, `_id`, `_score` and `_hybrid`: the rank and score in each leg, the fused
    rank, the rerank score, the model, and `degraded`, which is a reason or None. These names hide fields of the source
    with the same name. Fields that are in the text, and names that begin with `_`, are excluded from prompts.

    Args:
        connector: the connector to search with; if its client is async, only `aretrieve` works.
        similarity_top_k: how many nodes to return.
        filters: what every hit must match: LlamaIndex's `MetadataFilters`, whose keys are the metadata's, or the
            filters of `Connector.search`.
        depth, blend, budget_ms, source: as for `Connector.search`; the content's fields are always fetched.
        content: a field, or a template such as "{title}. {body}"; None joins the connector's text fields.
        metadata_field: the object whose fields are the metadata; None takes the whole source.
        callback_manager, verbose: as in LlamaIndex.

    Raises:
        RequestError: an argument is wrong.

    Examples:
        >>> from connector import Connector, connect
        >>> from connector.integrations.llama_index import ConnectorRetriever
        >>> articles = Connector(connect("embedded:"), "articles", text_fields=["title"])
        >>> articles.create()
        >>> report = articles.index([{"_id": "1", "title": "Descaling a kettle"}])
        >>> ConnectorRetriever(articles, similarity_top_k=3).retrieve("remove limescale")[0].text
        'Descaling a kettle'
    """

    def __init__(
        self,
        connector: Connector,
        *,
        similarity_top_k: int = 10,
        filters: MetadataFilters | Filter | None = None,
        depth: int = 50,
        blend: float | None = None,
        budget_ms: float | None = None,
        source: bool | Sequence[str] | None = None,
        content: str | None = None,
        metadata_field: str | None = None,
        callback_manager: CallbackManager | None = None,
        verbose: bool = False,
    ) -> None:
        if not isinstance(connector, Connector):
            raise RequestError("connector", connector, "must be a Connector")
        super().__init__(callback_manager=callback_manager, verbose=verbose)
        self.connector = connector
        self._reading = Reading(connector.text_fields, content, metadata_field)
        self._options: dict[str, Any] = {
            "size": checked_count("similarity_top_k", similarity_top_k),
            "filter": None if filters is None else partial(_queries, filters, metadata_field),
            "depth": depth,
            "blend": blend,
            "budget_ms": budget_ms,
            "source": self._reading.source(source),
        }

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        response = self.connector.search(query_bundle.query_str, **self._options)
        return self._nodes(response.body)

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        response = await self.connector.asearch(query_bundle.query_str, **self._options)
        return self._nodes(response.body)

    def _nodes(self, response: Mapping[str, Any]) -> list[NodeWithScore]:
        in_text = {field.partition(".")[0] for field in self._reading.fields}
        nodes: dict[str, NodeWithScore] = {}
        for found in self._reading.documents(response):
            key = f"{found.metadata['_index']}/{found.id}" if found.id in nodes else found.id
            nodes[key] = _node(key, found, in_text)
        return list(nodes.values())


class ConnectorReranker(BaseNodePostprocessor):
    """A cross-encoder over the nodes of any retriever.

    It returns a copy of each node, with its new score, and with `_rerank_score` (the raw logit, or None without text)
    in its metadata, excluded from prompts. Nodes without text are last.

    Args:
        reranker: a model's name or path, a `Reranker`, or a function (query, passages) -> (n,).
        top_n: how many nodes to keep; None keeps all.
        blend: the weight of the score against the original rank, from 0 to 1. None is 0.8 for the bundled reranker, and
            the score alone for any other.
        metadata_mode: which metadata the reranker reads with the text; by default none.

    Raises:
        RequestError: an argument is wrong, there is no query, or it is too long for the model.
        ModelError: the model failed.

    Examples:
        >>> from llama_index.core.schema import NodeWithScore, TextNode
        >>> from connector.integrations.llama_index import ConnectorReranker
        >>> found = [NodeWithScore(node=TextNode(text=text)) for text in ("Sharpening a knife", "Descaling a kettle")]
        >>> ConnectorReranker(blend=1, top_n=1).postprocess_nodes(found, query_str="remove limescale")[0].text
        'Descaling a kettle'
    """

    reranker: Any = BUNDLED
    top_n: int | None = None
    blend: float | None = None
    metadata_mode: MetadataMode = MetadataMode.NONE
    _texts: TextReranker = PrivateAttr()

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            reranker: RerankerLike = BUNDLED,
            top_n: int | None = None,
            blend: float | None = None,
            metadata_mode: MetadataMode = MetadataMode.NONE,
        ) -> None: ...

    def model_post_init(self, context: Any, /) -> None:
        """Check the arguments; the model loads on first use."""
        super().model_post_init(context)
        self._texts = TextReranker(self.reranker, self.blend)
        if self.top_n is not None:
            checked_count("top_n", self.top_n)

    @classmethod
    def class_name(cls) -> str:
        """Return the class's name in LlamaIndex."""
        return "ConnectorReranker"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        if query_bundle is None:
            raise RequestError("query_bundle", None, "is required to rerank; pass a query")
        texts = [node.node.get_content(metadata_mode=self.metadata_mode) for node in nodes]
        order = self._texts.order(query_bundle.query_str, texts, self.top_n)
        return [_rescored(nodes[text.place], text.score, text.rerank_score) for text in order]

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return await MODELS.run(self._postprocess_nodes, nodes, query_bundle)


def _node(key: str, found: FoundDocument, in_text: set[str]) -> NodeWithScore:
    excluded = sorted(name for name in found.metadata if name.startswith("_") or name in in_text)
    node = TextNode(
        id_=key,
        text=found.content,
        metadata=found.metadata,
        excluded_llm_metadata_keys=excluded,
        excluded_embed_metadata_keys=excluded,
    )
    return NodeWithScore(node=node, score=found.score)


def _rescored(original: NodeWithScore, score: float, rerank_score: float | None) -> NodeWithScore:
    node = original.node.model_copy()
    node.metadata = {**original.node.metadata, "_rerank_score": rerank_score}
    for name in ("excluded_llm_metadata_keys", "excluded_embed_metadata_keys"):
        setattr(node, name, list(dict.fromkeys([*getattr(original.node, name), "_rerank_score"])))
    return NodeWithScore(node=node, score=score)


def _queries(
    filters: MetadataFilters | Filter, metadata_field: str | None, mappings: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return LlamaIndex's filters, or those of `Connector.search`, as queries."""
    if not isinstance(filters, MetadataFilters):
        return as_queries(filters or None, mappings)
    return [_query(filters, metadata_field, mappings)] if filters.filters else []


def _query(
    condition: MetadataFilter | MetadataFilters, metadata_field: str | None, mappings: Mapping[str, Any]
) -> dict[str, Any]:
    if isinstance(condition, MetadataFilters):
        parts = [_query(each, metadata_field, mappings) for each in condition.filters]
        return _COMBINED[condition.condition or FilterCondition.AND](parts)
    field = ".".join(filter(None, (metadata_field, condition.key)))
    if condition.operator == FilterOperator.IS_EMPTY:
        return comparison(field, "==", None, mappings)
    return comparison(field, _OPERATORS.get(condition.operator, condition.operator.value), condition.value, mappings)
