"""Retries the dead letters of a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from connector.indexing.files.json_files import record_of
from connector.reindexing.checkpoint import State
from connector.reindexing.cluster.cluster import item_of
from connector.reindexing.items import NO_SEQ_NO, Item, Key, Page
from connector.reindexing.job import Job
from connector.reindexing.reading.file_source import BAD_LINE, LINE, RecordSource
from connector.reindexing.transfer import Transfer

_TOGETHER = 100
_PARTITION = "dead letters"


@dataclass(frozen=True)
class RetryReport:
    """What became of the dead letters.

    Attributes:
        written: they are written now.
        dead: they still can't be written.
        gone: the source no longer has them.

    Examples:
        >>> from connector import connect, reindex
        >>> from connector.reindexing import retry_dead_letters
        >>> es = connect("embedded:")
        >>> job = reindex(es, [{"_id": "1", "title": "Emma"}], text_fields=["title"], alias="books").job
        >>> retry_dead_letters(es, job)
        RetryReport(written=0, dead=0, gone=0)
    """

    written: int
    dead: int
    gone: int


def retry_all(job: Job) -> RetryReport:
    """Retry every dead letter of a job.

    Raises:
        ReindexError: the job stopped; what was retried is acknowledged.
    """
    job.checkpoint.rewrite_dead_letters()
    transfer = job.transfer()
    before = job.checkpoint.counts()[State.DEAD]
    letters = islice(job.checkpoint.dead_letters(), sum(1 for _ in job.checkpoint.dead_letters()))
    carrier = transfer.carrier()
    carrier.tries_dead_again = True
    gone = 0
    while together := list(islice(letters, _TOGETHER)):
        lost: set[Key] = set()
        page = _from_index(transfer, together, lost) if transfer.plan.indices else _from_file(transfer, together)
        carrier.write(carrier.prepare([page]))
        renamed = {_key_of(each) for each in together} - {item.key for item in page.items}
        renamed -= {letter.key for letter in page.dead}
        job.checkpoint.forget(lost | renamed)
        gone += len(lost)
    transfer.refresh()
    job.checkpoint.rewrite_dead_letters()
    dead = job.checkpoint.counts()[State.DEAD]
    return RetryReport(before - dead - gone, dead, gone)


def _from_index(transfer: Transfer, letters: list[dict[str, Any]], lost: set[Key]) -> Page:
    """Return each document as the source has it, or if it has not changed since, as its dead letter has it."""
    page = Page(_PARTITION, None)
    by_key = {_key_of(letter): letter for letter in letters}
    found = transfer.cluster.fetch([(transfer.plan.index_of(key), key) for key in by_key], with_source=True)
    for key, hit in found.items():
        if hit is None:
            lost.add(key)
            continue
        item, letter = item_of(hit, key.place), by_key[key]
        is_same = item.seq_no == letter["seq_no"] and isinstance(letter["document"], Mapping)
        page.items.append(replace(item, source=dict(letter["document"])) if is_same else item)
    return page


def _from_file(transfer: Transfer, letters: list[dict[str, Any]]) -> Page:
    """Return each document as its dead letter has it; a line that was not a document is read again."""
    page = Page(_PARTITION, None)
    source = RecordSource(list, transfer.request.id_field)
    for letter in letters:
        key, document = _key_of(letter), letter["document"]
        if key.place == BAD_LINE:
            record = record_of(document) if isinstance(document, str) else document
            source.add(page, int(key.id.removeprefix(LINE)), record)
        else:
            page.items.append(Item(key, "", NO_SEQ_NO, 0, dict(document)))
    return page


def _key_of(letter: Mapping[str, Any]) -> Key:
    return Key(letter["place"], letter["id"], letter.get("routing", ""))
