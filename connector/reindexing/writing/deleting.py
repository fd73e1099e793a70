"""Removes from the new index what the source no longer has, if the job wrote it and nobody changed it since."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from connector.documents.paths import without_value
from connector.exact_json import canonical
from connector.indexing.vector_field import VectorLayout, vectors_in
from connector.reindexing.checkpoint import Checkpoint, Row
from connector.reindexing.cluster.cluster import Cluster, Hit
from connector.reindexing.items import Key
from connector.reindexing.plan import JobPlan
from connector.reindexing.writing.bulk_writer import Action, BulkWriter, action
from connector.reindexing.writing.vector_cache import hash_of

_TOGETHER = 1_000


class Remover:
    """Removes documents from the new index.

    Args:
        cluster, plan, checkpoint, writer: the job's; the plan has a new index.
        is_served: others write to the new index, so only documents that are as the job wrote them are removed.
    """

    def __init__(
        self, cluster: Cluster, plan: JobPlan, checkpoint: Checkpoint, writer: BulkWriter, *, is_served: bool
    ) -> None:
        assert plan.target is not None
        self._cluster = cluster
        self._target = plan.target
        self._checkpoint = checkpoint
        self._writer = writer
        self._is_served = is_served

    def take_out(self, keys: Sequence[Key]) -> None:
        """Delete those of these documents that exist, each only at the version that was checked."""
        if not keys:
            return
        hits = self._cluster.fetch([(self._target, key) for key in keys], with_source=False)
        if self._is_served:
            known = self._checkpoint.rows(keys)
            hits = {key: hit for key, hit in hits.items() if hit and _is_as_written(hit, known.get(key))}
        self._writer.write([_deletion(self._target, key, hit) for key, hit in hits.items() if hit is not None])


def remove_deleted(
    cluster: Cluster,
    plan: JobPlan,
    checkpoint: Checkpoint,
    take_out: Callable[[Sequence[Key]], None],
    *,
    is_stopped: Callable[[], bool],
) -> int:
    """Remove from the new index what the source no longer has, and forget it.

    A search can't find deleted documents, so every known id is looked up in the source, and every id that a killed
    process was writing.

    Args:
        cluster, plan, checkpoint: the job's.
        take_out: removes documents from the target.
        is_stopped: true to end early.

    Returns:
        how many documents were removed.
    """
    deleted = 0
    for rows in checkpoint.batches(_TOGETHER) if plan.indices else ():
        if is_stopped():
            return deleted
        deleted += _remove(_gone(cluster, plan, [row.key for row in rows]), checkpoint, take_out)
    announced = iter(list(checkpoint.announced()))
    while keys := list(islice(announced, _TOGETHER)):
        known = checkpoint.rows(keys)
        gone = _gone(cluster, plan, keys) if plan.indices else [key for key in keys if key not in known]
        deleted += _remove(gone, checkpoint, take_out)
        if not plan.indices:
            checkpoint.forget_announced(keys)
    return deleted


def digest_of(source: Mapping[str, Any], layout: VectorLayout, vectors: int | None = None) -> bytes:
    """Return a digest that recognises a written document.

    Args:
        source: the document.
        layout: how its vectors are stored.
        vectors: how many vectors it will have; None: as many as it has.
    """
    count = len(vectors_in(source, layout)) if vectors is None else vectors
    return hash_of(f"{count} {canonical(without_value(source, layout.place))}")


def header(index: str | None, key: Key) -> dict[str, Any]:
    """Return the metadata that identifies a document in a bulk body."""
    metadata: dict[str, Any] = {"_index": index, "_id": key.id}
    return {**metadata, "routing": key.routing} if key.routing else metadata


def _is_as_written(hit: Hit, row: Row | None) -> bool:
    return row is not None and (hit["_seq_no"], hit["_primary_term"]) == (row.written_seq_no, row.written_term)


def _gone(cluster: Cluster, plan: JobPlan, keys: Sequence[Key]) -> list[Key]:
    found = cluster.fetch([(plan.index_of(key), key) for key in keys], with_source=False)
    return [key for key in keys if found[key] is None]


def _remove(gone: Sequence[Key], checkpoint: Checkpoint, take_out: Callable[[Sequence[Key]], None]) -> int:
    take_out(gone)
    checkpoint.forget(gone)
    return len(gone)


def _deletion(target: str, key: Key, hit: Hit) -> Action:
    guard = {"if_seq_no": hit["_seq_no"], "if_primary_term": hit["_primary_term"]}
    return action(key, "delete", header(target, key) | guard)
