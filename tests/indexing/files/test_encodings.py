"""Bytes are read right or refused with file, line, byte and remedy; none is ever replaced."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.errors import ConnectorError, RequestError, SourceError
from connector.indexing.files import BadRecordError, Record, file_records

ROWS = [{"id": "1", "title": "café"}, {"id": "2", "title": "naïve"}, {"id": "3", "title": "plain"}]
CSV = "id,title\n1,café\n2,naïve\n3,plain\n"
CONTENTS = {"csv": CSV, "jsonl": "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)}
CONTENTS["json"] = json.dumps(ROWS, ensure_ascii=False, indent=1)
MARKED = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


def read(path: Path, encoding: str | None = None) -> list[Record]:
    return list(file_records(path, encoding)())


@pytest.mark.parametrize("ending", CONTENTS)
@pytest.mark.parametrize("encoding", MARKED)
def test_a_byte_order_mark_tells_the_encoding(tmp_path: Path, ending: str, encoding: str) -> None:
    path = tmp_path / f"a.{ending}"
    path.write_bytes(MARKED[encoding] + CONTENTS[ending].encode(encoding))
    assert read(path) == ROWS
    assert read(path, encoding) == ROWS


@pytest.mark.parametrize("ending", CONTENTS)
@pytest.mark.parametrize(
    "encoding", ["cp1252", "latin-1", "utf-16-le", "utf-16-be", "utf-16", "utf-8-sig", "mac-roman"]
)
def test_an_encoding_that_is_named_is_read(tmp_path: Path, ending: str, encoding: str) -> None:
    path = tmp_path / f"a.{ending}"
    path.write_bytes(CONTENTS[ending].encode(encoding))
    assert read(path, encoding) == ROWS


@pytest.mark.parametrize("ending", CONTENTS)
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_refused_with_its_name(tmp_path: Path, ending: str, encoding: str) -> None:
    path = tmp_path / f"a.{ending}"
    path.write_bytes(CONTENTS[ending].encode(encoding))
    with pytest.raises(SourceError, match=rf"a\.{ending}, line 1, byte \d: .*--encoding {encoding}"):
        read(path)


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "mac-roman"])
def test_another_encoding_of_a_csv_is_refused_at_its_first_byte(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.csv").write_bytes(CSV.encode(encoding))
    with pytest.raises(SourceError, match=r"a\.csv, line 2, byte 6 of the line: 0x.. is not UTF-8.*--encoding"):
        read(tmp_path / "a.csv")


def test_bytes_amid_an_array_that_are_no_text_are_refused_with_line_and_byte(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'[{"id": "1"},\n{"id": "caf\xe9"}]')
    with pytest.raises(SourceError, match=r"a\.json, line 2, byte 26 of the file: 0xe9 is not UTF-8.*--encoding"):
        read(tmp_path / "a.json")


def test_a_line_of_json_that_is_no_text_is_a_bad_record_that_no_later_try_could_take_for_text(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"id": "1"}\n{"id": "2", "title": "caf\xe9"}\n{"id": "3"}\n')
    first, bad, last = read(tmp_path / "a.jsonl")
    assert (first, last) == ({"id": "1"}, {"id": "3"})
    assert isinstance(bad, BadRecordError)
    assert "byte 26 of the line: 0xe9 is not UTF-8" in str(bad)
    assert "--encoding" in str(bad)
    with pytest.raises(ValueError, match="escape"):
        json.loads(bad.line)


@pytest.mark.parametrize("name", ["klingon", "base64", "rot13", "", "utf\0"])
def test_the_name_of_no_encoding_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    with pytest.raises(RequestError, match="encoding"):
        file_records(tmp_path / "a.csv", name)


def _texts(records: list[Record]) -> Iterator[str]:
    for record in records:
        if isinstance(record, dict):
            yield from map(str, record.values())


@settings(max_examples=150, deadline=None)
@given(
    content=st.one_of(st.binary(max_size=200), st.text(alphabet='[]{},:"\n\r;é\\u0 1ae', max_size=200).map(str.encode)),
    ending=st.sampled_from(["csv", "jsonl", "json", "csv.gz", "jsonl.zst", "parquet"]),
    encoding=st.sampled_from([None, "cp1252", "utf-16", "utf-8"]),
)
def test_whatever_a_file_holds_is_read_or_refused_by_a_documented_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, ending: str, encoding: str | None
) -> None:
    path = tmp_path_factory.mktemp("any") / f"a.{ending}"
    path.write_bytes(content)
    try:
        records = read(path, encoding)
    except ConnectorError:
        return
    if b"\xef\xbf\xbd" not in content and encoding != "utf-16":
        assert not any("\ufffd" in text for text in _texts(records))
