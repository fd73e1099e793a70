"""Whatever the request, only documented errors come out: `ConnectorError`s and elasticsearch-py's own.

The embedded engine stands for the cluster, and an internal error of its own (500) is a fault, too. `make test` draws a
few examples, always the same ones; `CONNECTOR_ODD_EXAMPLES=20000` draws as many in each test, and new ones each time.
"""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from elasticsearch import ApiError, TransportError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector import AsyncHybridElasticsearch, Connector, HybridElasticsearch
from connector.embedded import Engine, node_classes
from connector.errors import ConnectorError
from tests.contract import odd_requests, right_requests

EXAMPLES = int(os.environ.get("CONNECTOR_ODD_EXAMPLES", "0"))
DOCUMENTED = (ConnectorError, ApiError, TransportError)
SEND_JSON = {"accept": "application/json", "content-type": "application/json"}
SEND_LINES = {"accept": "application/json", "content-type": "application/x-ndjson"}

odd = settings(
    max_examples=EXAMPLES or 60,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    report_multiple_bugs=True,
    suppress_health_check=list(HealthCheck),
)


def encode(texts: list[str]) -> list[list[float]]:
    return [[1.0, 0.5, len(text) % 3] for text in texts]


def score(query: str, passages: list[str]) -> list[float]:
    return [float(len(passage)) for passage in passages]


MODELS: dict[str, Any] = {"encoder": encode, "reranker": score, "models": {"mine": encode, "pairs": score}}


class Clients:
    """The drop-in client, sync and async, over one engine with an index `odd`."""

    def __init__(self) -> None:
        sync_node, async_node = node_classes(Engine())
        self.loop = asyncio.new_event_loop()
        self.sync = HybridElasticsearch("http://embedded:9200", node_class=sync_node, **MODELS)
        self.asynchronous = AsyncHybridElasticsearch("http://embedded:9200", node_class=async_node, **MODELS)
        self.fill("odd")

    def fill(self, index: str) -> None:
        """Create the index again."""
        self.sync.options(ignore_status=404).indices.delete(index=index)
        self.sync.indices.create(index=index, mappings=right_requests.MAPPINGS)
        actions: list[Any] = []
        for source in [*right_requests.SOURCES, *right_requests.IRREGULAR]:
            kept = {name: value for name, value in source.items() if name != "_id"}
            actions += [{"index": {"_id": source["_id"]}}, kept]
        assert not self.sync.bulk(index=index, operations=actions)["errors"]

    def perform(self, path: str, body: Any, headers: dict[str, str] = SEND_JSON) -> None:
        """Make one call by each client."""
        documented(partial(self.sync.perform_request, "POST", path, headers=headers, body=body))
        documented(lambda: self.wait(self.asynchronous.perform_request("POST", path, headers=headers, body=body)))

    def wait(self, work: Any) -> Any:
        """Run a coroutine."""
        return self.loop.run_until_complete(work)

    def close(self) -> None:
        """Close both."""
        self.sync.close()
        self.wait(self.asynchronous.close())
        self.loop.close()


def documented(call: Callable[[], Any]) -> Any:
    """Make a call that may raise documented errors only: any other passes through and fails the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            return call()
        except ApiError as error:
            if error.meta.status >= 500:
                raise AssertionError(error.body) from error
        except DOCUMENTED as error:
            str(error)
    return None


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    made = Clients()
    yield made
    made.close()


@odd
@given(body=odd_requests.odd_searches())
def test_a_search_raises_documented_errors_only(clients: Clients, body: Any) -> None:
    clients.perform("/odd/_search", body)


@odd
@given(body=odd_requests.odd_searches())
def test_a_search_by_the_clients_own_method_raises_documented_errors_only(clients: Clients, body: Any) -> None:
    names = {"from": "from_", "_source": "source"}
    named = {names.get(name, name): value for name, value in body.items()}
    accepted = clients.sync.search.__wrapped__.__kwdefaults__ or {}  # type: ignore[attr-defined]
    options = {name: value for name, value in named.items() if name in accepted}
    documented(partial(clients.sync.search, index="odd", **options))


@odd
@given(lines=odd_requests.odd_msearches())
def test_several_searches_in_one_call_raise_documented_errors_only(clients: Clients, lines: list[Any]) -> None:
    clients.perform("/_msearch", lines, SEND_LINES)


@odd
@given(
    body=odd_requests.changed(
        st.builds(
            lambda body, params: {"source": body, "params": params},
            right_requests.base_searches(),
            st.just({"text": "fox", "size": 3}),
        )
    )
)
def test_a_template_raises_documented_errors_only(clients: Clients, body: Any) -> None:
    clients.perform("/odd/_search/template", body)


@odd
@given(documents=st.lists(odd_requests.odd_documents(), min_size=1, max_size=3))
def test_indexing_raises_documented_errors_only_and_leaves_an_index_that_can_be_searched(
    clients: Clients, documents: list[Any]
) -> None:
    clients.fill("written")
    written = Connector(clients.sync, "written", text_fields=["title", "body"], vector_field="vector")
    documented(lambda: written.index(documents))
    found = clients.sync.search(
        index="written", query={"ids": {"values": ["1"]}}, fields=[{"field": "title"}, {"field": "year"}]
    )
    assert found["hits"]["total"]["value"] == 1
    for field in ("year", "views", "price", "published"):
        clients.sync.search(index="written", query={"range": {field: {"gte": 0}}}, size=0)


@odd
@given(operations=st.lists(st.tuples(odd_requests.odd_documents(), odd_requests.odd_documents()), max_size=3))
def test_a_bulk_request_raises_documented_errors_only(clients: Clients, operations: list[Any]) -> None:
    lines: list[Any] = []
    for first, second in operations:
        lines += [{"index": {"_index": "bulky", "_id": first.get("_id")}}, {"doc": second}]
        lines += [{"update": {"_index": "bulky", "_id": "1"}}, {"doc": second, "doc_as_upsert": True}]
    clients.sync.options(ignore_status=404).indices.delete(index="bulky")
    clients.perform("/_bulk", lines, SEND_LINES)


@odd
@given(arguments=odd_requests.odd_calls())
def test_the_connectors_search_raises_documented_errors_only(clients: Clients, arguments: Any) -> None:
    given = {name: value for name, value in arguments.items() if name in right_requests.CALL}
    own = {name: given.pop(name) for name in ("text_fields", "vector_field") if name in given}
    index, text = given.pop("index", "odd"), given.pop("text", "fox")

    def search() -> None:
        connector = Connector(clients.sync, index, **{"text_fields": ["title"], **own})
        connector.search(text, **given)

    def search_async() -> None:
        connector = Connector(clients.asynchronous, index, **{"text_fields": ["title"], **own})
        clients.wait(connector.asearch(text, **given))

    def page() -> None:
        connector = Connector(clients.sync, index, **{"text_fields": ["title"], **own})
        with connector.pages(text, **{name: value for name, value in given.items() if name != "offset"}) as pages:
            list(pages)

    for call in (search, search_async, page):
        documented(call)


@odd
@given(body=odd_requests.odd_mappings())
def test_creating_an_index_raises_documented_errors_only(clients: Clients, body: Any) -> None:
    clients.sync.options(ignore_status=404).indices.delete(index="made")
    documented(partial(clients.sync.perform_request, "PUT", "/made", headers=SEND_JSON, body=body))
