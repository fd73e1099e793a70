"""Whatever a cluster answers, a call ends with a result or a documented error that shows the beginning of what came."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from elasticsearch import ApiError, Elasticsearch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector import Connector, HybridElasticsearch
from connector.cli.diagnosis import examine
from connector.engines.answers import mappings_in, point_in_time_in, rendered_in, search_in, searches_in
from connector.engines.checks import ServerResponse
from connector.errors import MalformedAnswerError, ReindexError
from connector.reindexing.cluster.cluster import Cluster
from connector.reindexing.cluster.retrying import Patience
from connector.reindexing.items import Key
from connector.search.needs import run
from tests.engines.saying import (
    DOCUMENTED,
    LEG,
    MAPPINGS,
    TREE,
    WRONG,
    changed,
    client_saying,
    node_saying,
    places,
    whole,
    written,
)

pytestmark = pytest.mark.filterwarnings("ignore:index:UserWarning")
HTML = b"<html><title>Sign in</title></html>"
DEEP = b'{"responses":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
NO_JSON = {
    "a page": (HTML, "Sign in"),
    "a page as text": (written(HTML.decode()), "Sign in"),
    "nothing": (b"", "None"),
    "null": (b"null", "None"),
    "a list": (b"[]", r"\[\]"),
    "a number": (b"5", "5"),
    "an object": (b'{"acknowledged":true}', "acknowledged"),
    "cut short": (b'{"responses":[{"hits"', "responses"),
    "another encoding": (b'\xff\xfe{"responses":[]}', "responses"),
    "a very long number": (b'{"took":' + b"9" * 5_000 + b"}", "took"),
    "very deep": (DEEP, "too deeply"),
}
CALLS: dict[str, Callable[[HybridElasticsearch], Any]] = {
    "search": lambda client: client.search(index="cars", retriever=TREE),
    "Connector.search": lambda client: Connector(client, "cars", text_fields=["body"]).search("car"),
    "Connector.index": lambda client: Connector(client, "cars", text_fields=["body"]).index([{"body": "car"}]),
    "Connector.pages": lambda client: next(Connector(client, "cars", text_fields=["body"]).pages("car")),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(("content", "shown"), NO_JSON.values(), ids=NO_JSON)
@pytest.mark.parametrize("at", ["everywhere", "but for the mapping"])
def test_what_is_no_answer_at_all_is_shown(
    call: Callable[[HybridElasticsearch], Any], content: bytes, shown: str, at: str
) -> None:
    def say(target: str, body: bytes) -> bytes:
        return written(MAPPINGS) if at != "everywhere" and "_mapping" in target else content

    with client_saying(say) as client, pytest.raises(MalformedAnswerError, match=shown) as caught:
        call(client)
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize(
    ("items", "fault"),
    [
        ([], "items has 0 items, must have 2"),
        ([{"index": {"status": 201}}], "items has 1 items, must have 2"),
        ([{"index": {"status": 201}}] * 3, "items has 3 items, must have 2"),
        ([{"index": {"status": 201}}, None], r"items\[1\] is null"),
        ([{"index": {"status": 201}}, {}], r"items\[1\] has 0 kinds of action"),
        ([{"index": {"status": 201}}, {"index": {}}], r"items\[1\].index.status is missing"),
        ([{"index": {"status": "201"}}] * 2, r"items\[0\].index.status is a text"),
        (None, "items is null, must be a list"),
    ],
)
def test_no_document_is_lost_where_a_bulk_answers_for_fewer(items: Any, fault: str) -> None:
    def say(target: str, body: bytes) -> bytes:
        return written(MAPPINGS if "_mapping" in target else {"items": items, "errors": False})

    with client_saying(say) as client, pytest.raises(MalformedAnswerError, match=fault):
        Connector(client, "cars", text_fields=["body"]).index([{"body": "car"}, {"body": "bus"}])


@pytest.mark.parametrize("score", [None, "1.0", True, float("nan"), float("inf"), 10**400, -1e39, [1.0]])
def test_a_score_that_is_no_finite_number_is_refused(score: Any) -> None:
    answer = changed(whole(1), ("responses", 0, "hits", "hits", 0, "_score"), score)
    with pytest.raises(MalformedAnswerError, match=r"hits\[0\]._score is .*, must be a finite number"):
        searches_in(answer, [{}])


def test_a_search_with_an_order_of_its_own_has_no_scores() -> None:
    answer = changed(whole(1), ("responses", 0, "hits", "hits", 0, "_score"), None)
    assert searches_in(answer, [{"sort": ["_doc"]}]) == answer["responses"]


def test_an_answer_that_counts_no_hits_needs_no_total() -> None:
    answer = changed(whole(1), ("responses", 0, "hits", "total"), ...)
    assert searches_in(answer, [{"track_total_hits": False}]) == answer["responses"]
    with pytest.raises(MalformedAnswerError, match=r"hits\.total is missing"):
        searches_in(answer, [{}])


def test_whole_answers_are_returned_as_they_came() -> None:
    assert searches_in(whole(), [{}, {}]) == whole()["responses"]
    assert search_in(LEG) == LEG
    assert mappings_in(MAPPINGS) == MAPPINGS
    assert point_in_time_in({"id": "abc"}) == "abc"
    assert rendered_in({"template_output": {"size": 1}}) == {"size": 1}


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "path", [("_shards", "failures"), ("hits", "hits", 0, "fields", "body")], ids=["failures", "fields"]
)
def test_a_part_too_deep_for_what_reads_it_is_refused(path: tuple[Any, ...]) -> None:
    assert search_in(changed(LEG, path, nested(50)))
    with pytest.raises(MalformedAnswerError, match="nested more than 200 levels deep"):
        search_in(changed(LEG, path, nested(900)))


def test_a_mapping_too_deep_is_refused() -> None:
    mapping: dict[str, Any] = {"type": "text"}
    for _ in range(900):
        mapping = {"properties": {"a": mapping}}
    with pytest.raises(MalformedAnswerError, match="nested more than 200 levels deep"):
        mappings_in({"cars": {"mappings": mapping}})


@pytest.mark.parametrize("body", [None, [], "text", {"id": 5}, {}])
def test_what_names_no_point_in_time_and_renders_no_template_is_refused(body: Any) -> None:
    with pytest.raises(MalformedAnswerError):
        point_in_time_in(body)
    with pytest.raises(MalformedAnswerError):
        rendered_in(body)


@pytest.mark.parametrize("root_cause", [..., None, 5, [], [5], [{}], {}])
def test_the_clusters_reason_is_in_the_message_however_the_error_is_written(root_cause: Any) -> None:
    reason = "index [cars] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark]"
    error = {"type": "cluster_block_exception", "reason": reason, "root_cause": root_cause}
    if root_cause is ...:
        del error["root_cause"]
    answer = {"responses": [LEG, {"error": error, "status": 429}]}

    def say(target: str, body: bytes) -> bytes:
        return written(MAPPINGS if "_mapping" in target else answer)

    with client_saying(say) as client, pytest.raises(ApiError, match=re.escape(reason)) as caught:
        client.search(index="cars", retriever=TREE)
    assert caught.value.status_code == 429


@pytest.mark.parametrize("licence", [HTML, b"null", b"[]", b"5", DEEP, b'{"license":5}', b'{"license":{"type":[]}}'])
def test_a_cluster_whose_licence_cant_be_read_is_searched_all_the_same(licence: bytes) -> None:
    info = {"version": {"number": "²." + "9" * 5_000}}
    answers = {"/": written(info), "/_license": licence, "/_msearch": written(whole())}

    def say(target: str, body: bytes) -> bytes:
        return written(MAPPINGS) if "_mapping" in target else answers[target]

    with client_saying(say, execution="native") as client:
        assert len(client.search(index="cars", retriever=TREE)["hits"]["hits"]) == 1


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(list(places(MAPPINGS))), WRONG, WRONG)
def test_the_doctor_reports_whatever_a_server_answers(path: tuple[Any, ...], value: Any, other: Any) -> None:
    body = None if other is ... else other
    info = {"version": {"number": "8.19.0", "build_flavor": "default"}}
    answers = {"/": info, "/_mapping": changed(MAPPINGS, path, value)}
    report = run(examine("http://made:9200"), lambda asked: ServerResponse(200, answers.get(asked.path, body)))
    assert report.checks
    told = run(examine("http://made:9200"), lambda asked: ServerResponse(200, body))
    assert [each.outcome for each in told.checks] == ["fails"]


REINDEX_CALLS: dict[str, Callable[[Cluster], Any]] = {
    "search": lambda cluster: cluster.search({"sort": ["_doc"]}, "cars"),
    "count": lambda cluster: cluster.count("cars"),
    "fetch": lambda cluster: cluster.fetch([("cars", Key(0, "1", ""))], with_source=False),
    "refresh": lambda cluster: cluster.refresh("cars"),
    "checkpoints": lambda cluster: cluster.checkpoints("cars"),
    "store_bytes": lambda cluster: cluster.store_bytes("cars"),
    "describe": lambda cluster: cluster.describe("cars"),
    "mappings": lambda cluster: cluster.mappings("cars"),
    "aliases": lambda cluster: cluster.aliases("cars"),
    "is_data_stream": lambda cluster: cluster.is_data_stream("cars"),
}
INFO = {"version": {"number": "9.1.0", "build_flavor": "default"}}


@pytest.mark.parametrize("call", REINDEX_CALLS.values(), ids=REINDEX_CALLS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(
        [
            *(HTML, b"", b"null", b"[]", b"5", DEEP, b'{"cars":5}', b'{"cars":{"mappings":{}}}', b'{"count":"1"}'),
            *(written(LEG), b'{"indices":5}', b'{"_all":{}}', b'{"cars":{"aliases":{"cars":5}}}', b'{"_shards":5}'),
            *(b'{"docs":[]}', b'{"cars":{"settings":{"index":[]},"mappings":{},"aliases":{}}}'),
            b'{"cars":{"settings":{"index.number_of_shards":"x"}}}',
            b'{"cars":{"settings":{}},"b":{"settings":{}}}',
        ]
    )
)
def test_a_reindex_job_ends_with_a_documented_error_whatever_is_answered(
    call: Callable[[Cluster], Any], content: bytes
) -> None:
    say = node_saying(lambda target, body: written(INFO) if target == "/" else content)
    with Elasticsearch("http://made:9200", node_class=say) as client:
        cluster = Cluster(client, Patience(0.0, threading.Event()))
        try:
            call(cluster)
        except (*DOCUMENTED, ReindexError):
            pass
