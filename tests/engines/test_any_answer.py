"""Whatever part of an answer is wrong, a search ends with hits or a documented error."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector import Connector
from tests.engines.saying import DOCUMENTED, MAPPINGS, TREE, WRONG, changed, client_saying, places, whole, written

pytestmark = pytest.mark.filterwarnings("ignore:index:UserWarning")
MORE: dict[str, Any] = {
    "collapse": {"field": "author", "inner_hits": {"name": "more", "size": 2}},
    "post_filter": {"match_all": {}},
    "aggregations": {"count": {"value_count": {"field": "author"}}},
    "profile": True,
    "explain": True,
}


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(list(places(whole()))), WRONG, st.booleans())
def test_a_search_ends_with_hits_or_a_documented_error_whatever_part_of_the_answer_is_wrong(
    path: tuple[Any, ...], value: Any, with_more: bool
) -> None:
    more = MORE if with_more else {}

    def say(target: str, body: bytes) -> bytes:
        if "_mapping" in target:
            return written(MAPPINGS)
        answer = whole(body.count(b"\n") // 2)
        return written(changed(answer, path, value) if path in set(places(answer)) else answer)

    with client_saying(say) as client:
        try:
            found = client.search(index="cars", retriever=TREE, **more)
        except DOCUMENTED:
            return
    assert all(math.isfinite(hit["_score"]) for hit in found["hits"]["hits"])


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(list(places(MAPPINGS))), WRONG)
def test_a_search_ends_with_hits_or_a_documented_error_whatever_part_of_the_mapping_is_wrong(
    path: tuple[Any, ...], value: Any
) -> None:
    answer = changed(MAPPINGS, path, value)
    with client_saying(lambda target, body: written(answer if "_mapping" in target else whole())) as client:
        try:
            client.search(index="cars", retriever=TREE)
            Connector(client, "cars", text_fields=["body"]).search("car")
        except DOCUMENTED:
            pass
