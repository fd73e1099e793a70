"""The older `rank` section, which finds what its retriever finds."""

from __future__ import annotations

from typing import Any

import pytest

from connector.errors import RequestError
from tests.request.forms.conftest import STANDARD, knn, rrf

pytestmark = pytest.mark.filterwarnings("ignore:index .* does not say which encoder:UserWarning")
KNN_SECTION = {"field": "v", "query_vector": [1, 0], "k": 2, "num_candidates": 10}
AS_RETRIEVER = {"retriever": rrf(STANDARD, knn()), "size": 10}
RANKED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "query and knn": (
        {"query": STANDARD["standard"]["query"], "knn": KNN_SECTION, "rank": {"rrf": {}}},
        AS_RETRIEVER,
    ),
    "sub_searches and knn": (
        {"sub_searches": [STANDARD["standard"]], "knn": [KNN_SECTION], "rank": {"rrf": {}}},
        AS_RETRIEVER,
    ),
    "sub_searches alone, options": (
        {
            "sub_searches": [STANDARD["standard"], {"query": {"match": {"t": "red"}}}],
            "rank": {"rrf": {"window_size": "20", "rank_constant": 7}},
            "size": 1,
        },
        {
            "retriever": rrf(
                STANDARD, {"standard": {"query": {"match": {"t": "red"}}}}, rank_window_size=20, rank_constant=7
            ),
            "size": 1,
        },
    ),
    "k left out is the size, boosts change no rank": (
        {
            "query": STANDARD["standard"]["query"],
            "knn": {"field": "v", "query_vector": [1, 0], "boost": 3},
            "rank": {"rrf": {}},
            "size": 2,
        },
        {"retriever": rrf(STANDARD, {"knn": {"field": "v", "query_vector": [1, 0], "k": 2}}), "size": 2},
    ),
}


@pytest.mark.parametrize("form", RANKED)
def test_a_rank_section_finds_what_its_retriever_finds(kites: Any, form: str) -> None:
    ranked, tree = RANKED[form]
    assert kites(body=ranked) == kites(body=tree)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"query": {"match_all": {}}, "rank": {"rrf": {}}}, "rank"),
        ({"query": {"match_all": {}}, "knn": KNN_SECTION, "rank": {"rrf": {"k": 5}}}, "rank.rrf.k"),
        ({"query": {}, "sub_searches": [], "rank": {"rrf": {}}}, "sub_searches"),
        ({"query": {"match_all": {}}, "knn": 5, "rank": {"rrf": {}}}, "knn"),
        ({"query": {"match_all": {}}, "knn": KNN_SECTION, "rank": {"rrf": {}}, "sort": ["n"]}, "sort"),
        (
            {"query": {"match_all": {}}, "knn": KNN_SECTION, "rank": {"rrf": {}}, "size": 11},
            "retriever.rrf.rank_window",
        ),
        ({"retriever": rrf(STANDARD), "rank": {"rrf": {}}}, "rank"),
    ],
)
def test_a_wrong_rank_section_is_named(kites: Any, body: Any, path: str) -> None:
    with pytest.raises(RequestError) as caught:
        kites(body=body)
    assert caught.value.path.startswith(path)
