"""Pages stay as they are while documents are written and deleted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from elasticsearch import Elasticsearch, helpers

from connector import AsyncHybridElasticsearch, Connector, HybridElasticsearch, Passages
from connector.errors import PagesClosedError, RequestError
from tests.conftest import EngineUnderTest
from tests.models_by_hand import count_words

COUNT, WRITES = 60, 1_000


def by_place(query: str, passages: list[str]) -> list[float]:
    """A reranker that scores a passage by the last number in it."""
    numbers = [[word for word in passage.split() if word.isdigit()] for passage in passages]
    return [float(found[-1]) if found else -1.0 for found in numbers]


MODELS: dict[str, Any] = {"encoder": count_words, "reranker": by_place}


@pytest.fixture
def articles(engine: EngineUnderTest, fresh_index: str) -> Iterator[Connector]:
    with engine.client(HybridElasticsearch, **MODELS) as client:
        made = Connector(client, fresh_index, text_fields=["body"])
        made.create()
        made.index({"_id": str(number), "body": f"small car {number}"} for number in range(COUNT))
        yield made


def ids(page: Any) -> list[str]:
    return [hit["_id"] for hit in page["hits"]["hits"]]


def best(count: int) -> list[str]:
    return [str(number) for number in range(COUNT - 1, COUNT - 1 - count, -1)]


def test_pages_are_the_reranked_hits_in_their_order_with_their_sources(articles: Connector) -> None:
    with articles.pages("small car", size=7, window=40) as pages:
        drawn = list(pages)
    assert [len(page["hits"]["hits"]) for page in drawn] == [7, 7, 7, 7, 7, 5]
    found = [hit for page in drawn for hit in page["hits"]["hits"]]
    whole = articles.search("small car", size=40)["hits"]["hits"]
    assert [hit["_id"] for hit in found] == [hit["_id"] for hit in whole]
    assert [hit["_source"] for hit in found] == [hit["_source"] for hit in whole]
    assert [hit["_score"] for hit in found] == pytest.approx([hit["_score"] for hit in whole])
    assert drawn[1]["_hybrid"]["page"] == {"number": 2, "of": 6, "window": 40, "past_window": True}


def test_a_page_can_be_asked_for_again_and_past_the_window_it_says_so(articles: Connector) -> None:
    with articles.pages("small car", size=10, window=20, depth=0, source=False) as pages:
        second = pages.page(2)
        assert ids(pages.page(2)) == ids(second)
        assert "_source" not in second["hits"]["hits"][0]
        with pytest.raises(RequestError, match="begins at hit 20, past the window of 20; raise window"):
            pages.page(3)
        with pytest.raises(RequestError, match="page: 0"):
            pages.page(0)


def test_fewer_hits_than_the_window_end_the_pages(articles: Connector) -> None:
    with articles.pages("small car", size=50, window=100) as pages:
        drawn = list(pages)
        assert [len(page["hits"]["hits"]) for page in drawn] == [50, 10]
        assert drawn[-1]["_hybrid"]["page"]["past_window"] is False
    with articles.pages("small car", size=50, window=100) as pages:
        pages.page(1)
        assert pages.page(2)["hits"]["hits"] != []


def test_no_hits_are_no_pages(articles: Connector) -> None:
    with articles.pages("small car", filter={"ids": {"values": ["none"]}}) as pages:
        assert list(pages) == []


def test_closed_pages_say_so(articles: Connector) -> None:
    pages = articles.pages("small car")
    pages.page(1)
    pages.close()
    pages.close()
    with pytest.raises(PagesClosedError, match="search again"):
        pages.page(1)
    with pytest.raises(PagesClosedError, match="search again"):
        next(iter(pages))


def test_pages_asked_for_side_by_side_are_of_one_order(articles: Connector) -> None:
    with articles.pages("small car", size=10, window=COUNT) as pages, ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(pages.page, range(1, 7)))
    assert [identifier for page in drawn for identifier in ids(page)] == best(COUNT)


def test_pages_say_what_was_rewritten_and_what_failed(articles: Connector) -> None:
    def fail(_: str) -> str:
        raise ValueError("no")

    hooks = {"other": lambda text: f"{text} slow", "broken": fail}
    rewriting = Connector(articles.client, articles.index_name, text_fields=["body"], rewrite=hooks)
    with rewriting.pages("small car") as pages:
        said = pages.page(1)["_hybrid"]
    assert said["rewrites"] == {"other": "small car slow"}
    assert "rewrite 'broken' failed" in said["degraded"]


@pytest.mark.parametrize("keep_alive", ["5", 5, "banana", "0s", "-1m", None])
def test_a_wrong_keep_alive_is_named(articles: Connector, keep_alive: Any) -> None:
    with pytest.raises(RequestError, match="keep_alive"):
        articles.pages("small car", keep_alive=keep_alive)


@pytest.mark.parametrize("options", [{"size": 0}, {"window": 0}, {"window": 20_000}, {"size": True}, {"depth": -1}])
def test_a_wrong_option_is_named(articles: Connector, options: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match=r"size|window|depth"):
        articles.pages("small car", **options)


def test_pages_stay_still_under_a_thousand_concurrent_writes(
    articles: Connector, engine: EngineUnderTest, es: Elasticsearch
) -> None:
    """Half of the documents are deleted, half rewritten, and better ones are added while pages are read."""
    began, done = threading.Event(), threading.Event()

    def write() -> None:
        began.wait()
        actions = [
            {"_op_type": "delete", "_id": str(number)}
            if number % 2
            else {"_id": str(number), "_source": {"body": "nothing of the kind"}}
            for number in range(COUNT)
        ]
        added = range(WRITES - COUNT)
        actions += [{"_id": f"new-{number}", "_source": {"body": f"small car {number}"}} for number in added]
        for start in range(0, len(actions), 100):
            helpers.bulk(es, actions[start : start + 100], index=articles.index_name, refresh=True)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with articles.pages("small car", size=5, window=COUNT) as pages:
            seen = ids(pages.page(1))
            began.set()
            seen += ids(pages.page(2))
            done.wait()
            for number in range(3, 13):
                page = pages.page(number)
                seen += ids(page)
                assert all(hit["_source"]["body"] == f"small car {hit['_id']}" for hit in page["hits"]["hits"])
    finally:
        began.set()
        writer.join()
    assert seen == best(COUNT)
    assert es.count(index=articles.index_name)["count"] == WRITES - COUNT + COUNT // 2


async def test_async_pages_are_the_same(articles: Connector, engine: EngineUnderTest) -> None:
    async with engine.async_client(AsyncHybridElasticsearch, **MODELS) as client:
        made = Connector(client, articles.index_name, text_fields=["body"])
        async with await made.apages("small car", size=8, window=COUNT) as pages:
            found = [identifier async for page in pages for identifier in ids(page)]
            with pytest.raises(PagesClosedError):
                await pages.page(1)
        assert found == best(COUNT)
        pages = await made.apages("small car", size=8, window=COUNT)
        assert ids(await pages.page(2)) == best(COUNT)[8:16]
        await pages.close()
        with pytest.raises(RequestError, match="client"):
            made.pages("small car")
    with pytest.raises(RequestError, match="client"):
        await articles.apages("small car")


@pytest.mark.node
def test_indices_that_share_ids_are_paged_and_read_by_their_passages(elasticsearch9_url: str) -> None:
    text = "climate " * 30 + "small car {} " + "climate " * 30
    with HybridElasticsearch(elasticsearch9_url, **MODELS) as client:
        for name in ("a", "b", "c"):
            index = f"test-shared-{name}"
            client.options(ignore_status=404).indices.delete(index=index)
            made = Connector(client, index, text_fields=["body"], passages=Passages(max_tokens=16, overlap=4))
            made.create()
            made.index({"_id": str(number), "body": text.format(number)} for number in range(6))
        with Connector(client, "test-shared-*", text_fields=["body"]).pages("small car", size=9) as pages:
            found = [hit for page in pages for hit in page["hits"]["hits"]]
        assert len({(hit["_index"], hit["_id"]) for hit in found}) == 18
        assert all(hit["inner_hits"]["passages"]["hits"]["hits"] for hit in found)
        assert all("climate" in hit["_source"]["body"] for hit in found)
        client.indices.delete(index="test-shared-a,test-shared-b,test-shared-c")


@pytest.mark.node
def test_a_lapsed_point_in_time_is_an_error_that_says_what_to_do(elasticsearch9_url: str) -> None:
    index = "test-pages-lapsed"
    with HybridElasticsearch(elasticsearch9_url, **MODELS) as client:
        client.options(ignore_status=404).indices.delete(index=index)
        made = Connector(client, index, text_fields=["body"])
        made.create()
        made.index([{"_id": "1", "body": "small car 1"}, {"_id": "2", "body": "small car 2"}])
        pages = made.pages("small car", size=1)
        pages.page(1)
        client.close_point_in_time(id=pages._pit)
        with pytest.raises(PagesClosedError, match="expired after 5m"):
            pages.page(2)
        client.indices.delete(index=index)
