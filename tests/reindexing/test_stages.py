from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest

from connector.reindexing.items import NO_SEQ_NO, Item, Key, Page, Prepared
from connector.reindexing.stages import Batch, Stages, items_in


def pages(partition: str, count: int) -> Iterator[Page]:
    for number in range(count):
        yield Page(partition, number, [Item(Key(0, f"{partition}-{number}", ""), "", NO_SEQ_NO, 0, {})])


def prepared(taken: Sequence[Page]) -> Batch:
    return Batch(
        [Prepared(item, [], b"", ()) for item in items_in(taken)], [], {page.partition: page.position for page in taken}
    )


def test_every_page_of_every_partition_is_written_once_and_in_its_order() -> None:
    written: list[str] = []
    positions: dict[str, int] = {}

    def write(batch: Batch) -> None:
        written.extend(each.item.key.id for each in batch.prepared)
        for partition, position in batch.positions.items():
            assert position > positions.get(partition, -1)
            positions[partition] = position

    stages = Stages(lambda partition: pages(partition, 50), prepared, write, threading.Event(), readers=3)
    stages.run(["a", "b", "c", "d"], lambda: None)
    for partition in "abcd":
        assert [each for each in written if each.startswith(partition)] == [f"{partition}-{n}" for n in range(50)]


@pytest.mark.parametrize("where", ["read", "prepare", "write"])
def test_a_failure_anywhere_ends_all_and_is_raised(where: str) -> None:
    def fail(place: str) -> None:
        if place == where:
            raise RuntimeError(place)

    def read(partition: str) -> Iterator[Page]:
        yield from pages(partition, 100)
        fail("read")

    def prepare(taken: Sequence[Page]) -> Batch:
        fail("prepare")
        return prepared(taken)

    stages = Stages(read, prepare, lambda batch: fail("write"), threading.Event())
    with pytest.raises(RuntimeError, match=where):
        stages.run(["a", "b"], lambda: None)
    assert not [thread for thread in threading.enumerate() if thread.name == "reindex"]


def test_reading_waits_for_writing() -> None:
    """The queues hold 6 pages and 2 batches of 16, each stage one of its own."""
    read = 0
    ahead = 0
    written = 0

    def count(partition: str) -> Iterator[Page]:
        nonlocal read
        for page in pages(partition, 400):
            read += 1
            yield page

    def write(batch: Batch) -> None:
        nonlocal ahead, written
        ahead = max(ahead, read - written)
        written += len(batch.prepared)

    Stages(count, prepared, write, threading.Event(), readers=1).run(["a"], lambda: None)
    assert written == 400
    assert ahead <= 6 + 1 + 16 + 2 * 16 + 16 + 16


def test_a_stop_keeps_what_is_written_and_lets_go_of_the_rest() -> None:
    stop = threading.Event()
    written: list[str] = []

    def write(batch: Batch) -> None:
        written.extend(each.item.key.id for each in batch.prepared)
        stop.set()

    Stages(lambda partition: pages(partition, 500), prepared, write, stop, readers=1).run(["a"], lambda: None)
    assert 0 < len(written) < 500
    assert written == [f"a-{number}" for number in range(len(written))]
