"""The demo's questions and judgments hold what their note promises, on the Python that they were written for."""

import json
import sys
from pathlib import Path

import pytest

from connector.cli.stdlib import StdlibDocument, stdlib_documents
from connector.evaluation.judgments import read_qrels, read_queries
from tests.cli.overlap import content_stems, document_stems

STDLIB = Path(__file__).parents[2] / "examples" / "stdlib"
QRELS = read_qrels(STDLIB / "qrels.tsv")
QUERIES = read_queries(STDLIB / "questions.jsonl")
OVERLAP = {
    line["_id"]: line["overlap"]
    for line in map(json.loads, (STDLIB / "questions.jsonl").read_text("utf-8").splitlines())
}
written_for_this_python = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="written for Python 3.11's docstrings"
)


@pytest.fixture(scope="module")
def documents() -> dict[str, StdlibDocument]:
    return {document.id: document for document in stdlib_documents()}


def test_there_are_at_least_120_questions_and_none_twice() -> None:
    assert len(QUERIES) >= 120
    assert len(set(QUERIES.values())) == len(QUERIES)


def test_every_question_has_one_to_three_answers() -> None:
    assert QRELS.keys() == QUERIES.keys()
    assert {len(answers) for answers in QRELS.values()} <= {1, 2, 3}


def test_at_least_half_share_no_content_word_with_their_answers() -> None:
    assert sum(not overlaps for overlaps in OVERLAP.values()) >= len(QUERIES) / 2


@written_for_this_python
def test_every_answer_exists(documents: dict[str, StdlibDocument]) -> None:
    assert [answer for answers in QRELS.values() for answer in answers if answer not in documents] == []


@written_for_this_python
def test_the_overlap_flags_are_true_by_computation(documents: dict[str, StdlibDocument]) -> None:
    computed = {
        query_id: any(content_stems(text) & document_stems(documents[answer]) for answer in QRELS[query_id])
        for query_id, text in QUERIES.items()
    }
    assert computed == OVERLAP


def test_the_questions_are_spread_over_many_modules(documents: dict[str, StdlibDocument]) -> None:
    modules = {documents[answer].module for answers in QRELS.values() for answer in answers if answer in documents}
    assert len(modules) >= 50


def test_stems_join_forms_of_a_word_and_split_names() -> None:
    assert content_stems("How do I open the connections?") <= content_stems("openConnection")
