import gzip
from pathlib import Path

import pytest

from connector.cli.documents import read_documents
from connector.errors import RequestError


def test_plain_and_gzipped_files_are_read_and_blank_lines_passed_over(tmp_path: Path) -> None:
    text = '{"_id": "1", "title": "é"}\n\n{"_id": "2"}'
    (tmp_path / "a.jsonl").write_text(text, "utf-8")
    with gzip.open(tmp_path / "a.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(text)
    expected = [{"_id": "1", "title": "é"}, {"_id": "2"}]
    assert list(read_documents(tmp_path / "a.jsonl")) == expected
    assert list(read_documents(tmp_path / "a.jsonl.gz")) == expected


@pytest.mark.parametrize("line", ["{", "[1]", "3"])
def test_a_line_that_is_no_object_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.jsonl").write_text(f'{{"_id": "1"}}\n{line}\n')
    with pytest.raises(RequestError, match="line 2"):
        list(read_documents(tmp_path / "a.jsonl"))
