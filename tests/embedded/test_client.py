"""elasticsearch-py's own clients, helpers and errors on the engine."""

from __future__ import annotations

from typing import Any

import pytest
from elastic_transport import HttpHeaders, NodeConfig
from elasticsearch import ApiError, AsyncElasticsearch, BadRequestError, Elasticsearch, NotFoundError, helpers

from connector.embedded import AsyncEmbeddedNode, EmbeddedNode, Engine, node_classes

NODE = NodeConfig(scheme="http", host="embedded", port=9200)


def test_each_client_has_an_engine_of_its_own(client: Elasticsearch) -> None:
    client.index(index="t", id="1", document={"text": "fox"})
    with Elasticsearch("http://embedded:9200", node_class=EmbeddedNode) as other:
        assert not other.indices.exists(index="t")


async def test_a_sync_and_an_async_client_share_an_engine() -> None:
    sync_class, async_class = node_classes(Engine())
    with Elasticsearch("http://embedded:9200", node_class=sync_class) as client:
        client.index(index="t", id="1", document={"text": "fox"})
    async with AsyncElasticsearch("http://embedded:9200", node_class=async_class) as asynchronous:
        found = await asynchronous.search(index="t", query={"match": {"text": "fox"}})
    assert found["hits"]["total"] == {"value": 1, "relation": "eq"}


async def test_the_async_node_can_stand_alone() -> None:
    async with AsyncElasticsearch("http://embedded:9200", node_class=AsyncEmbeddedNode) as client:
        assert (await client.info())["tagline"] == "You Know, for Search"


@pytest.mark.parametrize("major", ["8", "9"])
def test_the_answer_has_the_media_type_of_the_clients_major(major: str) -> None:
    accept = HttpHeaders({"accept": f"application/vnd.elasticsearch+json; compatible-with={major}"})

    meta, _ = EmbeddedNode(NODE).perform_request("GET", "/", headers=accept)

    assert meta.headers["x-elastic-product"] == "Elasticsearch"
    assert meta.headers["content-type"] == f"application/vnd.elasticsearch+json;compatible-with={major}"


def test_bulk_reports_each_item_that_is_refused_and_keeps_the_rest(client: Elasticsearch) -> None:
    client.indices.create(index="t", mappings={"properties": {"v": {"type": "dense_vector", "dims": 2}}})
    vectors = {"right": [1, 2], "short": [1], "zero": [0, 0]}
    actions = [{"_index": "t", "_id": doc_id, "v": vector} for doc_id, vector in vectors.items()]

    indexed, errors = helpers.bulk(client, actions, raise_on_error=False)

    assert indexed == 1
    assert isinstance(errors, list)
    assert [(item["index"]["_id"], item["index"]["status"], item["index"]["error"]["type"]) for item in errors] == [
        ("short", 400, "document_parsing_exception"),
        ("zero", 400, "document_parsing_exception"),
    ]


def test_a_missing_index_is_the_error_of_a_real_node(client: Elasticsearch) -> None:
    with pytest.raises(NotFoundError) as caught:
        client.search(index="nowhere")
    root = {
        "type": "index_not_found_exception",
        "reason": "no such index [nowhere]",
        "resource.type": "index_or_alias",
        "resource.id": "nowhere",
        "index_uuid": "_na_",
        "index": "nowhere",
    }
    assert caught.value.body == {"error": {"root_cause": [root], **root}, "status": 404}


@pytest.mark.parametrize(
    ("body", "kind", "named"),
    [
        ({"sort": ["k"]}, "parsing_exception", "sort"),
        ({"query": {"span_near": {}}}, "parsing_exception", "span_near"),
        ({"query": {"match": {"text": {"query": "fox", "fuzziness": 1}}}}, "parsing_exception", "fuzziness"),
        ({"retriever": {"rrf": {"retrievers": []}}}, "parsing_exception", "unknown retriever [rrf]"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(
    client: Elasticsearch, body: dict[str, object], kind: str, named: str
) -> None:
    client.indices.create(index="t")
    with pytest.raises(BadRequestError) as caught:
        client.options().perform_request("POST", "/t/_search", headers={"content-type": "application/json"}, body=body)
    assert caught.value.body["error"]["type"] == kind
    assert named in caught.value.body["error"]["reason"]


def test_an_unknown_query_string_parameter_is_refused_by_name(client: Elasticsearch) -> None:
    client.indices.create(index="t")
    with pytest.raises(BadRequestError, match=r"unrecognized parameter: \[scroll\]"):
        next(iter(helpers.scan(client, index="t")))


def test_one_line_of_msearch_can_fail_alone(client: Elasticsearch) -> None:
    client.index(index="t", id="1", document={"text": "fox"})

    answers = client.msearch(searches=[{"index": "nowhere"}, {}, {"index": "t"}, {"query": {"match": {"text": "fox"}}}])

    assert [answer["status"] for answer in answers["responses"]] == [404, 200]


def test_a_refused_document_leaves_no_field_in_the_mapping(client: Elasticsearch) -> None:
    client.indices.create(index="t", mappings={"properties": {"n": {"type": "integer"}}})
    with pytest.raises(ApiError):
        client.index(index="t", document={"new": "text", "n": "no number"})
    assert client.indices.get_mapping(index="t")["t"]["mappings"] == {"properties": {"n": {"type": "integer"}}}


@pytest.mark.parametrize("action", ["index", "create", "update"])
@pytest.mark.parametrize("bad", ["", "x" * 513, "é" * 257, "\ud800", "a\udc00b", ["a"], {"a": 1}])
def test_one_bad_id_fails_one_operation_of_a_bulk_request(client: Elasticsearch, action: str, bad: object) -> None:
    source = {"doc": {}, "doc_as_upsert": True} if action == "update" else {}
    operations: list[dict[str, Any]] = [
        {"index": {"_id": "1"}},
        {},
        {action: {"_id": bad}},
        source,
        {"index": {"_id": "2"}},
        {},
    ]

    answer = client.bulk(index="t", operations=operations)

    statuses = [next(iter(item.values()))["status"] for item in answer["items"]]
    assert statuses == [201, 400, 201]
    assert "id" in answer["items"][1][action]["error"]["reason"]
    assert client.count(index="t")["count"] == 2


@pytest.mark.parametrize("written", [5, 5.5, True, 10**30])
def test_an_id_that_is_no_string_is_its_text_as_on_a_real_node(client: Elasticsearch, written: object) -> None:
    client.bulk(index="t", operations=[{"index": {"_id": written}}, {}])
    assert client.exists(index="t", id=str(written).lower())


def test_a_body_of_more_than_100_mib_is_refused_as_a_whole() -> None:
    engine = Engine()
    answer = engine.handle("POST", "/t/_bulk", b'{"index": {}}\n' + b'{"a": "' + b"x" * (100 << 20) + b'"}\n')
    assert answer.status == 413
    assert engine.handle("HEAD", "/t").status == 404


def test_a_request_nested_too_deep_is_refused_and_says_so(client: Elasticsearch) -> None:
    headers = {"accept": "application/json", "content-type": "application/json"}
    for path, body in (("/t/_search", "[" * 100_000), ("/t/_doc/1", '{"a": ' * 5_000 + "1" + "}" * 5_000)):
        with pytest.raises(BadRequestError):
            client.perform_request("POST", path, headers=headers, body=body)
    with pytest.raises(BadRequestError, match="nesting depth exceeds the maximum allowed"):
        client.index(index="t", document={"a": [[[[]]]], "b": deep(250)})
    assert client.index(index="t", document={"b": [deep(18)]})["result"] == "created"


def deep(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = {"a": value}
    return value
