"""What a cluster says of itself, as real servers say it, and what is made of it."""

from __future__ import annotations

from typing import Any

import pytest

from connector import HybridElasticsearch
from connector.engines.capabilities import Capabilities, read_capabilities
from tests.models_by_hand import count_words, first_words
from tests.scripted_server import Script, leg, responses, serving

BASIC = {"license": {"status": "active", "type": "basic"}}
TRIAL = {"license": {"status": "active", "type": "trial"}}
EXPIRED = {"license": {"status": "expired", "type": "enterprise"}}
ELASTIC = {"version": {"number": "9.5.3", "build_flavor": "default"}}
FORBIDDEN = {"error": {"type": "security_exception"}, "status": 403}


@pytest.mark.parametrize(
    ("info", "licence", "expected", "runs"),
    [
        (ELASTIC, BASIC, Capabilities((9, 5, 3), "default", "basic"), False),
        (ELASTIC, TRIAL, Capabilities((9, 5, 3), "default", "trial"), True),
        (ELASTIC, EXPIRED, Capabilities((9, 5, 3), "default", None), False),
        (ELASTIC, FORBIDDEN, Capabilities((9, 5, 3), "default", None), False),
        (FORBIDDEN, FORBIDDEN, Capabilities(), False),
        (None, None, Capabilities(), False),
        (
            {"version": {"number": "8.11.0", "build_flavor": "serverless"}},
            None,
            Capabilities(None, "serverless", None),
            True,
        ),
        (
            {"version": {"number": "2.19.0", "distribution": "opensearch"}},
            None,
            Capabilities((2, 19, 0), "opensearch", None),
            False,
        ),
        (
            {"version": {"number": "9.0.0-SNAPSHOT", "build_flavor": "default"}},
            BASIC,
            Capabilities((9, 0, 0), "default", "basic"),
            False,
        ),
        ({"version": "odd"}, {"license": []}, Capabilities(), False),
    ],
)
def test_what_a_cluster_says_is_read_and_what_it_does_not_say_is_unknown(
    info: Any, licence: Any, expected: Capabilities, runs: bool
) -> None:
    found = read_capabilities(info, licence)
    assert found == expected
    assert found.runs_licensed_retrievers is runs


def test_a_client_that_may_not_ask_searches_all_the_same_and_asks_once() -> None:
    def answer(method: str, path: str) -> tuple[int, Any]:
        return (403, FORBIDDEN) if method == "GET" else responses(leg("1"))

    tree: dict[str, Any] = {"rrf": {"retrievers": [{"standard": {"query": {"match_all": {}}}}]}}
    with (
        serving(Script(answer)) as script,
        HybridElasticsearch(script.url, encoder=count_words, reranker=first_words, execution="native") as client,
    ):
        for made in (client, client.options(request_timeout=5)):
            assert [hit["_id"] for hit in made.search(index="cars", retriever=tree)["hits"]["hits"]] == ["1"]
    assert script.asked == ["GET /", "GET /_license", "POST /_msearch", "POST /_msearch"]
