"""Jobs that are refused before anything is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from connector import (
    connect,
    reindex,
)
from connector.errors import EncoderMismatchError, IndexMismatchError, RequestError, SourceError
from connector.reindexing import (
    JobOptions,
    resume,
)
from tests.faults.reindex.accounts import hashed
from tests.models_by_hand import count_words
from tests.reindexing.jobs.conftest import DOCUMENTS, filled


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_another_encoders_vectors_are_not_mixed_with_ours(
    client: Any, es: Elasticsearch, name: str, options: JobOptions
) -> None:
    filled(es, name, DOCUMENTS)
    reindex(client, name, text_fields=["title"], in_place=True, encoder=count_words, options=options)
    with pytest.raises(IndexMismatchError, match="9 dims, the encoder 16"):
        reindex(client, name, text_fields=["title"], in_place=True, encoder=hashed, options=options)

    def other(texts: list[str]) -> Any:
        return count_words(texts)

    with pytest.raises(EncoderMismatchError, match="count_words"):
        reindex(client, name, text_fields=["title"], in_place=True, encoder=other, options=options)
    with pytest.raises(IndexMismatchError, match="is not a vector field"):
        reindex(
            client,
            name,
            text_fields=["title"],
            vector_field="year",
            in_place=True,
            encoder=count_words,
            options=options,
        )


def test_what_can_not_be_done_is_refused_before_anything_is(
    client: Any, es: Elasticsearch, name: str, options: JobOptions, tmp_path: Path
) -> None:
    def refused(source: Any, **asked: Any) -> None:
        reindex(client, source, text_fields=["title"], encoder=count_words, options=options, **asked)

    filled(es, name, DOCUMENTS)
    with pytest.raises(SourceError, match="there is no index"):
        refused(f"{name}-nothing", alias="x")
    with pytest.raises(RequestError, match="alias"):
        refused(name, alias=name)
    with pytest.raises(RequestError, match="alias"):
        refused(name)
    with pytest.raises(RequestError, match="must name the alias"):
        refused(DOCUMENTS)
    with pytest.raises(RequestError, match="text_fields"):
        reindex(client, name, text_fields="title", in_place=True, encoder=count_words, options=options)
    with pytest.raises(RequestError, match="is no job"):
        resume(client, "nothing", encoder=count_words, options=options)
    assert list(es.indices.get(index=f"{name}*").body) == [name]


def test_a_pruned_source_is_refused(client: Any, es: Elasticsearch, name: str, options: JobOptions) -> None:
    filled(es, name, DOCUMENTS, mappings={"_source": {"excludes": ["year"]}})
    with pytest.raises(SourceError, match="leaves fields out of _source"):
        reindex(client, name, text_fields=["title"], in_place=True, encoder=count_words, options=options)


def test_an_embedded_index_that_one_search_can_not_bring_is_refused(options: JobOptions) -> None:
    with connect("embedded:") as client:
        filled(client, "small", [{"_id": str(n)} for n in range(30)], settings={"index.max_result_window": 20})
        with pytest.raises(SourceError, match="more than one search brings"):
            reindex(client, "small", text_fields=["title"], in_place=True, encoder=count_words, options=options)
