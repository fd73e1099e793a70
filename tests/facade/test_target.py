"""Which vector field is searched: what an encoder's vectors can't search is none, and says why."""

from __future__ import annotations

from typing import Any

import pytest

from connector import Connector, HybridElasticsearch
from connector.documents.text_fields import parse_text_fields
from connector.engines import Dialect, ElasticsearchDialect, OpenSearchDialect
from connector.errors import IndexMismatchError
from connector.facade.target import find_target, why_lexical
from connector.indexing.encoder_meta import check_encoder, meta_of
from connector.models.encoder import Fingerprint
from tests.conftest import EngineUnderTest
from tests.models_by_hand import WORDS, count_words, first_words

BODY = parse_text_fields(["body"])
DIMS = len(WORDS) + 1
ENCODER = Fingerprint("by hand", "", DIMS, "", True, "", "")
ES, OS = ElasticsearchDialect(), OpenSearchDialect()
FLOATS: dict[str, Any] = {"type": "dense_vector", "dims": DIMS}
KNN: dict[str, Any] = {"type": "knn_vector", "dimension": DIMS}
UNFIT: list[tuple[Dialect, dict[str, Any], str]] = [
    (ES, {**FLOATS, "index": False}, "is not indexed"),
    (ES, {**FLOATS, "index": "false"}, "is not indexed"),
    (ES, {**FLOATS, "element_type": "byte", "similarity": "cosine"}, "element_type: byte"),
    (ES, {**FLOATS, "dims": 8 * DIMS, "element_type": "bit"}, "element_type: bit"),
    (ES, {**FLOATS, "dims": DIMS, "element_type": "bit"}, "element_type: bit"),
    (OS, {**KNN, "data_type": "byte"}, "data_type: byte"),
    (OS, {**KNN, "data_type": "binary"}, "data_type: binary"),
]
FIT: list[tuple[Dialect, dict[str, Any]]] = [
    *((ES, {**FLOATS, "similarity": each}) for each in ("cosine", "dot_product", "l2_norm", "max_inner_product")),
    (ES, {**FLOATS, "element_type": "float", "index": True}),
    (ES, {**FLOATS, "element_type": "bfloat16"}),
    (OS, KNN),
    (OS, {**KNN, "data_type": "float"}),
]


def index_of(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"mappings": {"properties": {"body": {"type": "text"}, **properties}}}


@pytest.mark.parametrize(("dialect", "definition", "reason"), UNFIT)
@pytest.mark.parametrize("is_ours", [False, True])
def test_a_field_that_floats_can_not_search_is_no_candidate(
    dialect: Dialect, definition: dict[str, Any], reason: str, is_ours: bool
) -> None:
    books = index_of(v=definition)
    if is_ours:
        books["mappings"]["_meta"] = meta_of("v", ENCODER, ["body"])
    assert find_target({"books": books}, BODY, None, ENCODER, dialect).vector_field is None
    assert reason in why_lexical({"books": books}, ENCODER, dialect)
    fit = FLOATS if dialect is ES else KNN
    both = {"books": index_of(v=definition, w=fit)}
    assert find_target(both, BODY, None, ENCODER, dialect).vector_field == "w"
    elsewhere = {"books": index_of(v=fit), "drafts": index_of(v=definition)}
    assert find_target(elsewhere, BODY, None, ENCODER, dialect).vector_field is None
    assert why_lexical(elsewhere, ENCODER, dialect) == why_lexical({"drafts": index_of(v=definition)}, ENCODER, dialect)


@pytest.mark.parametrize(("dialect", "definition", "reason"), UNFIT)
def test_such_a_field_that_is_named_is_refused_with_the_reason(
    dialect: Dialect, definition: dict[str, Any], reason: str
) -> None:
    mappings = {"books": index_of(v=definition)}
    with pytest.raises(IndexMismatchError, match=f"'books', field 'v': it .*{reason}"):
        find_target(mappings, BODY, "v", ENCODER, dialect)
    with pytest.raises(IndexMismatchError, match=reason):
        check_encoder(mappings, "v", ENCODER, dialect)


@pytest.mark.parametrize(("dialect", "definition"), FIT)
def test_a_field_of_floats_is_a_candidate_whatever_its_similarity(dialect: Dialect, definition: dict[str, Any]) -> None:
    assert find_target({"books": index_of(v=definition)}, BODY, None, ENCODER, dialect).vector_field == "v"


def test_other_dims_are_a_reason() -> None:
    mappings = {"books": index_of(v={**FLOATS, "dims": 3})}
    assert why_lexical(mappings, ENCODER, ES) == f"'v' has 3 dims, the encoder {DIMS}"
    assert why_lexical({"books": index_of()}, ENCODER, ES) == "its mapping has none"
    assert why_lexical({}, ENCODER, ES) == "its mapping can't be read"


def test_a_search_over_such_a_field_is_by_text_and_warns_with_the_reason(
    engine: EngineUnderTest, fresh_index: str
) -> None:
    with engine.client(HybridElasticsearch, encoder=count_words, reranker=first_words) as client:
        properties = {"body": {"type": "text"}, "v": {**FLOATS, "index": False}}
        client.indices.create(index=fresh_index, mappings={"properties": properties})
        document = {"body": "small car", "v": [1.0] * DIMS}
        client.index(index=fresh_index, id="1", document=document, refresh=True)
        cars = Connector(client, fresh_index, text_fields=["body"])
        with pytest.warns(UserWarning, match=r"'v' is not indexed \(index: false\)\): searches are lexical"):
            found = cars.search("car")
        assert [hit["_id"] for hit in found["hits"]["hits"]] == ["1"]
        with pytest.raises(IndexMismatchError, match="is not indexed"):
            Connector(client, fresh_index, text_fields=["body"], vector_field="v").search("car")
        near = {"knn": {"field": "v", "query_vector_builder": {"text_embedding": {"model_text": "car"}}, "k": 1}}
        with pytest.raises(IndexMismatchError, match="is not indexed"):
            client.search(index=fresh_index, retriever=near)
