from __future__ import annotations

import json
from pathlib import Path

import pytest

from connector.errors import RequestError
from connector.evaluation.windows import read_windows


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    corpus = [
        {"_id": "k", "title": "Kettle", "text": "descale it"},
        {"_id": "w", "text": "whales and kettle drums"},
        {"_id": "b", "text": "bread"},
    ]
    queries = [{"_id": "1", "text": "descale a kettle"}, {"_id": "2", "text": "whales"}, {"_id": "3", "text": "none"}]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)))
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n1\tk\t2\n2\tw\t1\n3\tb\t0\n")
    return tmp_path


def test_a_window_holds_what_is_relevant_and_what_shares_words(folder: Path) -> None:
    first, second = read_windows(folder, 10, 5)
    assert (first.query, first.passages, first.grades) == (
        "descale a kettle",
        ["Kettle\ndescale it", "whales and kettle drums"],
        [2, 0],
    )
    assert (second.query, second.grades) == ("whales", [1])


def test_no_more_questions_and_passages_than_asked_for(folder: Path) -> None:
    (window,) = read_windows(folder, 1, 2)
    assert len(window.passages) == 2


def test_a_folder_without_judgments_is_refused_with_what_it_lacks(folder: Path) -> None:
    (folder / "qrels" / "test.tsv").unlink()
    with pytest.raises(RequestError, match=r"has no qrels/test\.tsv"):
        read_windows(folder, 10, 5)


def test_judgments_without_a_relevant_passage_are_refused(folder: Path) -> None:
    (folder / "qrels" / "test.tsv").write_text("1\tk\t0\n")
    with pytest.raises(RequestError, match="no question with a relevant passage"):
        read_windows(folder, 10, 5)
