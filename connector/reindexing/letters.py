"""Dead letters tried again."""

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
from connector.reindexing.plan import Plan
from connector.reindexing.reading.file_source import BAD_LINE, LINE, RecordSource

_TOGETHER = 100
_PARTITION = "dead letters"


@dataclass(frozen=True)
class RetryReport:
    """What became of the dead letters: `written` now, still `dead`, `gone` from the source.

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


def retry_letters(job: Job) -> RetryReport:
    """Try every dead letter of a job again.

    Raises:
        ReindexError: the job stopped; what was tried is acknowledged.
    """
    job.checkpoint.rewrite_dead_letters()
    plan = job.plan()
    before = job.checkpoint.counts()[State.DEAD]
    letters = islice(job.checkpoint.dead_letters(), sum(1 for _ in job.checkpoint.dead_letters()))
    carrier = job.carrier(plan)
    carrier.tries_dead_again = True
    gone = 0
    while together := list(islice(letters, _TOGETHER)):
        lost: set[Key] = set()
        page = _from_index(job, plan, together, lost) if plan.indices else _from_file(job, together)
        carrier.write(carrier.prepare([page]))
        renamed = {_key_of(each) for each in together} - {item.key for item in page.items}
        renamed -= {letter.key for letter in page.dead}
        job.checkpoint.forget(lost | renamed)
        gone += len(lost)
    for index in [plan.target] if plan.target else plan.names():
        job.cluster.refresh(index)
    job.checkpoint.rewrite_dead_letters()
    dead = job.checkpoint.counts()[State.DEAD]
    return RetryReport(before - dead - gone, dead, gone)


def _from_index(job: Job, plan: Plan, letters: list[dict[str, Any]], lost: set[Key]) -> Page:
    """Return each document as the source has it, or as the letter has it where the source has not changed since."""
    page = Page(_PARTITION, None)
    by_key = {_key_of(letter): letter for letter in letters}
    found = job.cluster.fetch([(plan.index_of(key), key) for key in by_key], with_source=True)
    for key, hit in found.items():
        if hit is None:
            lost.add(key)
            continue
        item, letter = item_of(hit, key.place), by_key[key]
        is_same = item.seq_no == letter["seq_no"] and isinstance(letter["document"], Mapping)
        page.items.append(replace(item, source=dict(letter["document"])) if is_same else item)
    return page


def _from_file(job: Job, letters: list[dict[str, Any]]) -> Page:
    """Return each document as the letter has it; a line that was no document is read anew."""
    page = Page(_PARTITION, None)
    source = RecordSource(list, job.request.id_field)
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
