"""Calls that hold searches, driven by hand, and through a client over the embedded engine."""

from __future__ import annotations

from typing import Any

import pytest
from elastic_transport import ConnectionTimeout
from elasticsearch import NotFoundError

from connector import Connector, HybridElasticsearch, connect
from connector.clients.call_flows import (
    CallNeed,
    OwnSearch,
    Pass,
    ReadCapabilities,
    multi_search_flow,
    native_flow,
)
from connector.clients.core import Hybrid
from connector.clients.sending import Call, Send
from connector.engines.capabilities import Capabilities
from connector.errors import (
    EncoderMismatchError,
    MalformedAnswerError,
    ModelError,
    ModelNotFoundError,
    RequestError,
    error_text,
)
from connector.request.routing import cluster_may_run
from connector.search.needs import run
from tests.clients.call_answers import OURS, PLAIN, answered, refused, response
from tests.models_by_hand import count_words, first_words


def test_lines_of_ours_are_run_here_and_the_others_pass_in_one_call() -> None:
    asked: list[CallNeed] = []
    body = [{"index": "a"}, PLAIN, {"index": ["b", "c"], "preference": "x"}, OURS, {}, PLAIN]
    perform = answered(asked, response(took=3, responses=["first", "last"]), response(took=5, hits="ours"))
    found = run(multi_search_flow(body, [1], "d"), perform)
    assert asked == [Pass([{"index": "a"}, PLAIN, {}, PLAIN]), OwnSearch(OURS, {"preference": "x"}, "b,c")]
    assert found.body == {"took": 5, "responses": ["first", {"took": 5, "hits": "ours", "status": 200}, "last"]}


def test_a_line_without_an_index_searches_the_calls() -> None:
    asked: list[CallNeed] = []
    run(multi_search_flow([{}, OURS], [0], "articles"), answered(asked, response(took=1)))
    assert asked == [OwnSearch(OURS, {}, "articles")]


def test_a_line_that_fails_has_its_error_in_its_own_answer() -> None:
    missing = NotFoundError("index_not_found_exception", refused(404, "").meta, {"error": {"type": "x"}, "status": 404})
    perform = answered([], response(took=1), missing, RequestError("size", -1, "must be at least 0"))
    found = run(multi_search_flow([{}, OURS] * 3, [0, 1, 2], "articles"), perform).body["responses"]
    assert [each["status"] for each in found] == [200, 404, 400]
    assert found[1]["error"] == {"type": "x"}
    assert found[2]["error"]["type"] == "illegal_argument_exception"
    assert "must be at least 0" in found[2]["error"]["reason"]


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (EncoderMismatchError("another encoder"), 400, "illegal_argument_exception"),
        (ModelError("the encoder raised RuntimeError"), 500, "model_error"),
        (ModelNotFoundError("no such model"), 500, "model_not_found_error"),
        (MalformedAnswerError("_msearch", "is no object", "<html>"), 500, "malformed_answer_error"),
        (ConnectionTimeout("timed out"), 503, "connection_timeout"),
        (RuntimeError("a fault of our own"), 500, "runtime_error"),
        (StopIteration(), 500, "stop_iteration"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_whatever_a_line_raises_costs_its_own_answer_alone_and_its_text_is_in_the_log(
    error: Exception, status: int, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    perform = answered([], response(responses=["theirs"]), response(took=1), error, response(took=2))
    found = run(multi_search_flow([{}, PLAIN, *([{}, OURS] * 3)], [1, 2, 3], "articles"), perform).body["responses"]
    assert [found[0], found[1]["status"], found[3]["status"]] == ["theirs", 200, 200]
    assert (found[2]["status"], found[2]["error"]["type"]) == (status, kind)
    told = str(error) if status == 400 else f"a line of msearch failed: {type(error).__name__} (see the log of "
    assert found[2]["error"]["reason"].startswith(told)
    assert (error_text(error) in caplog.text) is (status != 400)


def failing_encoder(texts: list[str]) -> Any:
    raise OSError("encoder endpoint 503")


def test_an_encoders_own_exception_is_a_model_error_of_the_search_and_of_its_line_alone() -> None:
    with connect("embedded:", models={"broken": failing_encoder}, encoder=count_words) as client:
        vector = {"type": "dense_vector", "dims": 9, "index": True, "similarity": "cosine"}
        client.indices.create(index="cars", mappings={"properties": {"v": vector}})
        client.index(index="cars", id="1", document={"body": "small car"}, refresh=True)
        builder = {"text_embedding": {"model_id": "broken", "model_text": "car"}}
        knn = {"knn": {"field": "v", "query_vector_builder": builder, "k": 1, "num_candidates": 1}}
        broken: dict[str, Any] = {"retriever": {"rrf": {"retrievers": [LEG, knn]}}}
        with pytest.raises(ModelError, match=r"encoder '.*failing_encoder' raised OSError: encoder endpoint 503"):
            client.search(index="cars", **broken)
        whole = {"retriever": {"rrf": {"retrievers": [LEG, LEG]}}}
        header = {"index": "cars"}
        found = client.msearch(searches=[header, broken, header, PLAIN, header, whole])["responses"]
    assert [each["status"] for each in found] == [500, 200, 200]
    assert found[0]["error"]["type"] == "model_error"


def test_an_encoders_own_exception_is_a_model_error_where_an_index_is_created() -> None:
    with (
        connect("embedded:", encoder=failing_encoder) as client,
        pytest.raises(ModelError, match="encoder endpoint 503"),
    ):
        Connector(client, "cars", text_fields=["body"]).create()


def test_where_every_line_is_wrong_the_error_is_raised() -> None:
    with pytest.raises(RequestError, match="at least 0"):
        run(multi_search_flow([{}, OURS], [0], "a"), answered([], RequestError("size", -1, "must be at least 0")))


ENTERPRISE = Capabilities((9, 5, 3), "default", "enterprise")


def test_native_execution_passes_on_what_the_licence_runs_and_runs_here_what_is_refused_all_the_same() -> None:
    asked: list[CallNeed] = []
    run(native_flow(OURS, {}, "a"), answered(asked, ENTERPRISE, response(hits="theirs")))
    assert asked == [ReadCapabilities(), Pass(OURS)]
    asked.clear()
    refusal = refused(403, "security_exception", "current license is non-compliant for [rrf]")
    run(native_flow(OURS, {"preference": "x"}, "a"), answered(asked, ENTERPRISE, refusal, response(hits="ours")))
    assert asked == [ReadCapabilities(), Pass(OURS), OwnSearch(OURS, {"preference": "x"}, "a")]


@pytest.mark.parametrize("known", [Capabilities(), Capabilities((9, 5, 3), "default", "basic")])
def test_native_execution_sends_nothing_that_is_not_known_to_run_there(known: Capabilities) -> None:
    asked: list[CallNeed] = []
    run(native_flow(OURS, {}, "a"), answered(asked, known, response(hits="ours")))
    assert asked == [ReadCapabilities(), OwnSearch(OURS, {}, "a")]


LEG: dict[str, Any] = {"standard": {"query": {"match": {"body": "car"}}}}


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({"rrf": {"retrievers": [LEG]}}, True),
        ({"linear": {"retrievers": [{"retriever": LEG, "normalizer": "minmax"}]}}, True),
        ({"linear": {"retrievers": [{"retriever": LEG, "normalizer": "dbsf"}]}}, False),
        ({"text_similarity_reranker": {"retriever": LEG, "field": "body", "inference_id": "elser"}}, True),
        ({"text_similarity_reranker": {"retriever": LEG, "field": "body", "inference_id": "mine"}}, False),
        ({"text_similarity_reranker": {"retriever": LEG, "field": "body"}}, False),
        ({"text_similarity_reranker": {"retriever": LEG, "field": ["a"], "inference_id": "elser"}}, False),
        ({"text_similarity_reranker": {"retriever": LEG, "inference_id": "elser", "blend": 0.5}}, False),
        ({"rrf": {"retrievers": [{"knn": {"query_vector_builder": {"text_embedding": {"model_text": "a"}}}}]}}, False),
    ],
)
def test_a_tree_that_only_we_know_is_never_sent(tree: dict[str, Any], expected: bool) -> None:
    assert cluster_may_run(tree, {"mine"}) is expected


def test_native_execution_falls_back_on_an_engine_that_knows_no_compound_retriever() -> None:
    with connect("embedded:", encoder=count_words, reranker=first_words, execution="native") as client:
        client.index(index="cars", id="1", document={"body": "small car"}, refresh=True)
        tree = {"rrf": {"retrievers": [LEG]}}
        assert [hit["_id"] for hit in client.search(index="cars", retriever=tree)["hits"]["hits"]] == ["1"]


def test_an_unknown_execution_is_named() -> None:
    with pytest.raises(RequestError, match="execution: 'fast': must be one of auto, client, native"):
        connect("embedded:", execution="fast")


def test_an_msearch_that_ends_with_a_header_is_for_the_cluster_to_judge() -> None:
    hybrid = Hybrid()
    ours: dict[str, Any] = {"retriever": {"rrf": {"retrievers": [LEG]}}}

    def is_passed_on(*lines: dict[str, Any]) -> bool:
        return isinstance(hybrid.route(Call(Send("POST", "/_msearch", body=lines, endpoint_id="msearch"))), Pass)

    assert not is_passed_on({}, ours)
    assert is_passed_on({}, ours, {})


def test_msearch_mixes_both_kinds_on_an_engine() -> None:
    with connect("embedded:", encoder=count_words, reranker=first_words) as client:
        assert isinstance(client, HybridElasticsearch)
        client.index(index="cars", id="1", document={"body": "small car"}, refresh=True)
        client.index(index="cars", id="2", document={"body": "slow car"}, refresh=True)
        leg = {"standard": {"query": {"match": {"body": "small"}}}}
        searches: list[dict[str, Any]] = [
            {"index": "cars"},
            {"retriever": {"rrf": {"retrievers": [leg]}}},
            {"index": "cars"},
            {"query": {"match": {"body": "slow"}}},
            {"index": "vans"},
            {"retriever": {"rrf": {"retrievers": [leg]}}},
        ]
        first, second, third = client.msearch(searches=searches)["responses"]
    assert [hit["_id"] for hit in first["hits"]["hits"]] == ["1"]
    assert [hit["_id"] for hit in second["hits"]["hits"]] == ["2"]
    assert (third["status"], third["error"]["type"]) == (404, "index_not_found_exception")
