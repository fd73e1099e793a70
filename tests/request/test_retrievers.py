"""The retriever tree: Elastic's defaults and limits, and one clear error for anything wrong."""

from __future__ import annotations

from typing import Any

import pytest

from connector.errors import RequestError
from connector.request.leaf_retrievers import Knn, Standard
from connector.request.parsing import parse_retriever
from connector.request.retrievers import Linear, Rrf, TextSimilarityReranker

LEXICAL: dict[str, Any] = {"standard": {"query": {"match": {"title": "car"}}}}
VECTOR: dict[str, Any] = {"knn": {"field": "vector", "query_vector": [1.0, 2], "k": 3}}


def rrf(*legs: Any, **options: Any) -> dict[str, Any]:
    return {"rrf": {"retrievers": list(legs), **options}}


def rerank(retriever: Any, **options: Any) -> dict[str, Any]:
    return {"text_similarity_reranker": {"retriever": retriever, "field": "body", "inference_text": "car", **options}}


def linear(*legs: Any, **options: Any) -> dict[str, Any]:
    return {"linear": {"retrievers": [{"retriever": leg} for leg in legs], **options}}


def test_linear_has_elastics_defaults() -> None:
    fusion = parse_retriever(linear(LEXICAL, VECTOR)).retriever
    assert isinstance(fusion, Linear)
    assert fusion.rank_window_size == 10
    assert [(leg.weight, leg.normalizer) for leg in fusion.legs] == [(1.0, "none"), (1.0, "none")]


def test_a_legs_normalizer_goes_before_the_trees() -> None:
    tree = {"linear": {"retrievers": [{"retriever": LEXICAL}, {"retriever": VECTOR, "normalizer": "l2_norm"}]}}
    tree["linear"]["normalizer"] = "minmax"  # type: ignore[assignment]
    fusion = parse_retriever(tree).retriever
    assert isinstance(fusion, Linear)
    assert [leg.normalizer for leg in fusion.legs] == ["minmax", "l2_norm"]


@pytest.mark.parametrize("kind", ["rrf", "linear"])
@pytest.mark.parametrize("fields", [{"fields": ["title^2", "body"]}, {}])
def test_the_multi_field_form_is_one_lexical_leg(kind: str, fields: dict[str, Any]) -> None:
    normalizer = {"normalizer": "minmax"} if kind == "linear" else {}
    (leg,) = parse_retriever({kind: {"query": "small car", **fields, **normalizer}}).children
    assert isinstance(leg.retriever, Standard)
    assert leg.retriever.query == {"multi_match": {"query": "small car", "type": "most_fields", **fields}}


def test_rrf_has_elastics_defaults() -> None:
    node = parse_retriever(rrf(LEXICAL, VECTOR))
    assert isinstance(node.retriever, Rrf)
    assert (node.retriever.rank_constant, node.retriever.rank_window_size) == (60, 10)
    assert [leg.weight for leg in node.retriever.legs] == [1.0, 1.0]


def test_a_leg_may_stand_bare_or_with_a_weight() -> None:
    node = parse_retriever(rrf(LEXICAL, {"retriever": VECTOR, "weight": 2}))
    assert isinstance(node.retriever, Rrf)
    assert [leg.weight for leg in node.retriever.legs] == [1.0, 2.0]


@pytest.mark.parametrize(("k", "expected"), [(10, 15), (3, 5), (1, 2), (9_999, 10_000), (10_000, 10_000)])
def test_num_candidates_defaults_to_one_and_a_half_k(k: int, expected: int) -> None:
    node = parse_retriever({"knn": {"field": "vector", "query_vector": [1.0], "k": k}})
    assert isinstance(node.retriever, Knn)
    assert node.retriever.candidates == expected


def test_the_reranker_takes_one_field_or_several_and_allows_failures() -> None:
    node = parse_retriever(rerank(LEXICAL, field=["title", "body"]))
    assert isinstance(node.retriever, TextSimilarityReranker)
    assert node.retriever.field == ["title", "body"]
    assert node.retriever.allow_rerank_failures
    assert node.retriever.rank_window_size == 10


def rescorer(retriever: Any, steps: Any) -> dict[str, Any]:
    return {"rescorer": {"retriever": retriever, "rescore": steps}}


def diversify(**options: Any) -> dict[str, Any]:
    return {"diversify": {"type": "mmr", "field": "vector", "lambda": 0.5, "retriever": LEXICAL, **options}}


RESCORE: dict[str, Any] = {"query": {"rescore_query": {"match_all": {}}}}


def _nested(levels: int) -> dict[str, Any]:
    tree = LEXICAL
    for _ in range(levels):
        tree = rrf(tree)
    return tree


NAN, INFINITY = float("nan"), float("inf")
MALFORMED: list[tuple[Any, str, str]] = [
    ({"rrf": {}}, "retriever.rrf", "either retrievers or query"),
    (rrf(), "retriever.rrf.retrievers", "at least 1 item"),
    ({"rrf": {"query": "car", "retrievers": [LEXICAL]}}, "retriever.rrf", "either retrievers or query"),
    (rrf(LEXICAL, fields=["title"]), "retriever.rrf", "fields needs query"),
    ({"rrf": {"query": "", "fields": ["title"]}}, "retriever.rrf.query", "at least 1 character"),
    ({"rrf": {"query": "car", "fields": []}}, "retriever.rrf.fields", "at least 1 item"),
    ({"rrf": {"query": "car", "fields": ["title^-1"]}}, "retriever.rrf.fields[0]", "a boost of at least 0"),
    ({"rrf": {"query": "car", "fields": ["title^x"]}}, "retriever.rrf.fields[0]", "a boost of at least 0"),
    ({"linear": {}}, "retriever.linear", "either retrievers or query"),
    ({"linear": {"query": "car", "fields": ["title"]}}, "retriever.linear", "query needs normalizer"),
    ({"linear": {"retrievers": [LEXICAL]}}, "retriever.linear.retrievers[0].standard", "allowed: normalizer, ret"),
    (linear(LEXICAL, normalizer="softmax"), "retriever.linear.normalizer", "'minmax'"),
    (
        {"linear": {"retrievers": [{"retriever": LEXICAL, "normalizer": "x"}]}},
        "retriever.linear.retrievers[0].normalizer",
        "'minmax'",
    ),
    (
        {"linear": {"retrievers": [{"retriever": LEXICAL, "weight": -1}]}},
        "retriever.linear.retrievers[0].weight",
        "greater than or equal to 0",
    ),
    ({"linear": {"retrievers": [{"retriever": LEXICAL, "weight": 0}]}}, "retriever.linear", "weight above 0"),
    ({"rrf": 5}, "retriever.rrf", "dictionary"),
    ({"rrf": {"retrievers": "car"}}, "retriever.rrf.retrievers", "dictionary"),
    (rrf(LEXICAL, 5), "retriever.rrf.retrievers[1]", "dictionary"),
    (rrf(LEXICAL, {}), "retriever.rrf.retrievers[1]", "must be one retriever"),
    (rrf(LEXICAL, LEXICAL | VECTOR), "retriever.rrf.retrievers[1]", "must be one retriever"),
    (rrf(LEXICAL, {"rule": {}}), "retriever.rrf.retrievers[1].rule", "allowed: diversify, knn, linear, pinned"),
    (rrf(LEXICAL, rank_constant=0), "retriever.rrf.rank_constant", "greater than or equal to 1"),
    (rrf(LEXICAL, rank_constant="sixty"), "retriever.rrf.rank_constant", "valid integer"),
    (rrf(LEXICAL, rank_window_size=0), "retriever.rrf.rank_window_size", "greater than or equal to 1"),
    (rrf(LEXICAL, rank_window_size=10_001), "retriever.rrf.rank_window_size", "less than or equal to 10000"),
    (rrf(LEXICAL, rank_window_size=True), "retriever.rrf.rank_window_size", "valid integer"),
    (rrf(LEXICAL, window=5), "retriever.rrf.window", "allowed: _name, fields, filter"),
    (rrf({"retriever": LEXICAL, "weight": -1}), "retriever.rrf.retrievers[0].weight", "greater than or equal to 0"),
    (rrf({"retriever": LEXICAL, "weight": NAN}), "retriever.rrf.retrievers[0].weight", "finite"),
    (rrf({"retriever": LEXICAL, "weight": 0}), "retriever.rrf", "weight above 0"),
    (rrf({"retriever": LEXICAL, "boost": 1}), "retriever.rrf.retrievers[0].boost", "retriever, weight"),
    (rrf({"standard": {"quer": {}}}), "retriever.rrf.retrievers[0].standard.quer", "query"),
    (rrf({"standard": {"query": "car"}}), "retriever.rrf.retrievers[0].standard.query", "dictionary"),
    (rrf({"standard": {"filter": "car"}}), "retriever.rrf.retrievers[0].standard.filter", "dictionary"),
    (rrf({"standard": {"_name": ""}}), "retriever.rrf.retrievers[0].standard._name", "at least 1 character"),
    (rrf({"standard": {"_name": "a"}}, {"standard": {"_name": "a"}}), "retriever...standard._name", "duplicate name"),
    (rrf({"knn": {"field": "v", "query_vector": [1.0]}}), "retriever.rrf.retrievers[0].knn.k", "required"),
    (rrf({"knn": {"field": "v", "k": 3}}), "retriever.rrf.retrievers[0].knn", "either query_vector"),
    (rrf({"knn": {**VECTOR["knn"], "k": 0}}), "retriever.rrf.retrievers[0].knn.k", "greater than or equal to 1"),
    (rrf({"knn": {**VECTOR["knn"], "num_candidates": 2}}), "retriever.rrf.retrievers[0].knn", "not be more than"),
    (
        rrf({"knn": {**VECTOR["knn"], "query_vector": [1, NAN]}}),
        "retriever.rrf.retrievers[0].knn.query_vector[1]",
        "finite",
    ),
    (
        rrf({"knn": {**VECTOR["knn"], "query_vector": [INFINITY]}}),
        "retriever.rrf.retrievers[0].knn.query_vector[0]",
        "fin",
    ),
    (
        rrf({"knn": {**VECTOR["knn"], "query_vector": ["one"]}}),
        "retriever.rrf.retrievers[0].knn.query_vector[0]",
        "number",
    ),
    (
        rrf({"knn": {**VECTOR["knn"], "query_vector": "7ff"}}),
        "retriever.rrf.retrievers[0].knn.query_vector",
        "hex digits or in base64",
    ),
    (rrf({"knn": {**VECTOR["knn"], "query_vector": []}}), "retriever.rrf.retrievers[0].knn.query_vector", "at least 1"),
    (rerank(LEXICAL, field=""), "retriever.text_similarity_reranker.field", "at least 1 character"),
    (rerank(LEXICAL, field="{title"), "retriever.text_similarity_reranker.field", "expected '}'"),
    (rerank(LEXICAL, field="{title!r}"), "retriever.text_similarity_reranker.field", "must be a field alone"),
    (rerank(LEXICAL, field=[]), "retriever.text_similarity_reranker.field", "at least 1 item"),
    (rerank(LEXICAL, inference_text=""), "retriever.text_similarity_reranker.inference_text", "at least 1 character"),
    (rerank(LEXICAL, min_score=NAN), "retriever.text_similarity_reranker.min_score", "finite"),
    ({"text_similarity_reranker": {}}, "retriever.text_similarity_reranker", "required"),
    (
        rerank(rrf(LEXICAL, rank_window_size=20), rank_window_size=50),
        "retriever.text_similarity_reranker.retriever.rrf.rank_window_size",
        "outer retriever's window (50)",
    ),
    (rerank(LEXICAL, blend=1.5), "retriever.text_similarity_reranker.blend", "less than or equal to 1"),
    (rerank(LEXICAL, blend=-0.1), "retriever.text_similarity_reranker.blend", "greater than or equal to 0"),
    (rerank(LEXICAL, blend=NAN), "retriever.text_similarity_reranker.blend", "or equal to"),
    (rerank(LEXICAL, blend="half"), "retriever.text_similarity_reranker.blend", "valid number"),
    (rerank(LEXICAL, allow_rerank_failures="no"), "retriever.text_similarity_reranker.allow_rerank", "boolean"),
    (rerank(LEXICAL, inference_text="a" * 1_000_000), "retriever.text_similarity_reranker.inference_text", "32768"),
    (rerank(LEXICAL, inference_text=5), "retriever.text_similarity_reranker.inference_text", "valid string"),
    (
        rerank(LEXICAL, inference_text="caf\ud83d"),
        "retriever.text_similarity_reranker.inference_text",
        "unicode string",
    ),
    (rerank([LEXICAL]), "retriever.text_similarity_reranker.retriever", "dictionary"),
    (
        rrf({"standard": {"query": {"terms": {"body": ["car", "caf\ud83d"]}}}}),
        "retriever.rrf.retrievers[0].standard.query.terms.body[1]",
        "surrogate",
    ),
    (rrf({"knn": {**VECTOR["knn"], "visit_percentage": 101}}), "retriever.rrf.retrievers[0].knn.visit_per", "or equal"),
    (rrf({"knn": {**VECTOR["knn"], "rescore_vector": 2}}), "retriever.rrf.retrievers[0].knn.rescore_ve", "dictionary"),
    (rrf({"knn": {**VECTOR["knn"], "similarity": NAN}}), "retriever.rrf.retrievers[0].knn.similarity", "finite"),
    ({"rescorer": {"retriever": LEXICAL}}, "retriever.rescorer", "required"),
    (rescorer(LEXICAL, []), "retriever.rescorer.rescore", "at least 1 item"),
    (rescorer(LEXICAL, {"window_size": 5}), "retriever.rescorer.rescore.query", "required"),
    (rescorer(LEXICAL, {"script": {}}), "retriever.rescorer.rescore.script", "allowed: query, window_size"),
    (rescorer(LEXICAL, RESCORE | {"window_size": 0}), "retriever.rescorer.rescore.window_size", "equal to 1"),
    (
        rescorer(LEXICAL, {"query": {"rescore_query": {}, "score_mode": "sum"}}),
        "retriever.rescorer.rescore.query.score_mode",
        "'total'",
    ),
    (
        rescorer(LEXICAL, {"query": {"rescore_query": {}, "query_weight": NAN}}),
        "retriever.rescorer.rescore.query.query_weight",
        "finite",
    ),
    (
        rrf(rescorer(LEXICAL, RESCORE), rank_window_size=50),
        "retriever.rrf.retrievers[0].rescorer.rescore.window_size",
        "outer retriever's window (50)",
    ),
    ({"pinned": {"retriever": LEXICAL}}, "retriever.pinned", "either ids or docs"),
    ({"pinned": {"retriever": LEXICAL, "ids": []}}, "retriever.pinned.ids", "at least 1 item"),
    ({"pinned": {"retriever": LEXICAL, "ids": ["1"] * 101}}, "retriever.pinned.ids", "at most 100 items"),
    ({"pinned": {"retriever": LEXICAL, "ids": ["1"], "docs": [{"_id": "1"}]}}, "retriever.pinned", "ids or docs"),
    ({"pinned": {"retriever": LEXICAL, "docs": [{"_index": "a"}]}}, "retriever.pinned.docs[0]._id", "required"),
    ({"pinned": {"retriever": LEXICAL, "docs": [{"id": "1"}]}}, "retriever.pinned.docs[0].id", "allowed: _id"),
    ({"pinned": {"ids": ["1"]}}, "retriever.pinned.retriever", "required"),
    (diversify(type="max"), "retriever.diversify.type", "'mmr'"),
    (diversify(field=""), "retriever.diversify.field", "at least 1 character"),
    (diversify(**{"lambda": 1.5}), "retriever.diversify.lambda", "less than or equal to 1"),
    (diversify(**{"lambda": NAN}), "retriever.diversify.lambda", "or equal to"),
    (diversify(size=0), "retriever.diversify.size", "greater than or equal to 1"),
    (diversify(top_n_chunks=5), "retriever.diversify.top_n_chunks", "allowed: _name"),
    (
        diversify(query_vector=[1.0], query_vector_builder={"text_embedding": {"model_text": "car"}}),
        "retriever.diversify",
        "not both",
    ),
    (_nested(25), "retriever.rrf", "nested deeper than 20"),
    (_nested(100_000), "retriever", "nested deeper than 20"),
]


@pytest.mark.parametrize(("tree", "path", "remedy"), MALFORMED)
def test_a_malformed_tree_names_path_and_remedy(tree: Any, path: str, remedy: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_retriever(tree)
    assert caught.value.path.startswith(path)
    assert remedy in caught.value.remedy
    assert len(str(caught.value)) < 1_000
