"""What must hold before an alias is switched: counts, documents, vectors, and that kNN finds what is nearest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from connector.dialects import Dialect
from connector.indexing.pipeline import without
from connector.indexing.reindex.checkpoint import Checkpoint, Row, State
from connector.indexing.reindex.cluster import Cluster
from connector.indexing.reindex.items import Key
from connector.indexing.reindex.plan import Plan, Request, allowed_dead
from connector.indexing.reindex.vector_cache import VectorCache
from connector.indexing.reindex.vector_field import VectorField
from connector.leaf_retrievers import Knn
from connector.models.encoder import Fingerprint

_SAMPLE = 100
_PROBES = 10
_K, _CANDIDATES = 10, 100
_LEAST_RECALL = 0.8
_LENGTH_TOLERANCE = 1e-2
_SAME_SCORE = 1e-5


@dataclass
class Verification:
    """What was checked, and what failed; `recall` is None where it could not be probed."""

    documents: int = 0
    sampled: int = 0
    recall: float | None = None
    failures: list[str] = field(default_factory=list)


class Verifier:
    """Checks a target that is loaded and refreshed.

    Args:
        cluster, plan, request, checkpoint: the job's.
        vectors: where vectors lie in a document.
        cache: the vectors by text, for the exact neighbours.
        fingerprint: the encoder's.
        dialect: the cluster's.
    """

    def __init__(
        self,
        cluster: Cluster,
        plan: Plan,
        request: Request,
        checkpoint: Checkpoint,
        vectors: VectorField,
        cache: VectorCache,
        fingerprint: Fingerprint,
        dialect: Dialect,
    ) -> None:
        self._cluster = cluster
        self._plan = plan
        self._request = request
        self._checkpoint = checkpoint
        self._vectors = vectors
        self._cache = cache
        self._fingerprint = fingerprint
        self._dialect = dialect

    def verify(self) -> Verification:
        """Check everything; what fails stands in the answer."""
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

    def _check_counts(self, found: Verification) -> None:
        counts = self._checkpoint.counts()
        written, dead = counts[State.WRITTEN] + counts[State.WITHOUT_TEXT], counts[State.DEAD]
        if self._plan.target is not None:
            found.documents = self._cluster.count(self._plan.target)
            if found.documents != written:
                found.failures.append(f"{written} documents were acknowledged, the new index has {found.documents}")
        else:
            found.documents = written
        if dead > allowed_dead(self._request.max_dead_share, written + dead):
            found.failures.append(
                f"{dead} of {written + dead} documents are dead letters; see to them and run `connector reindex "
                "retry-dead-letters`, or allow more with --max-dead-share"
            )
        if dead and not written:
            found.failures.append("every document is a dead letter")

    def _check_sample(self, found: Verification, sample: Sequence[Row]) -> None:
        by_place = {row.key: row for row in sample}
        target = self._cluster.fetch([(self._target_of(key), key) for key in by_place], with_source=True)
        in_place = self._plan.target is None
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
            return ["is not there"]
        faults = []
        ours = self._vectors.vector
        if without(before["_source"], ours) != without(after["_source"], ours):
            faults.append("is not what it is in the source")
        vectors = self._vectors.vectors(after["_source"])
        if bool(vectors) != (row.state is State.WRITTEN):
            faults.append(f"has {len(vectors)} vectors")
        for vector in vectors:
            length = float(np.linalg.norm(vector))
            if len(vector) != self._fingerprint.dims or abs(length - 1) > _LENGTH_TOLERANCE:
                faults.append(f"has a vector of {len(vector)} dims and length {length:.3f}")
        return faults

    def _recall(self, probes: Sequence[Row]) -> float | None:
        """Give how many of the exactly nearest kNN finds, over some documents' own vectors; equal scores count."""
        queries = self._cache.find(row.text_hash for row in probes)
        if not queries:
            return None
        hashes = list(queries)
        exact, nearest = self._exact(np.stack([queries[digest] for digest in hashes]))
        shares = []
        for digest, least, near in zip(hashes, exact, nearest, strict=True):
            wanted = min(_K, near)
            asked = {"field": self._vectors.vector, "query_vector": queries[digest].tolist()}
            leg = Knn.model_validate({**asked, "k": _K, "num_candidates": _CANDIDATES})
            body = self._dialect.vector_body(leg, leg.query_vector, [], {})
            hits = self._cluster.search({**body, "size": _K, "_source": False}, self._plan.target)
            rows = self._checkpoint.rows([Key(0, hit["_id"], hit.get("_routing", "")) for hit in hits])
            vectors = self._cache.find(row.text_hash for row in rows.values())
            good = sum(
                float(vectors[row.text_hash] @ queries[digest]) >= least - _SAME_SCORE
                for row in rows.values()
                if row.text_hash in vectors
            )
            shares.append(min(good / wanted, 1.0))
        return float(np.mean(shares))

    def _exact(self, queries: np.ndarray[Any, Any]) -> tuple[list[float], list[int]]:
        """Give each query's k-th best cosine over all documents, and how many it had to choose from."""
        best: list[list[float]] = [[] for _ in queries]
        seen = 0
        for rows in self._checkpoint.batches(2_000, (State.WRITTEN,)):
            vectors = self._cache.find({row.text_hash for row in rows})
            held = [vectors[row.text_hash] for row in rows if row.text_hash in vectors]
            if not held:
                continue
            seen += len(held)
            scores = np.stack(held) @ queries.T
            for place, column in enumerate(scores.T):
                best[place] = sorted([*best[place], *column.tolist()], reverse=True)[:_K]
        return [scores[-1] for scores in best], [min(_K, seen)] * len(best)
