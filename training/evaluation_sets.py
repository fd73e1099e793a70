"""Room: training. The judged collections a reranker is measured on, test splits only; for `benchmarks.reranker`.

Besides those under the data folder: the standard library's documentation with the questions that ship with the demo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from connector.cli.questions import questions_for
from connector.cli.stdlib import stdlib_documents
from connector.evaluation.judgments import Qrels, read_qrels
from training.judged import Collection, data_folder, read_collection

_SPLITS = {"nq_qed": "held_out"}
_FOLDERS = {"feedbackqa_uk": "feedbackqa"}
_JUDGED_ONLY = frozenset({"feedbackqa_rated"})


@dataclass(frozen=True)
class Judged:
    """A collection and its grades; with `judged_only` a window holds what was judged for its question, no more."""

    collection: Collection
    qrels: Qrels
    judged_only: bool = False

    def window(self, query_id: str, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return those of the passages' places that may be in the question's window, in the same order."""
        if not self.judged_only:
            return places
        grades = self.qrels[query_id]
        return np.array([place for place in places if self.collection.passage_ids[place] in grades], dtype=np.int64)


def read_judged(name: str) -> Judged:
    """Return one collection's test part. Raises: OSError: it is not there."""
    if name == "stdlib":
        return _stdlib()
    collection = read_collection(name, _SPLITS.get(name, "test"))
    qrels = read_qrels(data_folder() / _FOLDERS.get(name, name) / "qrels" / "test.tsv")
    return Judged(collection, {key: qrels[key] for key in collection.question_ids}, name in _JUDGED_ONLY)


def _stdlib() -> Judged:
    documents = stdlib_documents()
    ids = [document.id for document in documents]
    asked = questions_for(set(ids))
    place = {name: row for row, name in enumerate(ids)}
    sources = [document.to_source() for document in documents]
    collection = Collection(
        name="stdlib",
        passages=[f"{source['title']}\n{source['body']}" for source in sources],
        passage_ids=ids,
        questions=list(asked.texts.values()),
        question_ids=list(asked.texts),
        positives=[tuple(place[key] for key, grade in asked.qrels[each].items() if grade > 0) for each in asked.texts],
    )
    return Judged(collection, asked.qrels)
