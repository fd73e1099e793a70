"""Which encoder wrote which field, and the body of a new index."""

from __future__ import annotations

import pytest

from connector.engines import ElasticsearchDialect
from connector.errors import RequestError
from connector.indexing import index_body
from connector.indexing.encoder_meta import check_dims, check_encoder, check_not_semantic, fingerprint_in, vector_fields
from connector.models.encoder import Fingerprint

FINGERPRINT = Fingerprint("mini", "abc", 3, "mean", True, "", "")
DIALECT = ElasticsearchDialect()


def test_a_new_index_names_its_encoder_and_its_index_options() -> None:
    mapping = index_body(DIALECT, ["title", "meta.body"], "meta.vector", FINGERPRINT)["mappings"]
    assert fingerprint_in(mapping, "meta.vector") == FINGERPRINT
    assert vector_fields(mapping, DIALECT) == {"meta.vector": 3}
    vector = mapping["properties"]["meta"]["properties"]["vector"]
    assert vector["index_options"]["type"] == "hnsw"
    assert mapping["properties"]["title"]["type"] == "text"
    assert mapping["properties"]["meta"]["properties"]["body"]["type"] == "text"


def test_the_encoder_that_wrote_the_index_is_accepted_without_a_word() -> None:
    body = index_body(DIALECT, ["title"], "vector", FINGERPRINT)
    check_encoder({"articles": body}, "vector", FINGERPRINT, DIALECT)


def test_a_field_without_meta_is_searched_with_a_warning() -> None:
    mapping = {"properties": {"vector": {"type": "dense_vector", "dims": 3}}}
    with pytest.warns(UserWarning, match="does not say which encoder"):
        check_encoder({"articles": {"mappings": mapping}}, "vector", FINGERPRINT, DIALECT)


def test_a_semantic_text_field_is_refused_with_what_to_use() -> None:
    mappings = {"articles": {"mappings": {"properties": {"body": {"type": "semantic_text"}}}}}
    reason = r"body.*semantic_text field of index 'articles'.*put a match query"
    with pytest.raises(RequestError, match=reason):
        check_dims(mappings, "body", [1.0], DIALECT)
    with pytest.raises(RequestError, match=reason):
        check_not_semantic(mappings, ["title", "body"], "text_fields")
