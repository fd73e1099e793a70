"""A retriever and a reranker as Haystack components. Needs the extra `haystack` (haystack-ai)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar, cast

from connector.clients.query_models import RerankerLike
from connector.errors import MissingExtraError, RequestError
from connector.facade.connector import Connector
from connector.facade.filters import as_queries
from connector.integrations.conditions import all_of, any_of, comparison, none_of
from connector.integrations.documents import FoundDocument, Reading, checked_count
from connector.integrations.reranking import TextReranker
from connector.integrations.settings import connector_of, has_credentials, settings_of
from connector.models.folders import BUNDLED
from connector.threads import MODELS

try:
    from haystack import Document, component, default_from_dict, default_to_dict
    from haystack.utils import Secret
except ImportError as error:
    raise MissingExtraError(str(error.name), "haystack") from error

Run = TypeVar("Run", bound=Callable[..., Any])
_META = "meta."
_CREDENTIALS = ("api_key", "basic_auth", "http_auth", "headers")


def _returns_documents(run: Run) -> Run:
    return cast(Run, component.output_types(documents=list[Document])(run))


@component
class ConnectorRetriever:
    """Two-stage search as a Haystack component: `ConnectorRetriever(articles).run("a question")["documents"]`.

    A document has the hit's `_id` as `id` and the final score as `score`. Its meta has the source's fields, `_index`,
    `_id`, `_score` and `_hybrid`: the rank and score in each leg, the fused rank, the rerank score, the model, and
    `degraded`, which is a reason or None. These names hide fields of the source with the same name.

    Args:
        connector: the connector to search with; if its client is async, only `run_async` works.
        filters: what every hit must match: Haystack's filters (`{"field": "year", "operator": ">=", "value": 2020}`,
            joined by AND, OR, NOT), or those of `Connector.search`; `meta.` may be left out. A call's replace these.
        top_k: how many documents to return.
        depth, blend, budget_ms, source: as for `Connector.search`; the content's fields are always fetched.
        content: a field, or a template such as "{title}. {body}"; None joins the connector's text fields.
        metadata_field: the object whose fields are the meta; None takes the whole source.
        api_key: the key with which a loaded pipeline connects; only its environment variable's name is saved.
        client_options: further options of that client, such as `{"ca_certs": "ca.crt"}`.

    Raises:
        RequestError: an argument is wrong.

    Examples:
        >>> from connector import Connector, connect
        >>> from connector.integrations.haystack import ConnectorRetriever
        >>> articles = Connector(connect("embedded:"), "articles", text_fields=["title"])
        >>> articles.create()
        >>> report = articles.index([{"_id": "1", "title": "Descaling a kettle"}])
        >>> ConnectorRetriever(articles, top_k=3).run("remove limescale")["documents"][0].content
        'Descaling a kettle'
    """

    def __init__(
        self,
        connector: Connector,
        *,
        filters: Any = None,
        top_k: int = 10,
        depth: int = 50,
        blend: float | None = None,
        budget_ms: float | None = None,
        source: bool | Sequence[str] | None = None,
        content: str | None = None,
        metadata_field: str | None = None,
        api_key: Secret | None = None,
        client_options: Mapping[str, Any] | None = None,
    ) -> None:
        if not isinstance(connector, Connector):
            raise RequestError("connector", connector, "must be a Connector")
        self.connector = connector
        self.filters = filters
        self.top_k = top_k
        self.depth = depth
        self.blend = blend
        self.budget_ms = budget_ms
        self.source = source
        self.content = content
        self.metadata_field = metadata_field
        self.api_key = api_key
        self.client_options = client_options
        self._reading = Reading(connector.text_fields, content, metadata_field)

    @_returns_documents
    def run(self, query: str, filters: Any = None, top_k: int | None = None) -> dict[str, list[Document]]:
        """Search.

        Args:
            query: the text.
            filters, top_k: replace the component's own, unless None.

        Returns:
            The `documents`, best first.

        Raises:
            RequestError: an argument is wrong.
            elasticsearch.ApiError: the cluster refused the search.
        """
        response = self.connector.search(query, **self._options(filters, top_k))
        return {"documents": [_document(found) for found in self._reading.documents(response.body)]}

    @_returns_documents
    async def run_async(self, query: str, filters: Any = None, top_k: int | None = None) -> dict[str, list[Document]]:
        """Search without blocking the event loop: see `run`."""
        response = await self.connector.asearch(query, **self._options(filters, top_k))
        return {"documents": [_document(found) for found in self._reading.documents(response.body)]}

    def to_dict(self) -> dict[str, Any]:
        """Return the component as a dictionary, for a pipeline to save.

        Raises:
            RequestError: a part of it is an object of this process, or a secret.
        """
        settings = settings_of(self.connector)
        options = {"api_key": self.api_key, **(self.client_options or {})}
        if has_credentials(self.connector) and not any(options.get(name) for name in _CREDENTIALS):
            raise RequestError(
                "api_key",
                None,
                "is required to save this component, because the client has credentials, which are not saved; pass "
                'api_key=Secret.from_env_var("...") or, on OpenSearch, client_options={"basic_auth": ...}',
            )
        return default_to_dict(
            self,
            connector=settings,
            filters=self.filters,
            top_k=self.top_k,
            depth=self.depth,
            blend=self.blend,
            budget_ms=self.budget_ms,
            source=self.source,
            content=self.content,
            metadata_field=self.metadata_field,
            api_key=self.api_key,
            client_options=self.client_options,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ConnectorRetriever:
        """Build the component from a saved dictionary, with a new client.

        Raises:
            RequestError: the dictionary is wrong.
        """
        parameters = dict(data.get("init_parameters", {}))
        options = dict(parameters.get("client_options") or {})
        if isinstance(parameters.get("api_key"), Mapping):
            parameters["api_key"] = Secret.from_dict(parameters["api_key"])
        if parameters.get("api_key") is not None:
            options["api_key"] = parameters["api_key"].resolve_value()
        if isinstance(parameters.get("connector"), Mapping):
            parameters["connector"] = connector_of(parameters["connector"], **options)
        component: ConnectorRetriever = default_from_dict(cls, {**data, "init_parameters": parameters})
        return component

    def _options(self, filters: Any, top_k: int | None) -> dict[str, Any]:
        chosen = self.filters if filters is None else filters
        return {
            "size": checked_count("top_k", self.top_k if top_k is None else top_k),
            "filter": None if chosen is None else partial(_queries, chosen, self.metadata_field),
            "depth": self.depth,
            "blend": self.blend,
            "budget_ms": self.budget_ms,
            "source": self._reading.source(self.source),
        }


@component
class ConnectorReranker:
    """A cross-encoder over the documents of any retriever.

    It returns a copy of each document, with its new `score`, and with `_rerank_score` (the raw logit, or None without
    text) in its meta. Documents without text are last.

    Args:
        reranker: a model's name or path, a `Reranker`, or a function (query, passages) -> (n,).
        top_k: how many documents to keep; None keeps all.
        blend: the weight of the score against the original rank, from 0 to 1. None is 0.8 for the bundled reranker, and
            the score alone for any other.

    Raises:
        RequestError: an argument is wrong.

    Examples:
        >>> from haystack import Document
        >>> from connector.integrations.haystack import ConnectorReranker
        >>> found = [Document(content="Sharpening a knife"), Document(content="Descaling a kettle")]
        >>> ConnectorReranker(blend=1, top_k=1).run("remove limescale", found)["documents"][0].content
        'Descaling a kettle'
    """

    def __init__(
        self, reranker: RerankerLike = BUNDLED, *, top_k: int | None = None, blend: float | None = None
    ) -> None:
        self.reranker = reranker
        self.top_k = None if top_k is None else checked_count("top_k", top_k)
        self.blend = blend
        self._texts = TextReranker(reranker, blend)

    def warm_up(self) -> None:
        """Load the model now, instead of in the first run."""
        self._texts.load()

    @_returns_documents
    def run(self, query: str, documents: list[Document], top_k: int | None = None) -> dict[str, list[Document]]:
        """Order documents, best first.

        Args:
            query: the text.
            documents: the documents in their original order.
            top_k: replaces the component's own, unless None.

        Raises:
            RequestError: the query is too long for the model.
            ModelError: the model failed.
        """
        kept = self.top_k if top_k is None else checked_count("top_k", top_k)
        order = self._texts.order(query, [document.content or "" for document in documents], kept)
        return {
            "documents": [
                replace(
                    documents[text.place],
                    score=text.score,
                    meta={**documents[text.place].meta, "_rerank_score": text.rerank_score},
                )
                for text in order
            ]
        }

    @_returns_documents
    async def run_async(
        self, query: str, documents: list[Document], top_k: int | None = None
    ) -> dict[str, list[Document]]:
        """Order documents without blocking the event loop: see `run`."""
        ordered: dict[str, list[Document]] = await MODELS.run(self.run, query, documents, top_k)
        return ordered

    def to_dict(self) -> dict[str, Any]:
        """Return the component as a dictionary, for a pipeline to save.

        Raises:
            RequestError: the reranker is an object, not a name or path.
        """
        if not isinstance(self.reranker, str):
            raise RequestError("reranker", self.reranker, "is an object; pass a model's name or path to save it")
        return default_to_dict(self, reranker=self.reranker, top_k=self.top_k, blend=self.blend)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ConnectorReranker:
        """Build the component from a saved dictionary."""
        component: ConnectorReranker = default_from_dict(cls, data)
        return component


def _document(found: FoundDocument) -> Document:
    return Document(id=found.id, content=found.content, meta=found.metadata, score=found.score)


def _queries(filters: Any, metadata_field: str | None, mappings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return Haystack's filters, or those of `Connector.search`, as queries."""
    if not isinstance(filters, Mapping) or "operator" not in filters:
        return as_queries(filters or None, mappings)
    return [_query(filters, metadata_field, mappings)]


def _query(condition: Any, metadata_field: str | None, mappings: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(condition, Mapping) or "operator" not in condition:
        raise RequestError("filters", condition, "must have an operator, with a field and a value or with conditions")
    operator = condition["operator"]
    if "field" in condition:
        if "value" not in condition:
            raise RequestError("filters", condition, "must have a value for its field")
        field = str(condition["field"])
        if field.startswith(_META):
            field = ".".join(filter(None, (metadata_field, field.removeprefix(_META))))
        return comparison(field, operator, condition["value"], mappings)
    if not isinstance(condition.get("conditions"), list | tuple):
        raise RequestError("filters", condition, "must have a field and a value, or a list of conditions")
    parts = [_query(each, metadata_field, mappings) for each in condition["conditions"]]
    if operator == "AND":
        return all_of(parts)
    if operator == "OR":
        return any_of(parts)
    if operator == "NOT":
        return none_of([all_of(parts)])
    raise RequestError("filters.operator", operator, "must be AND, OR or NOT where there are conditions")
