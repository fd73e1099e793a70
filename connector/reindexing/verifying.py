"""Checks what must hold before the alias is switched: counts, documents, vectors, and the recall of kNN."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from connector.documents.paths import without_value
from connector.exact_json import canonical
from connector.indexing.vector_field import VectorLayout, vectors_in
from connector.reindexing.checkpoint import Checkpoint, Row, State
from connector.reindexing.cluster.cluster import Cluster
from connector.reindexing.items import Key
from connector.reindexing.plan import JobPlan, allowed_dead
from connector.reindexing.request import JobRequest
from connector.reindexing.writing.vector_cache import VectorCache, hashes_in
from connector.request.leaf_retrievers import Knn

_SAMPLE = 100
_AT_ONCE = 4_000
_PROBES = 10
_K, _CANDIDATES = 10, 100
_LEAST_RECALL = 0.8
_LENGTH_TOLERANCE = 1e-2
_SAME_SCORE = 1e-5
Matrix: TypeAlias = NDArray[np.float32]


@dataclass
class Verification:
    """What was checked, and what failed; `recall` is None if it could not be measured."""

    documents: int = 0
    sampled: int = 0
    recall: float | None = None
    failures: list[str] = field(default_factory=list)


def dead_letter_faults(checkpoint: Checkpoint, request: JobRequest) -> list[str]:
    """Return why too little was written for a switch; checked even if verification is turned off."""
    counts = checkpoint.counts()
    written, dead = counts[State.WRITTEN] + counts[State.WITHOUT_TEXT], counts[State.DEAD]
    if not written and not dead and request.kind != "index":
        return [f"there is no document in {request.source}"]
    if dead <= allowed_dead(request.max_dead_share, written + dead) and (written or not dead):
        return []
    first = next(checkpoint.dead_letters(), {"reason": "unknown"})
    return [
        f"{dead} of {written + dead} documents are dead letters (the first, {first.get('id')!r}: "
        f"{first['reason'][:300]}); correct them and run "
        "`connector reindex retry-dead-letters`, or allow more with --max-dead-share"
    ]


class Verifier:
    """Checks a target that was loaded and refreshed.

    Args:
        cluster, plan, request, checkpoint: the job's.
        layout: how vectors are stored in a document.
        cache: the vectors by text, for the exact neighbours.
        dims: of the encoder's vectors.
    """

    def __init__(
        self,
        cluster: Cluster,
        plan: JobPlan,
        request: JobRequest,
        checkpoint: Checkpoint,
        layout: VectorLayout,
        cache: VectorCache,
        dims: int,
    ) -> None:
        self._cluster = cluster
        self._plan = plan
        self._request = request
        self._checkpoint = checkpoint
        self._layout = layout
        self._cache = cache
        self._dims = dims
        self._keeps_source = True

    def verify(self) -> Verification:
        """Check everything, and return what failed."""
        found = Verification()
        self._check_counts(found)
        sample = self._checkpoint.sample(_SAMPLE)
        self._check_sample(found, sample)
        if self._plan.target is not None:
            found.recall = self._recall([row for row in sample if row.state is State.WRITTEN][:_PROBES])
            if found.recall is not None and found.recall < _LEAST_RECALL:
                found.failures.append(
                    f"kNN finds {found.recall:.0%} of the {_K} nearest, fewer than {_LEAST_RECALL:.0%}; raise the "
                    "vector field's m and ef_construction"
                )
        return found

    def count(self) -> Verification:
        """Check only that the index has as many documents as were acknowledged."""
        found = Verification()
        self._check_counts(found)
        return found

    def _check_counts(self, found: Verification) -> None:
        counts = self._checkpoint.counts()
        written = counts[State.WRITTEN] + counts[State.WITHOUT_TEXT]
        if self._plan.target is not None:
            found.documents = self._cluster.count(self._plan.target)
            if found.documents != written:
                found.failures.append(f"{written} documents were acknowledged, the new index has {found.documents}")
        else:
            found.documents = written

    def _check_sample(self, found: Verification, sample: Sequence[Row]) -> None:
        by_place = {row.key: row for row in sample}
        target = self._cluster.fetch([(self._target_of(key), key) for key in by_place], with_source=True)
        in_place = self._plan.target is None
        self._keeps_source = self._request.pipeline == "_none" and not (
            self._plan.target and self._cluster.rewrites(self._plan.target)
        )
        source = target
        if not in_place and self._plan.indices:
            source = self._cluster.fetch([(self._plan.index_of(key), key) for key in by_place], with_source=True)
        for key, row in by_place.items():
            before, after = source[key], target[key]
            if before is None or (self._plan.indices and before["_seq_no"] != row.seq_no):
                continue  # changed or deleted since
            found.sampled += 1
            found.failures += [f"document {key.id!r} {fault}" for fault in self._faults(row, before, after)]

    def _target_of(self, key: Key) -> str:
        return self._plan.target or self._plan.index_of(key)

    def _faults(self, row: Row, before: Mapping[str, Any], after: Mapping[str, Any] | None) -> list[str]:
        if after is None:
            return ["is missing"]
        faults = []
        ours = self._layout.place
        if not self._is_same(without_value(before["_source"], ours), without_value(after["_source"], ours)):
            faults.append("is not what it is in the source")
        if row.state is State.WITHOUT_TEXT and self._plan.target is None:
            return faults  # a vector that the job did not make is left alone
        vectors, wanted = vectors_in(after["_source"], self._layout), len(hashes_in(row.text_hashes))
        if len(vectors) != wanted:
            faults.append(f"has {len(vectors)} vectors where it should have {wanted}")
        for vector in vectors:
            length = float(np.linalg.norm(vector))
            if len(vector) != self._dims or abs(length - 1) > _LENGTH_TOLERANCE:
                faults.append(f"has a vector of {len(vector)} dims and length {length:.3f}")
        return faults

    def _is_same(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        if self._keeps_source:
            return canonical(before) == canonical(after)
        return before == after  # rewritten numbers may be spelled differently

    def _recall(self, probes: Sequence[Row]) -> float | None:
        """Return the share of exact neighbours that kNN finds for some documents' own vectors; ties count."""
        assert self._plan.target is not None
        target = self._plan.target
        queries = self._cache.find(digest for row in probes for digest in hashes_in(row.text_hashes)[:1])
        if not queries:
            return None
        mappings = self._cluster.mappings(target)
        together = np.stack(list(queries.values()))
        shares = []
        for query, best in zip(together, self._best(together), strict=True):
            knn = {"field": self._layout.vector, "query_vector": query.tolist(), "k": _K, "num_candidates": _CANDIDATES}
            leg = Knn.model_validate(knn)
            body = self._cluster.engine.dialect.vector_body(leg, leg.query_vector, [], mappings)
            hits = self._cluster.search({**body, "size": _K, "_source": False}, target)
            rows = self._checkpoint.rows([Key(0, hit["_id"], hit.get("_routing", "")) for hit in hits])
            near = [score for scores in self._scores(list(rows.values()), query[None]) for score in scores[:, 0]]
            shares.append(min(sum(score >= best[-1] - _SAME_SCORE for score in near) / len(best), 1.0))
        return float(np.mean(shares))

    def _best(self, queries: Matrix) -> list[list[float]]:
        """Return the `_K` best cosines of each query over all documents."""
        best = np.empty((0, len(queries)), np.float32)
        for rows in self._checkpoint.batches(2_000, (State.WRITTEN,)):
            for scores in self._scores(rows, queries):
                best = np.sort(np.concatenate([best, scores]), axis=0)[::-1][:_K]
        return [column.tolist() for column in best.T]

    def _scores(self, rows: Sequence[Row], queries: Matrix) -> Iterator[Matrix]:
        """Yield matrices of cosines, (documents, queries); a document counts by its nearest vector.

        A document with an unknown vector is left out.
        """
        for some in _few_vectors(rows):
            vectors = self._cache.find({digest for digests in some for digest in digests})
            known = [digests for digests in some if digests and all(digest in vectors for digest in digests)]
            if known:
                scores = np.stack([vectors[digest] for digests in known for digest in digests]) @ queries.T
                starts = np.cumsum([0, *(len(digests) for digests in known)])[:-1]
                yield np.maximum.reduceat(scores, starts, axis=0)


def _few_vectors(rows: Sequence[Row]) -> Iterator[list[list[bytes]]]:
    """Yield the text hashes of documents, in groups whose vectors fit into memory."""
    some, count = list[list[bytes]](), 0
    for row in rows:
        some.append(hashes_in(row.text_hashes))
        count += len(some[-1])
        if count >= _AT_ONCE:
            yield some
            some, count = [], 0
    if some:
        yield some
