from typing import Any

from connector.cli.side_by_side import choose, explain
from connector.cli.stages import Answers


def answers_of(**rankings: list[tuple[str, float | None]]) -> dict[str, Answers]:
    names = {"bm25": "BM25", "knn": "kNN", "rrf": "RRF", "rerank": "RRF + rerank"}

    def hit(document_id: str, score: float | None) -> dict[str, Any]:
        return {"_id": document_id, "_hybrid": {"rerank_score": score}}

    return {names[key]: Answers({"q": [hit(*pair) for pair in ranking]}) for key, ranking in rankings.items()}


def test_the_most_improved_the_most_harmed_and_a_typical_question_are_chosen() -> None:
    before = {"a": 0.0, "b": 1.0, "c": 0.5, "d": 1.0, "e": 0.5}
    after = {"a": 1.0, "b": 0.2, "c": 0.5, "d": 1.0, "e": 0.6}
    # The mean before is 0.6: of the two left alone, c is nearer to it than d.
    assert [query_id for query_id, _ in choose(before, after)] == ["a", "b", "c"]


def test_nothing_is_called_harmed_when_nothing_is() -> None:
    assert [why for _, why in choose({"a": 0.0, "b": 0.5}, {"a": 1.0, "b": 0.5})] == [
        "most improved by reranking",
        "typical of the unchanged ones",
    ]


def test_an_answer_that_was_lifted_is_explained_by_the_scores() -> None:
    answers = answers_of(
        bm25=[("x", None)],
        knn=[("x", None), ("right", None)],
        rrf=[("x", None), ("right", None)],
        rerank=[("right", 3.0), ("x", 1.0)],
    )
    told = explain("q", {"right": 1}, answers, shares_words=False)
    assert told.startswith("right: BM25 not found, kNN #2, RRF #2, RRF + rerank #1.")
    assert "share no content word" in told
    assert told.endswith("The reranker gave it 3.00, and 1.00 to x, which RRF had first.")


def test_an_answer_that_was_pushed_down_is_explained_by_the_scores() -> None:
    order: list[tuple[str, float | None]] = [("right", None), ("x", None)]
    answers = answers_of(bm25=order, knn=order, rrf=order, rerank=[("x", 2.0), ("right", 1.0)])
    told = explain("q", {"right": 1}, answers, shares_words=True)
    assert told.endswith("The reranker gave it 1.00 and put x first with 2.00.")


def test_an_answer_outside_the_window_is_said_to_be_out_of_reach() -> None:
    order: list[tuple[str, float | None]] = [("x", None), ("y", None)]
    answers = answers_of(bm25=order, knn=order, rrf=order, rerank=order)
    told = explain("q", {"right": 1, "other": 1}, answers, shares_words=True)
    assert told == "right and other: not among the first 2 hits of RRF, so reranking can't help."
