"""A question's hits in every stage side by side, and an explanation of what moved and why."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from connector.cli.stages import BM25, KNN, RERANKED, RRF, Answers, Hit

_SHOWN = 5


class Chosen(NamedTuple):
    """A question to show, and the reason."""

    query_id: str
    why: str


def choose(before: Mapping[str, float], after: Mapping[str, float]) -> list[Chosen]:
    """Choose the question that reranking improved most, the one it harmed most, and a typical unchanged one.

    Args:
        before, after: query id -> a measure, without and with reranking.

    Returns:
        Up to three questions: one is missing if none was improved, harmed or unchanged. Ties go to the first.
    """
    lift = {query_id: after[query_id] - before[query_id] for query_id in sorted(before)}
    chosen = []
    best = max(lift, key=lambda query_id: lift[query_id])
    if lift[best] > 0:
        chosen.append(Chosen(best, "most improved by reranking"))
    worst = min(lift, key=lambda query_id: lift[query_id])
    if lift[worst] < 0:
        chosen.append(Chosen(worst, "most harmed by reranking"))
    mean = sum(before.values()) / len(before)
    alone = [query_id for query_id in lift if lift[query_id] == 0]
    if alone:
        chosen.append(Chosen(min(alone, key=lambda q: abs(before[q] - mean)), "typical of the unchanged ones"))
    return chosen


def side_by_side(title: str, query_id: str, grades: Mapping[str, int], answers: Mapping[str, Answers]) -> Table:
    """Return a table of a question's first hits in every stage, with its answers highlighted."""
    table = Table(title=title, title_justify="left")
    table.add_column("", justify="right")
    for name in answers:
        table.add_column(name, overflow="fold")
    columns = [stage.ids(query_id)[:_SHOWN] for stage in answers.values()]
    for place in range(_SHOWN):
        table.add_row(str(place + 1), *(_cell(column, place, grades) for column in columns))
    return table


def explain(query_id: str, grades: Mapping[str, int], answers: Mapping[str, Answers], *, shares_words: bool) -> str:
    """Explain how each stage ranked the best-placed answer, and how the reranker scored it.

    Args:
        query_id: the question.
        grades: its judgments.
        answers: each stage's hits.
        shares_words: whether the question shares a content word with an answer.
    """
    fused, reranked = answers[RRF].ids(query_id), answers[RERANKED].ids(query_id)
    relevant = [document_id for document_id, grade in grades.items() if grade > 0]
    found = [document_id for document_id in relevant if document_id in fused]
    if not found:
        return f"{_listed(relevant)}: not among the first {len(fused)} hits of RRF, so reranking can't help."
    answer = min(found, key=lambda document_id: min(fused.index(document_id), reranked.index(document_id)))
    places = ", ".join(f"{name} {_place(answers[name].ids(query_id), answer)}" for name in (BM25, KNN, RRF, RERANKED))
    words = "" if shares_words else " Question and answer share no content word, so only meaning can find it."
    return f"{answer}: {places}.{words} {_scores(answer, fused, answers[RERANKED].hits[query_id])}"


def _scores(answer: str, fused: Sequence[str], hits: Sequence[Hit]) -> str:
    raw = {hit["_id"]: hit["_hybrid"].get("rerank_score") for hit in hits}
    rival = next((hit["_id"] for hit in hits if hit["_id"] != answer), None)
    if rival is None or raw[answer] is None or raw[rival] is None:
        return "It was not reranked."
    if hits[0]["_id"] != answer:
        return f"The reranker gave it {raw[answer]:.2f} and put {rival} first with {raw[rival]:.2f}."
    if fused[0] != answer:
        return f"The reranker gave it {raw[answer]:.2f}, and {raw[fused[0]]:.2f} to {fused[0]}, which RRF had first."
    return f"The reranker agrees: {raw[answer]:.2f}, the next is {rival} with {raw[rival]:.2f}."


def _cell(ids: Sequence[str], place: int, grades: Mapping[str, int]) -> Text:
    if place >= len(ids):
        return Text("")
    return Text(f"* {ids[place]}", style="bold green") if grades.get(ids[place], 0) > 0 else Text(ids[place])


def _place(ids: Sequence[str], document_id: str) -> str:
    return f"#{ids.index(document_id) + 1}" if document_id in ids else "not found"


def _listed(ids: Sequence[str]) -> str:
    return ids[0] if len(ids) == 1 else f"{', '.join(ids[:-1])} and {ids[-1]}"
