"""What a drop-in client adds to its connections, written once for all four: which calls it answers, and how.

No I/O here: a call becomes a flow, whose needs the client performs (see `sending.ClientNeed`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, TypeAlias, get_args
from uuid import uuid4

from elastic_transport import ApiResponseMeta, ObjectApiResponse
from elasticsearch import ApiError

from connector.clients.api_errors import unless_ignored
from connector.clients.body_texts import read_lines, read_object, read_search
from connector.clients.call_flows import (
    CallFlow,
    CallNeed,
    OwnSearch,
    Pass,
    ReadCapabilities,
    RenderTemplate,
    multi_search_flow,
    multi_template_flow,
    native_flow,
    search_template_flow,
)
from connector.clients.cluster_facts import ClusterFacts
from connector.clients.ndjson import lines
from connector.clients.query_models import QueryModels
from connector.clients.sending import SEND_JSON, SEND_NDJSON, Call, ClientFlow, Send
from connector.engines import Dialect, ElasticsearchDialect
from connector.errors import RequestError
from connector.request.json_values import Default, as_json, json_default
from connector.request.rank_bodies import is_ranked
from connector.request.routing import cluster_may_run, needs_connector
from connector.request.search_request import parse_request
from connector.search.context import Started, check_budget
from connector.search.flow import search_flow
from connector.search.needs import Compute, Flow, MultiSearch, Need, ReadMappings, Score, translate

Execution: TypeAlias = Literal["auto", "client", "native"]


@dataclass
class Hybrid:
    """What a client adds to its connections; `.options()` hands it on.

    Args:
        models: the models that searches use.
        provenance: add `_hybrid` to the response and to each hit.
        execution: "auto" and "client" run compound retrievers here; "native" passes on what the cluster's licence is
            known to run, and runs here what the cluster then refuses.
        dialect: the cluster's.
        default: what the client's serializer makes of values that JSON does not have.
        budget_ms: how many milliseconds a search may take if it has no budget of its own; None: any time.
    """

    models: QueryModels = field(default_factory=QueryModels)
    provenance: bool = True
    execution: Execution = "auto"
    dialect: Dialect = field(default_factory=ElasticsearchDialect)
    default: Default = json_default
    budget_ms: float | None = None
    cluster: ClusterFacts = field(default_factory=ClusterFacts, init=False)

    def __post_init__(self) -> None:
        if self.execution not in get_args(Execution):
            raise RequestError("execution", self.execution, f"must be one of {', '.join(get_args(Execution))}")
        check_budget(self.budget_ms)
        self._preference = uuid4().hex

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments with which a client makes it."""
        models = self.models
        own = {"encoder": models.encoder, "reranker": models.reranker, "models": models.registered}
        limits = {
            "budget_ms": self.budget_ms,
            "rerank_limit": models.rerank_limit,
            "score_cache": models.score_cache,
        }
        return {**own, **limits, "provenance": self.provenance, "execution": self.execution}

    def handle(self, call: Call) -> ClientFlow[Any]:
        """Answer a call here, or pass it on."""
        return self.answer(self.route(call), call)

    def route(self, call: Call) -> Pass | OwnSearch | CallFlow:
        """Decide what happens to a call, reading its body only as far as that takes.

        Returns:
            `Pass`: it is for the cluster as it is; `OwnSearch`: a search that the cluster can't run; or a flow, for
            a call that holds such searches or may hold them.
        """
        if call.changes_mappings:
            self.cluster.forget_mappings()
        body, index = call.request.body, call.index
        match call.request.endpoint_id:
            case "search":
                search = read_search(body, self.default)
                if not self.runs_here(search):
                    return Pass(body)
                is_for_the_cluster = self.execution == "native" and self.dialect.has_retrievers
                if is_for_the_cluster and cluster_may_run(search, self.models.registered):
                    return native_flow(search, call.params, index)
                return OwnSearch(search, call.params, index)
            case "search_template":
                template = read_object(body)
                if isinstance(template, Mapping):
                    return search_template_flow(template, call.params, index, self.runs_here)
            case "msearch":
                body, own = read_lines(body, self.runs_here)
                if own and len(body) % 2 == 0:
                    return multi_search_flow(body, own, index)
            case "msearch_template":
                body, _ = read_lines(body, self.runs_here)
                if isinstance(body, list | tuple) and len(body) % 2 == 0:
                    return multi_template_flow(body, index, self.runs_here)
        return Pass(body)

    def runs_here(self, body: object) -> bool:
        """True if a search body holds what the cluster can't run on the free licence."""
        if not self.dialect.has_retrievers and isinstance(body, Mapping):
            return "retriever" in body or is_ranked(body)
        return needs_connector(body, self.models.registered)

    def answer(self, routed: CallNeed | CallFlow, call: Call) -> ClientFlow[Any]:
        """Answer a call by what `route` returned, or one need of its flow."""
        match routed:
            case Pass(body):
                return (yield call.request if body is call.request.body else replace(call.request, body=body))
            case OwnSearch():
                return (yield from self._search(routed, call))
            case RenderTemplate(body):
                path, endpoint = "/_render/template", "render_search_template"
                return (yield Send("POST", path, headers=SEND_JSON, body=body, endpoint_id=endpoint))
            case ReadCapabilities():
                return (yield from self.cluster.capabilities(call.caller))
            case flow:
                return (yield from translate(flow, partial(self.answer, call=call)))

    def _search(self, search: OwnSearch, call: Call) -> ClientFlow[ObjectApiResponse[Any]]:
        """Run a search; its response looks as if elasticsearch-py had received it."""
        meta: ApiResponseMeta | None = None

        def perform(need: Need) -> ClientFlow[Any]:
            nonlocal meta
            match need:
                case MultiSearch():
                    request = Send("POST", "/_msearch", need.url_options, SEND_NDJSON, lines(need), "msearch")
                    responses, meta = yield from call.retries.multi_search(request, need.bodies)
                    return responses
                case ReadMappings(index):
                    return (yield from self.cluster.mappings(call.caller, index))
                case Compute():
                    return (yield need)
                case Score():
                    return (yield Compute(partial(self.models.perform, need), need.stop))
                case _:
                    return (yield Compute(partial(self.models.perform, need)))

        flow = self.flow(search, call.caller, Started(call.started_s, self.budget_ms))
        try:
            body = yield from translate(flow, perform)
        except ApiError as error:
            return unless_ignored(error, call.ignored)
        assert meta is not None
        return ObjectApiResponse(body=body, meta=replace(meta, status=200))

    def flow(self, search: OwnSearch, caller: str = "", started: Started | None = None) -> Flow[dict[str, Any]]:
        """Start a search: the request is validated here, before anything is sent."""
        body, params = as_json(search.body, self.default), as_json(search.params, self.default)
        request = parse_request(body, params, search.index, self.models.registered)
        if "preference" not in request.header and not request.has_pit:
            request = replace(request, header={**request.header, "preference": self._preference})
        native = self.cluster.native(caller) if self.execution == "native" else None
        return search_flow(request, self.dialect, with_provenance=self.provenance, native=native, started=started)
