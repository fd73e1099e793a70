"""The demo's questions and judgments, as shipped, kept to what the running Python can answer."""

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
        without_overlap: ids of those that share no content word with any of their answers.
        dropped: how many were left out because no answer exists here.
    """

    texts: dict[str, str]
    qrels: Qrels
    without_overlap: frozenset[str]
    dropped: int


def questions_for(document_ids: AbstractSet[str]) -> Questions:
    """Read the questions that one of these documents answers."""
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
