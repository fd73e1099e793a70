"""An unknown name in a request is answered with the name that was meant."""

from __future__ import annotations

from typing import Any

import pytest

from connector.documents.suggestions import nearest_option
from connector.errors import RequestError
from connector.request.search_request import parse_request

LEG: dict[str, Any] = {"standard": {"query": {"match_all": {}}}}
KNN: dict[str, Any] = {"field": "v", "query_vector": [1.0], "k": 3}
RERANK: dict[str, Any] = {"retriever": LEG, "field": "body", "inference_text": "car"}


def rrf(*legs: Any, **options: Any) -> dict[str, Any]:
    return {"retriever": {"rrf": {"retrievers": list(legs or [LEG]), **options}}}


def reranked(**options: Any) -> dict[str, Any]:
    return {"retriever": {"text_similarity_reranker": {**RERANK, **options}}}


def knn(**options: Any) -> dict[str, Any]:
    return rrf({"knn": {**KNN, **options}})


MEANT: list[tuple[dict[str, Any], str]] = [
    (rrf(window_size=5), "rank_window_size"),
    (rrf(rank_windw_size=5), "rank_window_size"),
    (rrf(k=60), "rank_constant"),
    (rrf(rankConstant=60), "rank_constant"),
    (rrf(top_k=60), "rank_window_size"),
    (rrf(filters=[]), "filter"),
    (rrf(name="a"), "_name"),
    (rrf({"retriever": LEG, "weigth": 2}), "weight"),
    (rrf({"retriever": LEG, "boost": 2}), "weight"),
    (rrf({"standerd": {}}), "standard"),
    (rrf({"rff": {}}), "rrf"),
    (rrf({"text_similarity_rerank": {}}), "text_similarity_reranker"),
    (knn(vector=[1.0]), "query_vector"),
    (knn(num_candidate=3), "num_candidates"),
    (knn(ef_search=3), "num_candidates"),
    (knn(top_k=3), "k"),
    (knn(threshold=0.5), "min_score"),
    (reranked(window_size=5), "rank_window_size"),
    (reranked(model_id="a"), "inference_id"),
    (reranked(query="a"), "inference_text"),
    (reranked(fields=["a"]), "field"),
    (reranked(top_n=5), "rank_window_size"),
    (reranked(chunk_rescorer={"chunks": 3}), "size"),
    (rrf({"pinned": {"retriever": LEG, "docs": [{"id": "1"}]}}), "_id"),
    (rrf({"rescorer": {"retriever": LEG, "rescore": {"query": {"query": {}}}}}), "rescore_query"),
    ({**rrf(), "limit": 5}, "size"),
    ({**rrf(), "offset": 5}, "from"),
    ({**rrf(), "highlights": {}}, "highlight"),
    ({**rrf(), "source": []}, "_source"),
    ({**rrf(), "aggregation": {}}, "aggregations"),
    ({**rrf(), "filter": {}}, "post_filter"),
    ({**rrf(), "collapse": {"field": "a", "inner_hit": {}}}, "inner_hits"),
    ({"query": {}, "knn": KNN, "rank": {"rrf": {"k": 3}}}, "rank_constant"),
]


@pytest.mark.parametrize(("body", "meant"), MEANT)
def test_an_unknown_name_is_answered_with_the_one_that_was_meant(body: Any, meant: str) -> None:
    with pytest.raises(RequestError, match=rf"\(did you mean {meant}\?\); allowed:"):
        parse_request(body, {}, "articles", ())


def test_an_unknown_parameter_of_the_url_is_answered_too() -> None:
    with pytest.raises(RequestError, match=r"\(did you mean routing\?\)"):
        parse_request(rrf(), {"rooting": "a"}, "articles", ())


def test_a_name_that_is_like_no_other_has_no_suggestion() -> None:
    assert nearest_option("zzz", ["size", "from"]) is None
    with pytest.raises(RequestError, match="is unknown; allowed:"):
        parse_request(rrf(zzz=1), {}, "articles", ())
