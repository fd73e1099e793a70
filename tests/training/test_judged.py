"""Candidates and sampled lists, small enough to check by hand; no judged data and no model."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from training.judged import Candidates, Collection, bm25_scores, data_folder, fuse, read_folder, thinned
from training.lists import JudgedLists, TrainingList, make_batch

PASSAGES = [f"passage {number}" for number in range(12)]


@pytest.fixture
def judged() -> JudgedLists:
    """Twelve passages, each the answer to one question and a candidate of all; the vectors are the axes."""
    questions = [f"question {number}" for number in range(12)]
    collection = Collection("made", PASSAGES, PASSAGES, questions, questions, [(number,) for number in range(12)])
    axes = np.eye(12, dtype=np.float32)
    return JudgedLists(Candidates(collection, axes, axes, csr_matrix(5 * axes), [np.arange(12) for _ in range(12)]))


def test_bm25_is_lucenes_idf_times_the_saturated_count() -> None:
    scores = bm25_scores(["cats sleep", "dogs bark"], ["cat"]).toarray()
    idf = math.log(1 + (2 - 1 + 0.5) / (1 + 0.5))
    assert scores[0] == pytest.approx([idf * 1 * 2.2 / (1 + 1.2), 0.0])  # both have the average length


def test_fusion_sums_reciprocal_ranks_and_breaks_ties_by_position() -> None:
    # 4: 1/61 + 1/62; 2: 1/62 + 1/63; 7: 1/61 alone; 1 and 3: 1/63 alone
    assert fuse([np.array([4, 2, 3]), np.array([7, 4, 2, 1])]).tolist() == [4, 2, 7, 3, 1]


def test_the_right_passage_comes_first_and_never_among_the_wrong_ones(judged: JudgedLists) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        made = judged.sample(rng)
        assert made.passages[0].split()[1] == made.question.split()[1]
        assert len(set(made.passages)) == 8
        assert made.teacher is not None
        assert made.teacher.tolist() == [20 * 1.0 + 0.2 * 5] + [0.0] * 7


def made_of(positives: list[tuple[int, ...]]) -> Candidates:
    """Return one question per tuple of right passages, with all twelve passages as its candidates."""
    questions = [f"question {number}" for number in range(len(positives))]
    collection = Collection("made", PASSAGES, PASSAGES, questions, questions, positives)
    lexical = csr_matrix((len(questions), 12))
    return Candidates(
        collection,
        np.eye(12, dtype=np.float32),
        np.eye(12, dtype=np.float32),
        lexical,
        [np.arange(12)] * len(questions),
    )


def test_a_question_with_fewer_than_seven_wrong_candidates_is_not_asked() -> None:
    lists = JudgedLists(made_of([tuple(range(6)), (3,)]))
    rng = np.random.default_rng(0)
    assert {lists.sample(rng).question for _ in range(30)} == {"question 1"}


def test_a_collection_too_small_for_a_list_is_named() -> None:
    with pytest.raises(ValueError, match=r"made: none of its 1 questions .* has 7 wrong candidates among 12 passages"):
        JudgedLists(made_of([tuple(range(6))]))


def test_a_thinned_collection_keeps_the_answers_of_the_questions_it_keeps() -> None:
    questions = ["one", "two", "three"]
    whole = Collection("made", PASSAGES, PASSAGES, questions, questions, [(3,), (3, 5), (7, 8, 9)])
    thin = thinned(whole, 3)
    assert len(thin.passages) <= 3
    assert thinned(whole, 12) is whole
    assert thin.questions
    for question, positives in zip(thin.questions, thin.positives, strict=True):
        expected = [PASSAGES[position] for position in whole.positives[questions.index(question)]]
        assert [thin.passages[position] for position in positives] == expected


def test_a_step_makes_the_same_lists_after_a_resume(judged: JudgedLists) -> None:
    def step(number: int) -> list[TrainingList]:
        return make_batch(number, 20, [judged], [1.0], sampled=3, generated=1)

    first = [(each.question, each.passages) for each in step(3)]
    again = [(each.question, each.passages) for each in step(3)]
    other = [(each.question, each.passages) for each in step(4)]
    assert first == again != other


def test_a_folder_in_beirs_layout_is_read(tmp_path: Path) -> None:
    documents = [{"_id": "a", "title": "A", "text": "one"}, {"_id": "b", "text": "two"}]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, documents)), "utf-8")
    questions = [{"_id": "q", "text": "which?"}, {"_id": "r", "text": "none"}]
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, questions)), "utf-8")
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "train.tsv").write_text("query-id\tcorpus-id\tscore\nq\tb\t1\nq\ta\t0\nr\ta\t0\n", "utf-8")
    read = read_folder(tmp_path, "train")
    assert (read.passages, read.questions, read.positives) == (["A\none", "two"], ["which?"], [(1,)])


def test_fields_that_are_asked_for_follow_the_text(tmp_path: Path) -> None:
    metadata = {"year": 1994, "actors": ["James Spader", "Kurt Russell"], "tags": [], "votes": 2789}
    document = {"_id": "a", "title": "Stargate", "text": "A device is found.", "metadata": metadata}
    (tmp_path / "corpus.jsonl").write_text(json.dumps(document), "utf-8")
    (tmp_path / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": "kurt russell"}), "utf-8")
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\ta\t1\n", "utf-8")
    read = read_folder(tmp_path, "test", fields=("year", "actors", "tags", "director"))
    assert read.passages == ["Stargate\nA device is found.\nyear: 1994\nactors: James Spader, Kurt Russell"]


def test_a_data_folder_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CONNECTOR_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder: set CONNECTOR_DATA"):
        data_folder()
