"""Compares our fusions with OpenSearch's, and our order on OpenSearch with that on Elasticsearch, on real questions.

python -m benchmarks.native_fusion OPENSEARCH_URL [ELASTICSEARCH_URL]            prints a table
python -m benchmarks.native_fusion OPENSEARCH_URL ELASTICSEARCH_URL --write      also writes it to benchmarks/RESULTS.md

The collection is nq_qed of $CONNECTOR_DATA; documents are indexed in the order of their ids, so that ties break alike.
"""

from __future__ import annotations

import argparse
import gzip
import json
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.results import machine, write_section
from connector import Connector, connect
from connector.search.needs import Embed
from training.judged import data_folder

WINDOW, QUESTIONS, TOLERANCE = 50, 200, 1e-5
FLOOR = 0.001
"""The score that OpenSearch's min_max assigns to the lowest hit of a leg, where Elastic's minmax assigns 0."""

Body = dict[str, Any]
Hits = list[tuple[str, float]]


def read(folder: Path) -> tuple[list[Body], list[str]]:
    """Read the documents in the order of their ids, and the first questions."""
    with gzip.open(folder / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
        documents = [json.loads(line) for line in lines]
    texts = [json.loads(line)["text"] for line in (folder / "queries.jsonl").read_text("utf-8").splitlines()]
    made = [{"_id": each["_id"], "title": each["title"], "body": each["text"]} for each in documents]
    return sorted(made, key=lambda each: str(each["_id"])), texts[:QUESTIONS]


def agreement(mine: Hits, theirs: Hits) -> tuple[bool, bool, float]:
    """Return whether the ids are equal, whether their order is up to equal scores, and the largest score difference.

    Hits with the same score as the last one may differ.
    """
    least = max(mine[-1][1], theirs[-1][1]) + TOLERANCE
    ours, other = ({key: score for key, score in found if score > least} for found in (mine, theirs))
    shared = ours.keys() & other.keys()
    furthest = max((abs(ours[key] - other[key]) for key in shared), default=0.0)
    places = [score for _, score in mine]
    in_order = all(
        abs(dict(mine).get(key, -1) - places[at]) <= TOLERANCE for at, (key, _) in enumerate(theirs[: len(other)])
    )
    return ours.keys() == other.keys(), in_order, furthest


def main() -> None:
    """Index, search, compare, print; write if requested."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("opensearch_url")
    parser.add_argument("elasticsearch_url", nargs="?")
    parser.add_argument("--write", action="store_true", help="write it to benchmarks/RESULTS.md")
    arguments = parser.parse_args()
    documents, questions = read(data_folder() / "nq_qed")
    name = f"native-fusion-{uuid.uuid4().hex[:8]}"
    ours: Any = connect(arguments.opensearch_url)
    native: Any = type(ours).wrap(ours, execution="native")
    clients = [ours] + ([connect(arguments.elasticsearch_url)] if arguments.elasticsearch_url else [])
    connectors = [Connector(client, name, text_fields=["title", "body"]) for client in clients]
    try:
        for connector in connectors:
            connector.create()
        connectors[0].index(documents)
        for client in clients[1:]:
            copy(ours, client, name)
        text = table(connectors, ours, native, name, questions)
    finally:
        for connector in connectors:
            connector.client.indices.delete(index=name)
    print(text)
    if arguments.write:
        write_section("Native fusion", f"`python -m benchmarks.native_fusion ... --write` on {machine()}.\n{text}")


def copy(source: Any, target: Any, index: str) -> None:
    """Copy the documents with their vectors, in the order of their ids."""
    found = source.search(index=index, body={"size": 10_000})["hits"]["hits"]
    ordered = sorted(found, key=lambda hit: str(hit["_id"]))
    actions = ({"_id": hit["_id"], "_source": hit["_source"]} for hit in ordered)
    for is_written, item in target.streaming_bulk(actions, index=index):
        if not is_written:
            raise RuntimeError(item)
    target.indices.refresh(index=index)


def table(connectors: Sequence[Connector], ours: Any, native: Any, index: str, questions: Sequence[str]) -> str:
    """Search every question in every way, and return the table of the results."""
    vectors = {text: list(ours.hybrid.models.embed(Embed(text, None)).vector) for text in questions}
    legs = {text: list(legs_of(connectors[0], text, vectors[text]).items()) for text in questions}

    def ask(client: Any, tree: Body) -> list[Body]:
        body = {"retriever": tree, "_source": False, "size": WINDOW}
        found: list[Body] = client.search(index=index, body=body)["hits"]["hits"]
        return found

    def hits(found: Sequence[Body]) -> Hits:
        return [(hit["_id"], hit["_score"]) for hit in found]

    def rrf(text: str, **of_vectors: int) -> Body:
        parts = [{kind: {**leg, **(of_vectors if kind == "knn" else {})}} for kind, leg in legs[text]]
        return {"rrf": {"retrievers": parts, "rank_window_size": WINDOW}}

    def linear(text: str, how: str) -> Body:
        parts = [{"retriever": {kind: leg}, "normalizer": how} for kind, leg in legs[text]]
        return {"linear": {"retrievers": parts, "rank_window_size": WINDOW}}

    def lifted(text: str) -> Hits:
        lowest = {kind: hits(ask(ours, {kind: leg}))[-1][1] for kind, leg in legs[text]}
        fused = ask(ours, linear(text, "minmax"))
        floors = [
            sum(FLOOR for leg, at in hit["_hybrid"]["legs"].items() if at["score"] == lowest[leg]) for hit in fused
        ]
        found = [(hit["_id"], hit["_score"] + floor) for hit, floor in zip(fused, floors, strict=True)]
        return sorted(found, key=lambda hit: -hit[1])

    pairs: dict[str, Callable[[str], tuple[Hits, Hits]]] = {
        "`rrf`, ours and `score-ranker-processor`": lambda text: (
            hits(ask(ours, rrf(text))),
            _fused(ask(native, rrf(text))),
        ),
        "`linear` of `minmax`, ours and `min_max` (0.001 added to a leg's lowest)": lambda text: _above_floor(
            lifted(text), _fused(ask(native, linear(text, "minmax")))
        ),
        "`linear` of `l2_norm`, ours and `l2`": lambda text: (
            hits(ask(ours, linear(text, "l2_norm"))),
            _fused(ask(native, linear(text, "l2_norm"))),
        ),
    }
    if len(connectors) > 1:
        other: Any = connectors[1].client

        def on_both(tree: Body) -> tuple[Hits, Hits]:
            found = other.search(index=index, retriever=tree, source=False, size=WINDOW)
            return hits(ask(ours, tree)), hits(found["hits"]["hits"])

        pairs["`rrf`, ours on OpenSearch and ours on Elasticsearch"] = lambda text: on_both(rrf(text))
        pairs["the same, comparing every vector (`num_candidates`)"] = lambda text: on_both(
            rrf(text, num_candidates=10_000)
        )
    rows = []
    for name, pair in pairs.items():
        found = [agreement(*pair(text)) for text in questions]
        same, in_order = (sum(each[at] for each in found) for at in (0, 1))
        rows.append(f"| {name} | {same} | {in_order} | {max(each[2] for each in found):.1e} |")
    head = (
        f"{len(questions)} questions of nq_qed, two legs, window {WINDOW}; hits with equal scores may swap places.\n\n"
    )
    return head + "\n".join(
        ["| fusion | same ids | same order | largest difference |", "| --- | --- | --- | --- |", *rows]
    )


def lowest_in(hit: Body, lowest: Body) -> int:
    """Return the number of legs in which a hit has the lowest score."""
    return sum(at["score"] == lowest[leg] for leg, at in hit["_hybrid"]["legs"].items())


def legs_of(connector: Connector, text: str, vector: list[float]) -> dict[str, Body]:
    """Return the legs of a search, with the text embedded once."""
    legs = connector.legs(text, WINDOW)
    near = {name: value for name, value in legs["knn"].items() if name != "query_vector_builder"}
    return {**legs, "knn": {**near, "query_vector": vector}}


def _fused(found: Sequence[Body]) -> Hits:
    if any("_hybrid" in hit for hit in found):
        raise RuntimeError("the cluster did not fuse: is neural-search installed?")
    return [(hit["_id"], hit["_score"]) for hit in found]


def _above_floor(mine: Hits, theirs: Hits) -> tuple[Hits, Hits]:
    """Return the hits that score too high for any hit to have been lifted into the window next to them."""
    least = mine[-1][1] + 2 * FLOOR
    kept = [[hit for hit in found if hit[1] > least] for found in (mine, theirs)]
    return kept[0], kept[1]


if __name__ == "__main__":
    main()
