"""Estimates how long a job takes and how much space it needs, by encoding some of its documents."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from connector.reindexing.items import Item, Prepared
from connector.reindexing.reading.index_source import Reader

SAMPLE = 200
_NEIGHBOURS_BYTES = 4 * 2 * 16
_ROW_BYTES = 110
_VECTOR_ROW_BYTES = 60


@dataclass(frozen=True)
class Estimate:
    """What a job is expected to take.

    Attributes:
        documents: how many there are; None if only reading can tell.
        sampled: how many were encoded for the estimate.
        docs_per_s: how many documents per second the encoder can process; the job is as fast if nothing else is slower.
        seconds: for all documents; None if their number is unknown.
        index_bytes: the size of the new index without replicas: that of the old one, plus vectors and passages.
        vector_memory_bytes: what kNN needs in the cluster's file system cache: vectors and graph, as float32.
        state_bytes: the size of the checkpoint and of the vectors by text.
        changes: how the job sees what others write while it runs.

    Examples:
        >>> from connector import connect
        >>> from connector.reindexing import estimate
        >>> es = connect("embedded:")
        >>> written = es.index(index="books", document={"title": "Emma"}, refresh=True)
        >>> found = estimate(es, "books", text_fields=["title"], in_place=True)
        >>> found.sampled, found.docs_per_s > 0
        (1, True)
    """

    documents: int | None
    sampled: int
    docs_per_s: float
    seconds: float | None
    index_bytes: int | None
    vector_memory_bytes: int | None
    state_bytes: int | None
    changes: str

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return asdict(self)


def first_items(reader: Reader) -> list[Item]:
    """Read as many of the first documents of a source as an estimate needs."""
    sample: list[Item] = []
    for partition in reader.partitions():
        for page in reader.pages(partition, None):
            sample += page.items
            if len(sample) >= SAMPLE:
                return sample[:SAMPLE]
    return sample


def calibrate(
    sample: Sequence[Item],
    prepare: Callable[[Sequence[Item]], tuple[list[Prepared], Any]],
    dims: int,
    documents: int | None,
    source_bytes: int,
    changes: str,
) -> Estimate:
    """Encode a sample, and calculate the rest from it.

    Args:
        sample: the first documents of the source.
        prepare: makes their vectors.
        dims: of a vector.
        documents: how many there are; None if unknown.
        source_bytes: the size of the source.
        changes: as in `Estimate`.
    """
    began = time.perf_counter()
    prepared, _ = prepare(sample)
    took_s = max(time.perf_counter() - began, 1e-6)
    rate = len(sample) / took_s
    if documents is None or not sample:
        return Estimate(documents, len(sample), rate, None, None, None, None, changes)
    vectors = sum(len(each.vectors) for each in prepared) / len(sample) * documents
    vector_bytes = int(vectors * (4 * dims + _NEIGHBOURS_BYTES))
    passages = (json.dumps(part.stored_with) for each in prepared for part in each.parts)
    passage_bytes = sum(map(len, passages)) / len(sample) * documents
    return Estimate(
        documents=documents,
        sampled=len(sample),
        docs_per_s=rate,
        seconds=documents / rate,
        index_bytes=int(source_bytes + vector_bytes + vectors * 10 * dims + passage_bytes),
        vector_memory_bytes=vector_bytes,
        state_bytes=int(documents * _ROW_BYTES + vectors * (4 * dims + _VECTOR_ROW_BYTES)),
        changes=changes,
    )
