"""The demo's questions and judgments, restricted to what the running Python can answer."""

import json
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from connector.evaluation.judgments import Qrels, read_qrels, read_queries, restrict
from connector.resources import resource


@dataclass(frozen=True)
class Questions:
    """Questions with judgments.

    Attributes:
        texts: query id -> text.
        qrels: query id -> document id -> grade.
        without_overlap: the ids of questions that share no content word with any of their answers.
        dropped: how many questions were left out because none of their answers exists.
    """

    texts: dict[str, str]
    qrels: Qrels
    without_overlap: frozenset[str]
    dropped: int


def questions_for(document_ids: AbstractSet[str]) -> Questions:
    """Return the questions that these documents answer."""
    folder = resource("examples/stdlib")
    texts = read_queries(folder / "questions.jsonl")
    qrels, dropped = restrict(read_qrels(folder / "qrels.tsv"), frozenset(document_ids))
    records = map(json.loads, (folder / "questions.jsonl").read_text("utf-8").splitlines())
    without_overlap = frozenset(record["_id"] for record in records if not record["overlap"])
    return Questions(
        {query_id: text for query_id, text in texts.items() if query_id in qrels},
        qrels,
        without_overlap & qrels.keys(),
        len(dropped),
    )
