"""The demo's four stages: BM25, kNN, their fusion, and the reranked fusion, each with the same questions."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any

from elastic_transport import ObjectApiResponse

from connector.evaluation.measure import MRR_AT_10, NDCG_AT_10, measure, recall_at
from connector.evaluation.report import Stage
from connector.facade.connector import Connector

BM25, KNN, RRF, RERANKED = "BM25", "kNN", "RRF", "RRF + rerank"

Hit = Mapping[str, Any]


@dataclass
class Answers:
    """A stage's answers: each question's hits, best first, and the milliseconds that each took."""

    hits: dict[str, list[Hit]] = field(default_factory=dict)
    took_ms: dict[str, float] = field(default_factory=dict)

    def ids(self, query_id: str) -> list[str]:
        """Return the ids of a question's hits, best first."""
        return [hit["_id"] for hit in self.hits[query_id]]

    @property
    def p50_ms(self) -> float:
        """The median time per question."""
        return median(self.took_ms.values())


def run_stages(
    connector: Connector, queries: Mapping[str, str], depth: int, on_question: Callable[[int], None]
) -> dict[str, Answers]:
    """Answer every question in every stage, with the first `depth` hits of a search of its own.

    Without vectors in the index, there is no stage of kNN. The models are warmed up before the first question is timed.
    `on_question` gets the number of those answered.
    """
    answers: dict[str, Answers] = {}
    for name, search in _searches(connector, next(iter(queries.values())), depth):
        answers[name] = Answers()
        search()
    for number, (query_id, text) in enumerate(queries.items(), 1):
        for name, search in _searches(connector, text, depth):
            start = perf_counter()
            response = search()
            answers[name].took_ms[query_id] = 1000 * (perf_counter() - start)
            answers[name].hits[query_id] = response["hits"]["hits"]
        on_question(number)
    return answers


def measured(qrels: Mapping[str, Mapping[str, int]], answers: Mapping[str, Answers], depth: int) -> list[Stage]:
    """Measure each stage's answers against the judgments."""
    measures = [NDCG_AT_10, MRR_AT_10, recall_at(depth)]
    return [
        Stage(name, measure(qrels, {q: stage.ids(q) for q in stage.hits}, measures), list(stage.took_ms.values()))
        for name, stage in answers.items()
    ]


def _searches(
    connector: Connector, text: str, depth: int
) -> Iterator[tuple[str, Callable[[], ObjectApiResponse[Any]]]]:
    legs = connector.legs(text, depth)
    page: dict[str, Any] = {"index": connector.index_name, "size": depth, "source": False}
    client: Any = connector.client
    yield BM25, lambda: client.search(query=legs["standard"]["query"], **page)
    if "knn" in legs:
        yield KNN, lambda: client.search(retriever={"knn": legs["knn"]}, **page)
    yield RRF, lambda: connector.search(text, size=depth, depth=0, source=False)
    yield RERANKED, lambda: connector.search(text, size=depth, depth=depth, source=False)
