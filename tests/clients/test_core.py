"""Calls become two kinds of needs, requests and work, whatever they hold; driven by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from elastic_transport import ApiResponseMeta, HttpHeaders, NodeConfig, ObjectApiResponse

from connector.clients.call_flows import OwnSearch, Pass
from connector.clients.core import Hybrid
from connector.clients.query_models import QueryModels
from connector.clients.sending import Call, ClientNeed, Send
from connector.search.needs import Compute, run
from tests.flows import LEXICAL, RRF, answer, ids, rerank
from tests.models_by_hand import count_words, first_words

META = ApiResponseMeta(200, "1.1", HttpHeaders(), 0.0, NodeConfig("http", "made", 9200))
CAR: dict[str, Any] = {"retriever": {"rrf": {"retrievers": [LEXICAL]}}}
PLAIN: dict[str, Any] = {"query": {"match_all": {}}}


def call_of(body: Any, endpoint: str = "search") -> Call:
    return Call(Send("POST", f"/cars/_{endpoint}", body=body, endpoint_id=endpoint), index="cars")


class Cluster:
    """Answers requests by path, with {} for any other path, and does the work; remembers both."""

    def __init__(self, **answers: dict[str, Any]) -> None:
        self.answers = answers
        self.needs: list[ClientNeed] = []

    def perform(self, need: ClientNeed) -> Any:
        self.needs.append(need)
        if isinstance(need, Compute):
            return need.work()
        return ObjectApiResponse(body=self.answers.get(need.path.rpartition("/_")[2], {}), meta=META)

    @property
    def asked(self) -> list[str]:
        """The requests' methods and paths, and "work"."""
        return [f"{need.method} {need.path}" if isinstance(need, Send) else "work" for need in self.needs]


def legs(*names: str) -> dict[str, Any]:
    return {"took": 1, "responses": [answer((name, 1.0)) for name in names]}


def test_a_call_without_own_searches_is_sent_as_it_came() -> None:
    cluster, call = Cluster(search={"hits": "theirs"}), call_of(PLAIN)
    assert run(Hybrid().handle(call), cluster.perform).body == {"hits": "theirs"}
    assert cluster.needs == [call.request]


def test_a_search_is_requests_and_work() -> None:
    cluster, hybrid = Cluster(msearch=legs("a")), Hybrid(QueryModels(count_words, first_words))
    found = run(hybrid.handle(call_of({"retriever": rerank(CAR["retriever"])})), cluster.perform)
    assert ids(found.body) == ["a"]
    assert cluster.asked == ["POST /_msearch", "work", "work"]  # texts are taken from the hits, then scored


def test_a_vector_leg_reads_the_mappings_once_for_each_caller() -> None:
    cluster, hybrid = Cluster(msearch=legs("a", "b")), Hybrid()
    for key in ("a", "a", "b"):
        call = replace(call_of({"retriever": RRF}), sent_headers={"authorization": key})
        run(hybrid.handle(call), cluster.perform)
    assert cluster.asked.count("GET /cars/_mapping") == 2


def test_a_call_that_changes_mappings_forgets_them() -> None:
    cluster, hybrid = Cluster(msearch=legs("a", "b")), Hybrid()
    search, put = call_of({"retriever": RRF}), Call(Send("PUT", "/cars/_mapping"), changes_mappings=True)
    for call in (search, put, search):
        run(hybrid.handle(call), cluster.perform)
    mappings = [asked for asked in cluster.asked if asked.endswith("_mapping")]
    assert mappings == ["GET /cars/_mapping", "PUT /cars/_mapping", "GET /cars/_mapping"]


@pytest.mark.parametrize("body", [CAR, json.dumps(CAR), json.dumps(CAR).encode()])
def test_a_search_is_found_whatever_form_its_body_has(body: Any) -> None:
    assert Hybrid().route(call_of(body)) == OwnSearch(CAR, {}, "cars")


@pytest.mark.parametrize("body", [PLAIN, None, "", '{"retriever"', [], {"retriever": LEXICAL}])
def test_any_other_body_is_passed_on_untouched(body: Any) -> None:
    assert Hybrid().route(call_of(body)) == Pass(body)


def test_a_line_with_an_unreadable_header_is_for_the_cluster_to_judge() -> None:
    lines = [b"{header}", json.dumps(CAR).encode()]
    assert Hybrid().route(call_of(b"\n".join(lines), "msearch")) == Pass([line.decode() for line in lines])
