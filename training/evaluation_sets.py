"""The judged collections that `benchmarks.reranker` measures a reranker on, test splits only.

In addition to those in the data folder: the standard library's documentation with the questions shipped with the demo.
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
    """A collection and its grades; with `judged_only` a window holds only passages judged for its question."""

    collection: Collection
    qrels: Qrels
    judged_only: bool = False

    def window(self, query_id: str, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the places of the passages that may be in the question's window, in the same order."""
        if not self.judged_only:
            return places
        grades = self.qrels[query_id]
        return np.array([place for place in places if self.collection.passage_ids[place] in grades], dtype=np.int64)


def read_judged(name: str) -> Judged:
    """Return one collection's test part.

    Raises:
        OSError: it is missing.
    """
    if name == "stdlib":
        return _stdlib()
    collection = read_collection(name, _SPLITS.get(name, "test"))
    qrels = read_qrels(data_folder() / _FOLDERS.get(name, name) / "qrels" / "test.tsv")
    return Judged(collection, {key: qrels[key] for key in collection.question_ids}, name in _JUDGED_ONLY)


def _stdlib() -> Judged:
    documents = stdlib_documents()
    ids = [document.id for document in documents]
    shipped = questions_for(set(ids))
    place = {name: row for row, name in enumerate(ids)}
    sources = [document.to_source() for document in documents]
    collection = Collection(
        name="stdlib",
        passages=[f"{source['title']}\n{source['body']}" for source in sources],
        passage_ids=ids,
        questions=list(shipped.texts.values()),
        question_ids=list(shipped.texts),
        positives=[
            tuple(place[key] for key, grade in shipped.qrels[each].items() if grade > 0) for each in shipped.texts
        ],
    )
    return Judged(collection, shipped.qrels)
