"""`fields` read from sources whose vectors are passed over: the values are those of the whole source."""

from __future__ import annotations

import json
from typing import Any

from elasticsearch import Elasticsearch
from hypothesis import example, given
from hypothesis import strategies as st

from connector.embedded.storage.documents import reparse_document
from connector.embedded.storage.index import Index
from connector.embedded.storage.source_filter import SourceFilter
from connector.embedded.storage.sources import Sources
from connector.embedded.storage.store import Store, StoredDocument, StoredIndex

TEXT = {"type": "text"}
VECTOR = {"type": "dense_vector", "dims": 2}


def stored(source: bytes, properties: dict[str, Any]) -> tuple[Index, Sources]:
    store = Store()
    row = store.put(1, "1", 1, 0, source)
    document = StoredDocument(row, "1", 1, 0, source)
    mapping = {"dynamic": "false", "properties": properties}
    return Index(StoredIndex(1, "t", "u", 0, {}, mapping, {}, 1), [document]), Sources(store)


def read_for_fields(source: bytes, properties: dict[str, Any]) -> dict[str, Any]:
    index, sources = stored(source, properties)
    return sources.read_for_fields(index, 0)


def test_a_vector_is_passed_over_at_every_depth() -> None:
    properties = {"v": VECTOR, "parts": {"properties": {"v": VECTOR, "w": VECTOR}}}
    source = b'{"v" :\n[1, 2.5e0], "parts": {"w": [-1,2], "v": [3,4]}, "v2": [5,6]}'

    assert read_for_fields(source, properties) == {"v": None, "parts": {"w": None, "v": None}, "v2": [5, 6]}


def test_a_name_that_a_field_of_another_type_has_too_is_read() -> None:
    properties = {"v": VECTOR, "sizes": {"properties": {"v": {"type": "long"}}}}
    source = {"v": [1, 2], "sizes": {"v": [3, 4]}}

    assert read_for_fields(json.dumps(source).encode(), properties) == source


def test_text_that_looks_like_a_vector_is_text() -> None:
    source = {"a": '"v": [1, 2]', 'b\\"v"': "x", 'c"v': [3, 4], "d": ["v", ": [5]"], "v": [1, 2]}

    read = read_for_fields(json.dumps(source).encode(), {"v": VECTOR})

    assert read == {**source, "v": None}


def test_a_source_in_another_encoding_is_read_whole() -> None:
    source = {"text": "fox", "v": [1, 2]}

    assert read_for_fields(json.dumps(source).encode("utf-16"), {"v": VECTOR}) == source


AWKWARD = st.text(alphabet='v"\\[]{}:, 1é', max_size=12)
UNMAPPED = st.recursive(
    AWKWARD | st.integers() | st.none() | st.lists(st.integers()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(AWKWARD, inner, max_size=3),
    max_leaves=6,
)


@given(text=AWKWARD, unmapped=UNMAPPED, indent=st.sampled_from([None, 2]), is_ascii=st.booleans())
@example(text="", unmapped={"v": [""]}, indent=None, is_ascii=False)
def test_fields_are_those_of_the_whole_source(text: str, unmapped: Any, indent: int | None, is_ascii: bool) -> None:
    properties = {"text": TEXT, "v": VECTOR, "any": {"type": "object", "enabled": False}}
    source = {"any": unmapped, "v": [1.5, 2], "text": [text, "v"]}
    encoded = json.dumps(source, indent=indent, ensure_ascii=is_ascii).encode()

    index, sources = stored(encoded, properties)
    read = sources.read_for_fields(index, 0)
    whole = sources.read(index, 0, SourceFilter())

    is_read_whole = '"v"' in json.dumps(unmapped) and read == source  # as it may be for other arrays of that name
    assert read["v"] is None or is_read_whole
    assert reparse_document(index.mapping, {**read, "v": None}, "1").values == {"text": [text, "v"]}
    assert whole == source


def test_a_vector_is_among_the_fields_only_when_it_is_asked_for(client: Elasticsearch) -> None:
    client.indices.create(index="t", mappings={"properties": {"text": TEXT, "v": VECTOR}})
    client.index(index="t", id="1", document={"text": "fox", "v": [1, 2]})

    asked = {
        pattern: client.search(index="t", fields=[{"field": pattern}], source=False)["hits"]["hits"][0]["fields"]
        for pattern in ("te*", "v")
    }
    assert asked == {"te*": {"text": ["fox"]}, "v": {"v": [1.0, 2.0]}}
