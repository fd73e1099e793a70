"""What a drop-in client needs beside its connections: models, mappings read, and one call's retries and errors.

No I/O here.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, TypeVar, get_args
from urllib.parse import quote, unquote

from elastic_transport import ApiResponseMeta, ObjectApiResponse, SerializationError
from elastic_transport.client_utils import DEFAULT
from elasticsearch import ApiError, AsyncElasticsearch, Elasticsearch
from elasticsearch.exceptions import HTTP_EXCEPTIONS

from connector.clients.call_flows import (
    CallFlow,
    multi_search_flow,
    multi_template_flow,
    native_flow,
    search_template_flow,
)
from connector.clients.ndjson import quick_json
from connector.engines import Dialect, ElasticsearchDialect
from connector.engines.answers import field_count, mappings_in, searches_in, unreadable
from connector.engines.capabilities import Capabilities, read_capabilities
from connector.errors import RequestError
from connector.models.encoder import Encoder
from connector.models.fingerprint import Fingerprint
from connector.models.load import as_encoder, as_reranker
from connector.models.once import Once
from connector.models.reranker import Reranker
from connector.models.texts import checked_scores, own_errors
from connector.models.token_budgets import Shortener
from connector.request.body_texts import read_body
from connector.request.json_values import Default, as_json, json_default
from connector.request.rank_bodies import is_ranked
from connector.request.routing import cluster_may_run, needs_connector
from connector.request.search_request import parse_request
from connector.search.flow import search_flow
from connector.search.keeping import Kept
from connector.search.native import Native
from connector.search.needs import Compute, Embed, Embedded, Flow, MultiSearch, Score, Shorten

EncoderLike: TypeAlias = Encoder | str | Callable[[list[str]], Any]
RerankerLike: TypeAlias = Reranker | str | Callable[[str, list[str]], Any]
Execution: TypeAlias = Literal["auto", "client", "native"]
Read = TypeVar("Read")
ReadFlow: TypeAlias = Generator[str, ObjectApiResponse[Any], Read]
"""Asks for paths by `GET`, and is sent the responses."""

SEND_NDJSON = {"accept": "application/json", "content-type": "application/x-ndjson"}
ACCEPT_JSON = {"accept": "application/json"}
SEND_JSON = {**ACCEPT_JSON, "content-type": "application/json"}
READ_MAPPING = "indices.get_mapping"
_CARRIED_BY_WRAP = (
    "_headers",
    "_request_timeout",
    "_ignore_status",
    "_max_retries",
    "_retry_on_timeout",
    "_retry_on_status",
    "_client_meta",
    "_verified_elasticsearch",
)
_MAPPINGS_KEPT_S, _UNKNOWN_KEPT_S = 60.0, 5.0
_CAPABILITIES_KEPT_S, _UNTOLD_KEPT_S, _NATIVE_KEPT_S = 3_600.0, 60.0, 3_600.0
_MOST_INDICES, _MOST_FIELDS, _MOST_CALLERS = 128, 20_000, 256
_INFO, _LICENCE = "/", "/_license"


@dataclass
class Hybrid:
    """What a client needs beside its connections; it travels through `.options()`.

    Args:
        encoder: embeds query texts whose `model_id` is left out.
        reranker: scores pairs whose `inference_id` is left out.
        models: encoders and rerankers by the `model_id` or `inference_id` that requests call them by.
        provenance: add `_hybrid` to the response and to each hit.
        execution: "auto" and "client" run compound retrievers here; "native" passes on what the cluster's licence is
            known to run, and runs here what it refuses all the same.
        dialect: the cluster's.
        default: what the client's serializer makes of values that JSON does not have.
    """

    encoder: EncoderLike = "bundled"
    reranker: RerankerLike = "bundled"
    models: Mapping[str, EncoderLike | RerankerLike] = field(default_factory=dict)
    provenance: bool = True
    execution: Execution = "auto"
    dialect: Dialect = field(default_factory=ElasticsearchDialect)
    default: Default = json_default

    def __post_init__(self) -> None:
        if self.execution not in get_args(Execution):
            raise RequestError("execution", self.execution, f"must be one of {', '.join(get_args(Execution))}")
        self._encoders: dict[str | None, Once[Encoder]] = {None: Once(lambda: as_encoder(self.encoder))}
        self._rerankers: dict[str | None, Once[Reranker]] = {None: Once(lambda: as_reranker(self.reranker))}
        self._preference = uuid.uuid4().hex
        self._mappings: Kept[tuple[str, str | None], Mapping[str, Any]] = Kept(_MOST_INDICES, _MOST_FIELDS)
        self._capabilities: Kept[str, Capabilities] = Kept(_MOST_CALLERS)
        self._natives: Kept[str, Native] = Kept(_MOST_CALLERS)

    def read_body(self, endpoint_id: str | None, body: Any) -> Any:
        """Read a call's body as far as it is needed to see whether it holds searches of ours."""
        return read_body(endpoint_id, body, self._is_ours, self.default)

    def is_ours(self, endpoint_id: str | None, body: object) -> bool:
        """True if a call is a search that the cluster can't run."""
        return endpoint_id == "search" and self._is_ours(body) and not self._goes_first(body)

    def _is_ours(self, body: object) -> bool:
        if not self.dialect.has_retrievers and isinstance(body, Mapping):
            return "retriever" in body or is_ranked(body)
        return needs_connector(body, self.models)

    @property
    def _passes_trees(self) -> bool:
        return self.execution == "native" and self.dialect.has_retrievers

    def _goes_first(self, body: Any) -> bool:
        """True if a search of ours is for the cluster, if its licence runs it."""
        return self._passes_trees and cluster_may_run(body, self.models)

    def call_flow(
        self, endpoint_id: str | None, body: Any, params: Mapping[str, Any], index: str | None
    ) -> CallFlow | None:
        """Start a call that holds searches of ours, or may hold them; None for any other call."""
        ours = self._is_ours
        if endpoint_id == "search" and self._passes_trees and ours(body):
            return native_flow(body, params, index)
        is_paired = isinstance(body, list | tuple) and len(body) % 2 == 0
        if endpoint_id == "msearch" and is_paired and any(map(ours, body[1::2])):
            return multi_search_flow(body, index, ours)
        if endpoint_id == "msearch_template" and is_paired:
            return multi_template_flow(body, index, ours)
        if endpoint_id == "search_template" and isinstance(body, Mapping):
            return search_template_flow(body, params, index, ours)
        return None

    def flow(
        self, body: Mapping[str, Any], params: Mapping[str, Any], index: str | None, caller: str = ""
    ) -> Flow[dict[str, Any]]:
        """Start a search: the request is validated here, before anything is sent.

        Args:
            caller: who asks, as `keeping.caller_of` names it.
        """
        plain = as_json(body, self.default)
        request = parse_request(plain, as_json(params, self.default), index, self.models)
        if "preference" not in request.header and not request.has_pit:
            request = replace(request, header={**request.header, "preference": self._preference})
        return search_flow(request, self.dialect, with_provenance=self.provenance, native=self.native_of(caller))

    def native_of(self, caller: str) -> Native | None:
        """Return what a caller knows of the cluster's own fusions; another may be refused what this one may run."""
        if self.execution != "native":
            return None
        return self._natives.get(caller) or self._natives.keep(caller, Native(), _NATIVE_KEPT_S)

    def own_encoder(self) -> Encoder:
        """Return the client's own encoder, loaded on the first call. Raises: ModelError: it can't be loaded."""
        with own_errors("the encoder"):
            return self._encoders[None].get()

    def fingerprint(self) -> Fingerprint:
        """Return the fingerprint of the client's own encoder. Raises: ModelError: it failed."""
        with own_errors("the encoder"):
            return self.own_encoder().fingerprint

    def perform(self, need: Embed | Score | Shorten | Compute) -> Any:
        """Do what a flow needs and no cluster gives; it may take long."""
        match need:
            case Embed():
                return self.embed(need)
            case Score():
                return self.score(need)
            case Shorten():
                return self.shorten(need)
            case Compute(work):
                return work()

    def embed(self, need: Embed) -> Embedded:
        """Embed a query with the client's own encoder, or with the one registered under the need's name.

        Raises:
            ModelError: the encoder failed, whatever it raised.
        """
        with own_errors("the encoder"):
            encoder = self._loaded(self._encoders, need.model_id, as_encoder)
            return Embedded(encoder.fingerprint, encoder.encode_queries([need.text])[0].tolist())

    def score(self, need: Score) -> tuple[str, Any]:
        """Score pairs with the client's own reranker, or with the one registered under the need's name.

        Raises:
            ModelError: the reranker failed, whatever it raised.
        """
        with own_errors("the reranker"):
            reranker = self._loaded(self._rerankers, need.model_id, as_reranker)
            return reranker.name, checked_scores(
                reranker.score(need.query, need.passages), len(need.passages), reranker.name
            )

    def shorten(self, need: Shorten) -> Sequence[Mapping[str, Any]]:
        """Cut fields' texts to their shares of what the reranker reads; a function's limit is not known."""
        with own_errors("the reranker"):
            reranker = self._loaded(self._rerankers, need.model_id, as_reranker)
            if not isinstance(reranker, Shortener):
                return need.sources
            return reranker.shorten(need.query, need.sources, need.fields, need.shares)

    def _loaded(self, loaded: dict[Any, Once[Any]], name: str | None, load: Callable[[Any], Any]) -> Any:
        if name not in loaded:
            model = self.models[str(name)]
            loaded.setdefault(name, Once(lambda: load(model)))
        return loaded[name].get()

    def mappings_flow(self, caller: str, index: str | None) -> ReadFlow[Mapping[str, Any]]:
        """Read an index's mappings, or return those that this caller read a short time ago; {} where it may not.

        Raises:
            MalformedAnswerError: what came is no mapping.
        """
        kept = self._mappings.get((caller, index))
        if kept is not None:
            return kept
        found: Mapping[str, Any] = {}
        try:
            response = yield mapping_path(index)
        except ApiError:  # not allowed to read it, or no such index, which the search itself reports
            pass
        except (SerializationError, RecursionError) as error:
            raise unreadable("_mapping", error) from error
        else:
            found = mappings_in(response.body) if response.meta.status == 200 else {}
        kept_s = _MAPPINGS_KEPT_S if found else _UNKNOWN_KEPT_S
        return self._mappings.keep((caller, index), found, kept_s, 1 + field_count(found))

    def capabilities_flow(self, caller: str) -> ReadFlow[Capabilities]:
        """Read what a caller may know of the cluster, or return what was read before; never an error of the cluster's.

        What one caller may not read is no answer for another.
        """
        kept = self._capabilities.get(caller)
        if kept is not None:
            return kept
        bodies = []
        for path in (_INFO, _LICENCE):
            try:
                bodies.append((yield path).body)
            except (ApiError, SerializationError, RecursionError):  # not allowed to ask, or no such endpoint
                bodies.append(None)
        found = read_capabilities(*bodies)
        is_told = found.runs_licensed_retrievers or found.licence is not None
        return self._capabilities.keep(caller, found, _CAPABILITIES_KEPT_S if is_told else _UNTOLD_KEPT_S)

    def forget_mappings(self) -> None:
        """Forget all mappings: an index has been changed through this client."""
        self._mappings.clear()


@dataclass
class Call:
    """One search through the seam: what `.options()` said of retries, and the last answer's meta.

    `tried_again` are the statuses of a whole call that the transport leaves to us to try again.
    """

    retry_on_status: Collection[int]
    max_retries: int
    meta: ApiResponseMeta | None = None
    tried_again: Collection[int] = ()

    @classmethod
    def of(cls, client: Elasticsearch | AsyncElasticsearch) -> Call:
        """Read what a client's options, or else its transport's defaults, say of retries."""
        transport = client.transport
        statuses, retries = client._retry_on_status, client._max_retries
        return cls(
            transport.retry_on_status if statuses is DEFAULT else statuses,
            transport.max_retries if retries is DEFAULT else retries,
        )

    def multi_search(self, need: MultiSearch) -> Generator[MultiSearch, ObjectApiResponse[Any], list[Any]]:
        """Send until no leg asks to be tried again; a leg's error becomes the one `es.search` would have raised."""
        retries_left = self.max_retries
        while True:
            try:
                response = yield need
            except ApiError as error:
                if retries_left == 0 or error.meta.status not in self.tried_again:
                    raise
                retries_left -= 1
                continue
            except (SerializationError, RecursionError) as error:
                raise unreadable("_msearch", error) from error
            self.meta = response.meta
            if not 200 <= response.meta.status < 300 and isinstance(response.body, Mapping):
                raise api_error(response.body, response.meta, response.meta.status)
            responses = searches_in(response.body, need.bodies)
            failed = [leg for leg in responses if "error" in leg]
            if not failed:
                return responses
            if retries_left == 0 or not all(_status(leg) in self.retry_on_status for leg in failed):
                raise api_error(failed[0], response.meta, _status(failed[0]))
            retries_left -= 1

    def response(self, body: dict[str, Any]) -> ObjectApiResponse[Any]:
        """Dress a body as elasticsearch-py does."""
        assert self.meta is not None
        return ObjectApiResponse(body=body, meta=replace(self.meta, status=200))


def api_error(body: Mapping[str, Any], meta: ApiResponseMeta, status: int) -> ApiError:
    """Make the error that elasticsearch-py raises for an error body with this status."""
    error = body.get("error")
    message = str(error)
    if isinstance(error, dict):
        message = str(error.get("type", message))
        error = _with_root_cause(error)
    shown = {"error": error, "status": status}
    return HTTP_EXCEPTIONS.get(status, ApiError)(message=message, meta=replace(meta, status=status), body=shown)


def _with_root_cause(error: dict[str, Any]) -> dict[str, Any]:
    """Return an error with the cause whose reason elasticsearch-py puts into its message."""
    causes = error.get("root_cause")
    first = causes[0] if isinstance(causes, list) and causes else None
    if isinstance(first, dict) and "reason" in first:
        return error
    return {**error, "root_cause": [{"type": error.get("type"), "reason": error.get("reason")}]}


def _status(leg: Mapping[str, Any]) -> int:
    status = leg.get("status")
    return status if isinstance(status, int) else 500


def unless_ignored(error: ApiError, ignored: Any) -> ObjectApiResponse[Any]:
    """Return an error's body where the caller said that its status is to be ignored, else raise the error."""
    if ignored is DEFAULT or ignored is None or error.meta.status not in ignored:
        raise error
    return ObjectApiResponse(body=error.body, meta=error.meta)


def lines(need: MultiSearch) -> list[str | Mapping[str, Any]]:
    """Lay out an `_msearch` body: a header and a body for each search, written where that is the quicker way."""
    return [_written(line) for pair in zip(need.headers, need.bodies, strict=True) for line in pair]


def _written(line: Mapping[str, Any]) -> str | Mapping[str, Any]:
    written = quick_json(line)
    return line if written is None else written.decode()


def index_of(path_parts: Mapping[str, Any] | None) -> str | None:
    """Return the index expression of a path; None when it names no index."""
    index = (path_parts or {}).get("index")
    return unquote(str(index)) if index else None


def mapping_path(index: str | None) -> str:
    """Return the path of an index expression's mappings."""
    return "/_mapping" if index is None else f"/{quote(index, safe=',*')}/_mapping"


def is_opensearchs(client: object) -> bool:
    """True if a client is opensearch-py's, sync or async, or one of ours over it, without importing that."""
    return any(kind.__module__.startswith("opensearchpy") for kind in type(client).__mro__)


def share(es: Elasticsearch | AsyncElasticsearch, made: Elasticsearch | AsyncElasticsearch) -> None:
    """Give a client what another was told beside its connections: credentials, headers and options."""
    for name in _CARRIED_BY_WRAP:
        setattr(made, name, getattr(es, name))
    made._headers = es._headers.copy()
