import gzip
from pathlib import Path

import pytest

from connector.evaluation.judgments import read_qrels, read_queries, restrict


def test_qrels_are_read_with_and_without_the_header(tmp_path: Path) -> None:
    (tmp_path / "with.tsv").write_text("query-id\tcorpus-id\tscore\nq1\ta\t1\nq1\tb\t0\nq2\ta\t2\n")
    (tmp_path / "without.tsv").write_text("q1\ta\t1\nq1\tb\t0\nq2\ta\t2\n")
    expected = {"q1": {"a": 1, "b": 0}, "q2": {"a": 2}}
    assert read_qrels(tmp_path / "with.tsv") == expected
    assert read_qrels(tmp_path / "without.tsv") == expected


def test_a_quote_in_a_document_id_is_only_a_character(tmp_path: Path) -> None:
    (tmp_path / "qrels.tsv").write_text('q1\t"a\t1\n')
    assert read_qrels(tmp_path / "qrels.tsv") == {"q1": {'"a': 1}}


def test_a_bad_qrels_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "qrels.tsv").write_text("q1\ta\t1\nq1\tb\n")
    with pytest.raises(ValueError, match="line 2"):
        read_qrels(tmp_path / "qrels.tsv")


def test_queries_are_read_in_order_from_gzip_too(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "queries.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write('{"_id": "q2", "text": "zwei"}\n\n{"_id": "q1", "text": "é"}\n')
    assert list(read_queries(tmp_path / "queries.jsonl.gz").items()) == [("q2", "zwei"), ("q1", "é")]


@pytest.mark.parametrize("line", ["{", "[1]", '{"_id": "q1"}'])
def test_a_bad_query_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "queries.jsonl").write_text(line)
    with pytest.raises(ValueError, match="line 1"):
        read_queries(tmp_path / "queries.jsonl")


def test_a_query_without_any_existing_answer_is_dropped_and_named() -> None:
    qrels = {"q1": {"a": 1, "gone": 1}, "q2": {"gone": 1}, "q3": {"a": 0, "gone": 1}}
    assert restrict(qrels, frozenset("ab")) == ({"q1": {"a": 1}}, ["q2", "q3"])
