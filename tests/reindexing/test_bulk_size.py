from __future__ import annotations

from connector.reindexing.writing.bulk_size import BulkSize, halves


def test_it_halves_when_turned_away_and_never_falls_below_one_document() -> None:
    size = BulkSize(count=100, bytes=1_000_000)
    size.rejected()
    assert (size.count, size.bytes) == (50, 500_000)
    for _ in range(20):
        size.rejected()
    assert (size.count, size.bytes) == (1, 64 * 1024)


def test_it_grows_while_full_requests_are_quick_and_shrinks_when_they_are_slow() -> None:
    size = BulkSize(count=100, bytes=1_000_000, wanted_ms=1_000)
    size.took(100, count=100, size_bytes=10)
    assert size.count == 126
    size.took(100, count=5, size_bytes=10)
    assert size.count == 126
    size.took(2_000, count=126, size_bytes=10)
    assert size.count == 100


def test_it_recovers_from_one_document_a_request() -> None:
    size = BulkSize(count=1)
    for _ in range(40):
        size.took(10, size.count, 10)
    assert size.count > 100


def test_a_request_is_bounded_by_count_and_bytes_and_holds_at_least_one_document() -> None:
    size = BulkSize(count=3, bytes=100)
    assert size.first([10, 10, 10, 10]) == 3
    assert size.first([60, 60, 60]) == 1
    assert size.first([1_000, 1]) == 1
    assert size.first([40, 60]) == 2


def test_halves_are_all_of_it() -> None:
    assert [list(range(5))[part] for part in halves(5)] == [[0, 1], [2, 3, 4]]
