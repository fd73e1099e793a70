from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connector.errors import RequestError, SourceError
from connector.indexing.files import file_records, is_file_name
from connector.reindexing.items import Page
from connector.reindexing.reading.file_source import PARTITION, RecordSource

DOCUMENTS = [{"id": f"d{number}", "title": f"title {number}"} for number in range(450)]


def read(records: Callable[[], Any], position: int = 0) -> list[Page]:
    return list(RecordSource(records, "id").pages(PARTITION, position))


def ids(pages: list[Page]) -> list[str]:
    return [item.key.id for page in pages for item in page.items]


def json_lines(documents: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(document) + "\n" for document in documents).encode()


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz", ".ndjson.zst", ".csv", ".parquet"])
def test_every_kind_of_file_gives_the_same_documents_and_goes_on_where_it_stood(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"documents{ending}"
    if ending == ".jsonl":
        path.write_bytes(json_lines(DOCUMENTS))
    elif ending == ".jsonl.gz":
        path.write_bytes(gzip.compress(json_lines(DOCUMENTS)))
    elif ending == ".ndjson.zst":
        import zstandard

        path.write_bytes(zstandard.compress(json_lines(DOCUMENTS)))
    elif ending == ".csv":
        path.write_text("id,title\n" + "".join(f"{each['id']},{each['title']}\n" for each in DOCUMENTS))
    else:
        import pyarrow
        from pyarrow import parquet

        parquet.write_table(pyarrow.Table.from_pylist(DOCUMENTS), path, row_group_size=100)
    pages = read(file_records(path))
    assert ids(pages) == [document["id"] for document in DOCUMENTS]
    assert [item.source for page in pages for item in page.items] == DOCUMENTS
    assert ids(read(file_records(path), pages[0].position)) == ids(pages[1:])
    assert pages[-1].position == len(DOCUMENTS)


def test_a_row_of_parquet_becomes_json(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    row = {
        "id": 7,
        "when": datetime(2024, 5, 1, 12, tzinfo=timezone.utc),
        "price": Decimal("1.50"),
        "raw": b"bytes",
        "score": float("nan"),
        "tags": ["a", None],
        "none": None,
    }
    parquet.write_table(pyarrow.Table.from_pylist([row, {**row, "none": "some"}]), tmp_path / "rows.parquet")
    ((first, second),) = (page.items for page in read(file_records(tmp_path / "rows.parquet")))
    assert first.key.id == "7"
    assert first.source["when"] == "2024-05-01T12:00:00+00:00"
    assert (first.source["price"], first.source["raw"], first.source["score"]) == ("1.50", "bytes", None)
    assert first.source["tags"] == ["a", None]
    assert "none" not in first.source
    assert second.source["none"] == "some"


def test_a_document_without_an_id_gets_the_same_one_each_time_and_equal_documents_different_ones() -> None:
    twice = [{"title": "same"}, {"title": "same"}]
    first, again = ids(read(lambda: iter(twice))), ids(read(lambda: iter(twice)))
    assert first == again
    assert len(set(first)) == 2


def test_routing_and_id_are_kept_out_of_the_source() -> None:
    ((item,),) = (page.items for page in read(lambda: iter([{"_id": "x", "id": "a", "_routing": "r", "n": 1}])))
    assert (item.key.id, item.key.routing, item.source) == ("a", "r", {"id": "a", "n": 1})


def test_a_row_with_too_many_cells_is_a_dead_letter(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('id,title\n1,one\n2,two,three\n3,"a, b"\n')
    (page,) = read(file_records(tmp_path / "rows.csv"))
    assert [item.source.get("title") for item in page.items] == ["one", "a, b"]
    assert [(letter.key.id, letter.document) for letter in page.dead] == [("line 2", "2,two,three")]


def test_a_file_that_ends_in_the_middle_stops_the_job(tmp_path: Path) -> None:
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(json_lines(DOCUMENTS))[:-200])
    with pytest.raises(SourceError, match="can't be read to its end"):
        read(file_records(tmp_path / "cut.jsonl.gz"))


def test_a_file_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "documents.txt").touch()
    with pytest.raises(RequestError, match="must end in"):
        file_records(tmp_path / "documents.txt")
    with pytest.raises(RequestError, match="must be an existing file"):
        file_records(tmp_path / "missing.jsonl")


@pytest.mark.parametrize(
    ("name", "is_file"), [("articles", False), ("a.jsonl", True), ("dir/articles", True), ("logs-2024.01", False)]
)
def test_a_name_is_told_from_a_path(name: str, is_file: bool) -> None:
    assert is_file_name(name) is is_file
