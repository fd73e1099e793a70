"""What is cached between calls is bounded, and never shared between callers."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest
from elastic_transport import ApiResponseMeta, HttpHeaders
from elastic_transport._node import NodeApiResponse
from opensearchpy import Connection

from connector import HybridElasticsearch, HybridOpenSearch
from connector.clients import cluster_facts
from connector.errors import RequestError
from connector.search.keeping import caller_of
from tests.engines.saying import LEG, SayingNode, written
from tests.models_by_hand import count_words, first_words

VECTOR_TREE: dict[str, Any] = {
    "rrf": {
        "retrievers": [
            {"standard": {"query": {"match": {"body": "car"}}}},
            {"knn": {"field": "vector", "query_vector": [1.0, 2.0], "k": 3, "num_candidates": 9}},
        ]
    }
}
TREE: dict[str, Any] = {"rrf": {"retrievers": [{"standard": {"query": {"match_all": {}}}}] * 2}}


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ({"authorization": "ApiKey a"}, {"authorization": "ApiKey b"}, False),
        ({"authorization": "ApiKey a"}, {}, False),
        ({"authorization": "ApiKey a"}, {"Authorization": "ApiKey a"}, True),
        ({"es-security-runas-user": "ann"}, {"es-security-runas-user": "bob"}, False),
        ({"x-forwarded-user": "ann"}, {"x-forwarded-user": "bob"}, False),
        ({"cookie": "a"}, {"cookie": "b"}, False),
        ({"x-opaque-id": "1"}, {"x-opaque-id": "2", "accept": "application/json", "traceparent": "00"}, True),
        (None, {}, True),
    ],
)
def test_who_asks_is_told_by_all_headers_that_may_say_so(one: Any, other: Any, is_same: bool) -> None:
    assert (caller_of(one) == caller_of(other)) is is_same


def test_credentials_are_not_in_the_name_of_a_caller() -> None:
    assert "SECRET" not in caller_of({"authorization": "ApiKey SECRET"})


class GuardedNode(SayingNode):
    """A cluster where only the key HIGH may read mappings and the licence; `asked` lists paths and keys."""

    asked: list[tuple[str, str]]
    mappings: ClassVar[dict[str, Any]] = {
        "payroll-secret": {"mappings": {"properties": {"vector": {"type": "dense_vector", "dims": 1024}}}}
    }

    def perform_request(
        self, method: str, target: str, body: Any = None, headers: Any = None, request_timeout: Any = None
    ) -> NodeApiResponse:
        path, key = target.partition("?")[0], (headers or {}).get("authorization", "")
        type(self).asked.append((path, key))
        guarded = "_mapping" in path or path == "/_license"
        status, answer = 200, {**LEG, "native": True}
        if guarded and key != "ApiKey HIGH":
            status, answer = 403, {"error": {"type": "security_exception", "reason": "no"}, "status": 403}
        elif "_mapping" in path:
            answer = self.mappings
        elif path == "/_license":
            answer = {"license": {"type": "enterprise", "status": "active"}}
        elif path == "/_msearch":
            answer = {"responses": [LEG] * (body.count(b"\n") // 2)}
        answered = HttpHeaders({"x-elastic-product": "Elasticsearch", "content-type": "application/json"})
        return NodeApiResponse(ApiResponseMeta(status, "1.1", answered, 0.0, self.config), written(answer))


@pytest.fixture
def node() -> Any:
    return type("GuardedNode", (GuardedNode,), {"asked": []})


def client_of(node: Any, **options: Any) -> HybridElasticsearch:
    models: dict[str, Any] = {"encoder": count_words, "reranker": first_words}
    return HybridElasticsearch("http://made:9200", node_class=node, api_key="HIGH", **models, **options)


@pytest.mark.parametrize(
    "low", [{"api_key": "LOW"}, {"basic_auth": ("low", "pw")}, {"bearer_auth": "low"}, {"headers": {"x-user": "low"}}]
)
def test_what_one_caller_may_read_is_in_no_error_of_another(node: Any, low: dict[str, Any]) -> None:
    with client_of(node) as high:
        for _ in range(2):
            with pytest.raises(ValueError, match="payroll-secret"):
                high.search(index="payroll", retriever=VECTOR_TREE)
        other = high.options(**low)
        if "headers" in low:
            other._headers["authorization"] = "ApiKey OTHER"
        other.search(index="payroll", retriever=VECTOR_TREE)
    assert [path for path, _ in node.asked].count("/payroll/_mapping") == 2


@pytest.mark.parametrize("order", [["HIGH", "LOW", "HIGH"], ["LOW", "HIGH", "LOW"]])
def test_what_one_caller_may_not_read_changes_nothing_for_another(node: Any, order: list[str]) -> None:
    passed = {}
    with client_of(node, execution="native") as client:
        for key in order:
            passed[key] = "native" in client.options(api_key=key).search(index="cars", retriever=TREE)
    assert passed == {"HIGH": True, "LOW": False}
    assert [path for path, _ in node.asked].count("/_license") == 2


def test_the_mappings_of_any_number_of_indices_and_callers_are_kept_within_bounds(node: Any) -> None:
    fields = {f"field_{number}": {"type": "keyword"} for number in range(200)}
    node.mappings = {"tenant": {"mappings": {"properties": fields}}}
    with client_of(node) as client:
        for number in range(300):
            client.search(index=f"tenant-{number}", retriever=VECTOR_TREE)
        assert len(client.hybrid.cluster._mappings) == cluster_facts._MOST_FIELDS // 201
        for number in range(300):
            client.options(headers={"x-user": str(number)}).read_mappings("tenant")
        assert len(client.hybrid.cluster._mappings) <= cluster_facts._MOST_INDICES


def test_mappings_with_more_fields_than_are_kept_are_read_once_while_they_are_the_newest(node: Any) -> None:
    fields = {f"field_{number}": {"type": "keyword"} for number in range(cluster_facts._MOST_FIELDS)}
    node.mappings = {"tenant": {"mappings": {"properties": fields}}}
    with client_of(node) as client:
        for index in ("tenant", "tenant", "other", "tenant"):
            client.read_mappings(index)
    assert [path for path, _ in node.asked] == ["/tenant/_mapping", "/other/_mapping", "/tenant/_mapping"]


class GuardedConnection(Connection):
    """An OpenSearch where only the key HIGH may read mappings and run a hybrid query; `asked` lists paths and keys."""

    asked: ClassVar[list[tuple[str, str]]]

    def perform_request(  # type: ignore[override]
        self, method: str, url: str, params: Any = None, body: Any = None, **rest: Any
    ) -> Any:
        path, key = url.partition("?")[0], (rest.get("headers") or {}).get("authorization", "")
        type(self).asked.append((path, key))
        is_high = key == "ApiKey HIGH"
        if "_mapping" in path and not is_high:
            self._raise_error(403, '{"error":{"type":"security_exception"},"status":403}')
        answer: dict[str, Any] = {"cars-secret": {"mappings": {"properties": {"vector": VECTORS}}}}
        if path == "/_msearch":
            legs = [LEG] * (body.count(b"\n") // 2)
            refused = {"error": {"type": "security_exception", "reason": "no"}, "status": 403}
            answer = {"responses": [refused] if b'"hybrid"' in body and not is_high else legs}
        return 200, {"content-type": "application/json"}, json.dumps(answer)


VECTORS = {"type": "knn_vector", "dimension": 1024}


@pytest.fixture
def connection() -> Any:
    return type("GuardedConnection", (GuardedConnection,), {"asked": []})


def opensearch_of(connection: Any, **options: Any) -> HybridOpenSearch:
    models: dict[str, Any] = {"encoder": count_words, "reranker": first_words}
    return HybridOpenSearch("http://made:9200", connection_class=connection, max_retries=0, **models, **options)


def test_mappings_of_opensearch_are_read_and_kept_with_the_credentials_of_each_request(connection: Any) -> None:
    client = opensearch_of(connection)
    body = {"retriever": VECTOR_TREE}
    with pytest.raises(RequestError, match="cars-secret"):
        client.search(index="cars", body=body, headers={"authorization": "ApiKey HIGH"})
    for headers in ({"authorization": "ApiKey LOW"}, {}):
        client.search(index="cars", body=body, headers=headers)
    keys = [key for path, key in connection.asked if path == "/cars/_mapping"]
    assert keys == ["ApiKey HIGH", "ApiKey LOW", ""]


def test_a_fusion_that_opensearch_refuses_one_caller_is_still_passed_on_for_another(connection: Any) -> None:
    client = opensearch_of(connection, execution="native")
    passed = {}
    for key in ("LOW", "HIGH"):
        found = client.search(index="cars", body={"retriever": TREE}, headers={"authorization": f"ApiKey {key}"})
        passed[key] = "_hybrid" not in found
    assert passed == {"LOW": False, "HIGH": True}
