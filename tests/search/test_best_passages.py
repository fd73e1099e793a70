"""Rerankers that read passages, driven with literals: nested passages, and parts of long texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from connector.errors import RequestError
from connector.search.needs import MultiSearch, Score, Shorten
from connector.search.rerank import normalized_rerank_scores, summed
from tests.flows import LEXICAL, Cluster, answer, ids, rerank

NESTED: dict[str, Any] = {
    "knn": {"field": "passages.vector", "query_vector": [1.0, 2.0], "k": 3, "inner_hits": {"size": 2}}
}
BOTH: dict[str, Any] = {"rrf": {"retrievers": [LEXICAL, NESTED]}}


def passages(*texts: str) -> dict[str, Any]:
    """The inner hits of a document with these passages."""
    found = [
        {
            "_nested": {"field": "passages", "offset": place},
            "_score": 1.0 - place / 10,
            "fields": {
                "passages": [{"text": [text], "field": ["body"], "start": [10 * place], "end": [10 * place + 9]}]
            },
        }
        for place, text in enumerate(texts)
    ]
    return {"passages": {"hits": {"total": {"value": len(texts), "relation": "eq"}, "hits": found}}}


def with_passages(answer: dict[str, Any], **texts: list[str]) -> dict[str, Any]:
    for hit in answer["hits"]["hits"]:
        if hit["_id"] in texts:
            hit["inner_hits"] = passages(*texts[hit["_id"]])
    return answer


def test_a_hit_is_as_good_as_its_best_passage() -> None:
    knn = with_passages(answer(("a", 0.9), ("b", 0.8)), a=["far", "near"], b=["middling"])
    cluster = Cluster([answer(), knn], scores=[-1.0, 5.0, 2.0])
    response = cluster.search(rerank(BOTH, field="passages.text"))
    assert ids(response) == ["a", "b"]
    first = response["hits"]["hits"][0]
    assert first["_score"] == 6.0
    assert first["_hybrid"]["passage"] == {
        "path": "passages",
        "offset": 1,
        "field": "body",
        "start": 10,
        "end": 19,
        "score": 0.9,
        "rerank_score": 5.0,
    }
    assert cluster.needs[-1] == Score("car", ["far", "near", "middling"], None)
    assert "fields" not in first["inner_hits"]["passages"]["hits"]["hits"][0]


def test_the_leg_asks_for_what_the_reranker_reads_and_for_no_vectors() -> None:
    cluster = Cluster([answer(), answer()])
    cluster.search(rerank(BOTH, field=["title", "passages.text"]))
    (need,) = cluster.needs
    assert isinstance(need, MultiSearch)
    assert need.bodies[0]["fields"] == need.bodies[1]["fields"] == ["title"]
    assert need.bodies[1]["knn"]["inner_hits"] == {
        "name": "passages",
        "_source": {"excludes": ["passages.vector"]},
        "size": 2,
        "fields": ["passages.text", "passages.field", "passages.start", "passages.end"],
    }


def test_a_hit_of_another_leg_is_asked_for_its_passages_in_one_more_round_trip() -> None:
    knn = with_passages(answer(("a", 0.9)), a=["near"])
    late = with_passages(answer(("b", 0.2), ("c", 0.1)), b=["of b"])
    cluster = Cluster([answer(("b", 3.0), ("c", 2.0)), knn], [late], scores=[1.0, 2.0])
    response = cluster.search(rerank(BOTH, field="passages.text"))
    assert ids(response) == ["b", "a", "c"]  # c has no passage, and so no text to read
    asked = cluster.needs[1]
    assert isinstance(asked, MultiSearch)
    assert asked.bodies[0]["knn"]["filter"] == [{"ids": {"values": ["b", "c"]}}]
    assert asked.bodies[0]["knn"]["k"] >= 2
    assert asked.bodies[0]["_source"] is False


def test_without_a_reranker_every_hit_of_the_page_has_its_passages() -> None:
    late = with_passages(answer(("b", 0.2)), b=["of b"])
    cluster = Cluster([answer(("b", 3.0)), with_passages(answer(("a", 0.9)), a=["near"])], [late])
    response = cluster.search(BOTH)
    assert all("passages" in hit["inner_hits"] for hit in response["hits"]["hits"])


def test_a_title_stands_before_each_passage() -> None:
    knn = with_passages(answer(("a", 0.9)), a=["one", "two"])
    knn["hits"]["hits"][0]["fields"] = {"title": ["Cars"]}
    cluster = Cluster([answer(), knn], scores=[1.0, 2.0])
    cluster.search(rerank(BOTH, field="{title}: {passages.text}"))
    assert cluster.needs[-1] == Score("car", ["Cars: one", "Cars: two"], None)


def test_a_hit_of_any_leg_is_read_by_its_passages_nearest_to_the_first_legs_query() -> None:
    other = {"knn": {**NESTED["knn"], "query_vector": [2.0, 1.0], "inner_hits": {"name": "other"}}}
    cluster = Cluster(
        [with_passages(answer(("a", 0.9)), a=["near"]), answer(("b", 0.8))],
        [with_passages(answer(("b", 0.1)), b=["middling"])],
        [answer()],
        scores=[1.0, 2.0],
    )
    cluster.search(rerank({"rrf": {"retrievers": [NESTED, other]}}, field="passages.text"))
    first, second = (body["knn"]["inner_hits"] for body in cluster.needs[0].bodies)  # type: ignore[union-attr]
    assert (first["name"], second["name"]) == ("passages", "other")
    assert "fields" not in second
    assert cluster.needs[2] == Score("car", ["near", "middling"], None)


def nested_query(**inner_hits: str) -> dict[str, Any]:
    nested = {"path": "passages", "query": {"exists": {"field": "passages.text"}}, "inner_hits": inner_hits}
    return {"standard": {"query": {"bool": {"should": [{"nested": nested}]}}}}


@pytest.mark.parametrize(
    "other",
    [
        NESTED,
        {"knn": {**NESTED["knn"], "inner_hits": {"name": "passages"}}},
        {"rrf": {"retrievers": [LEXICAL, NESTED]}},
        nested_query(),
        nested_query(name="passages"),
        {"standard": {"query": {"knn": NESTED["knn"]}}},
    ],
)
def test_inner_hits_of_a_leg_under_a_name_that_is_taken_are_refused_as_the_cluster_refuses_them(
    other: dict[str, Any],
) -> None:
    cluster = Cluster()
    with pytest.raises(RequestError, match=r"inner_hits\.name: 'passages': \[inner_hits\] already contains an entry"):
        cluster.search({"rrf": {"retrievers": [NESTED, other]}})
    assert cluster.needs == []


def test_inner_hits_under_names_of_their_own_are_all_shown() -> None:
    answers = [with_passages(answer(("a", 0.9)), a=["near"]), answer(("a", 0.5))]
    answers[1]["hits"]["hits"][0]["inner_hits"] = {"spare": passages("other")["passages"]}
    page = [answers[1]]
    found = Cluster(answers, page).search({"rrf": {"retrievers": [NESTED, nested_query(name="spare")]}}, size=1)
    assert found["hits"]["hits"][0]["inner_hits"].keys() == {"passages", "spare"}


def test_a_reranker_beside_one_of_passages_reads_its_own_fields() -> None:
    nested, whole = rerank(NESTED, field="passages.text"), rerank(LEXICAL, field="passages.text")
    cluster = Cluster([answer(), answer()])
    cluster.search({"rrf": {"retrievers": [nested, whole]}})
    (need,) = cluster.needs
    assert isinstance(need, MultiSearch)
    assert need.bodies[1]["fields"] == ["passages.text"]


def test_a_hit_without_passages_is_read_by_its_other_fields() -> None:
    found = answer(("a", 0.9))
    found["hits"]["hits"][0]["fields"] = {"title": ["Cars"]}
    cluster = Cluster([found, answer()], [answer()], scores=[1.0])
    cluster.search(rerank(BOTH, field=["title", "passages.text"]))
    assert cluster.needs[-1] == Score("car", ["Cars"], None)


def test_shares_hold_for_a_title_beside_its_passages() -> None:
    knn = with_passages(answer(("a", 0.9)), a=["one"])
    knn["hits"]["hits"][0]["fields"] = {"title": ["Cars"]}
    cluster = Cluster([knn], scores=[1.0])
    cluster.shortened = [{"title": ["C"], "passages.text": ["one"]}]
    cluster.search(rerank(NESTED, field=["title", "passages.text"], field_shares={"title": 0.2}))
    need = cluster.needs[1]
    assert isinstance(need, Shorten)
    assert need.sources[0]["passages"][0]["text"] == ["one"]
    assert cluster.needs[2] == Score("car", ["C\n\none"], None)


LONG = "Roads are long and grey. " * 20 + "The car is red and its battery is good. " + "Boats float on water. " * 20


def chunked(**options: Any) -> dict[str, Any]:
    return {"chunk_rescorer": {"chunking_settings": {"max_chunk_size": 20}, **options}}


def long_answer() -> dict[str, Any]:
    found = answer(("a", 2.0), ("b", 1.0))
    found["hits"]["hits"][0]["fields"] = {"body": [LONG]}
    found["hits"]["hits"][1]["fields"] = {"body": ["A short text about a car."]}
    return found


def test_of_a_long_text_the_part_that_matches_the_query_is_read() -> None:
    cluster = Cluster([long_answer()], scores=[3.0, 2.0])
    response = cluster.search(rerank(LEXICAL, **chunked()))
    need = cluster.needs[-1]
    assert isinstance(need, Score)
    assert ["The car is red" in need.passages[0], need.passages[1]] == [True, "A short text about a car."]
    said = response["hits"]["hits"][0]["_hybrid"]["passage"]
    assert LONG[said["start"] : said["end"]] == said["text"] == need.passages[0]
    assert said["field"] == "body"
    assert response["_hybrid"]["depth"] == 2


def test_more_parts_may_be_read_and_added_up() -> None:
    cluster = Cluster([long_answer()], scores=[1.0, 0.5, 2.0])
    tree = rerank(LEXICAL, **chunked(size=2, score_mode="sum"))
    assert ids(cluster.search(tree)) == ["a", "b"]  # (1 + 1) + (0.5 + 1) is more than 2 + 1
    cluster = Cluster([long_answer()], scores=[1.0, 0.5, 2.0])
    assert ids(cluster.search(rerank(LEXICAL, **chunked(size=2)))) == ["b", "a"]


def test_equal_texts_are_read_once_and_have_equal_scores() -> None:
    found = answer(("a", 3.0), ("b", 2.0), ("c", 1.0))
    for hit, text in zip(found["hits"]["hits"], ["same", "other", "same"], strict=True):
        hit["fields"] = {"body": [text]}
    cluster = Cluster([found], scores=[1.0, 2.0])
    response = cluster.search(rerank(LEXICAL))
    assert cluster.needs[-1] == Score("car", ["same", "other"], None)
    assert [(hit["_id"], hit["_score"]) for hit in response["hits"]["hits"]] == [("b", 3.0), ("a", 2.0), ("c", 2.0)]
    assert response["_hybrid"]["depth"] == 3


@pytest.mark.parametrize("strategy", ["sentence", "recursive", "word", "none"])
def test_of_a_huge_text_a_bounded_part_is_cut_and_offsets_hold(strategy: str) -> None:
    text = "Roads are long and grey. " * 20_000 + "The car is red. " + "Boats float on water. " * 20_000
    found = answer(("a", 1.0))
    found["hits"]["hits"][0]["fields"] = {"body": [text]}
    cluster = Cluster([found], scores=[1.0])
    settings = {"strategy": strategy, "max_chunk_size": 20}
    response = cluster.search(rerank(LEXICAL, chunk_rescorer={"chunking_settings": settings}))
    need = cluster.needs[-1]
    assert isinstance(need, Score)
    assert "The car is red" in need.passages[0]
    assert len(need.passages[0]) <= 100_000
    said = response["hits"]["hits"][0]["_hybrid"]["passage"]
    assert text[said["start"] : said["end"]] == need.passages[0]


@pytest.mark.parametrize("raw", [[1.0, 0.5], [-1.0, -2.0], [-200.0, -201.0], [-0.1, -0.2], [3.0]])
def test_a_sum_is_that_of_the_normalised_scores(raw: list[float]) -> None:
    scores = np.array(raw, dtype=np.float32)
    total = normalized_rerank_scores(scores).sum()
    assert normalized_rerank_scores(np.array([summed(scores)], np.float32))[0] == pytest.approx(total, rel=1e-5)
    assert summed(scores) >= max(raw) - 1e-6


def test_shares_of_the_tokens_are_asked_of_the_reranker() -> None:
    found = answer(("a", 1.0))
    found["hits"]["hits"][0]["fields"] = {"title": ["A long title"], "body": ["text"]}
    cluster = Cluster([found], scores=[1.0])
    cluster.shortened = [{"title": ["A long"], "body": ["text"]}]
    cluster.search(rerank(LEXICAL, field="{title}. {body}", field_shares={"title": 0.2}))
    assert cluster.needs[1] == Shorten(
        "car", [{"title": ["A long title"], "body": ["text"]}], ["title", "body"], {"title": 0.2}, None
    )
    assert cluster.needs[2] == Score("car", ["A long. text"], None)


@pytest.mark.parametrize(
    ("tree", "reason"),
    [
        (rerank(LEXICAL, chunk_rescorer={"size": 0}), "chunk_rescorer.size"),
        (rerank(LEXICAL, chunk_rescorer={"sizes": 1}), "allowed: chunking_settings, score_mode, size"),
        (rerank(LEXICAL, chunk_rescorer={"chunking_settings": {"strategy": "x"}}), "chunking_settings.strategy"),
        (rerank(LEXICAL, chunk_rescorer={"chunking_settings": {"words": 3}}), "allowed: max_chunk_size"),
        (rerank(LEXICAL, field_shares={"title": 0.5}), "field_shares names 'title'"),
        (rerank(LEXICAL, chunk_rescorer={}, field_shares={"body": 0.5}), "be combined with chunk_rescorer"),
        (rerank(LEXICAL, field_shares={"body": 1.5}), "field_shares.body"),
        (
            rerank(LEXICAL, field=["title", "body"], field_shares={"title": 0.6, "body": 0.6}),
            "field_shares must be at most 1 together",
        ),
        ({"knn": {**NESTED["knn"], "field": "vector"}}, "inner_hits need a field in nested objects"),
        ({"knn": {**NESTED["knn"], "inner_hits": {"size": -1}}}, "size must be a whole number from 0 to 100"),
        ({"knn": {**NESTED["knn"], "inner_hits": {"name": 3}}}, "name must be a text"),
        ({"knn": {**NESTED["knn"], "inner_hits": []}}, "inner_hits"),
    ],
)
def test_what_is_wrong_is_named(tree: dict[str, Any], reason: str) -> None:
    with pytest.raises(RequestError, match=reason):
        Cluster().search(tree)
