"""What is stored for many threads and in forked children, within the bounds of a cache of cachetools."""

from __future__ import annotations

import threading

import pytest
from cachetools import LRUCache, TLRUCache

from connector.models.cache import SharedCache
from tests.forking import holds_in_forked_child, needs_fork

HOUR_S, SHORT_S = 3_600.0, 10.0


def test_no_more_than_the_most_are_stored_and_those_not_asked_for_go_first() -> None:
    cache: SharedCache[str, int] = SharedCache(lambda: LRUCache(2))
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert [cache.get(name) for name in "abc"] == [1, None, 3]


def test_what_is_stored_weighs_no_more_than_it_may() -> None:
    cache: SharedCache[str, int] = SharedCache(lambda: LRUCache(10, lambda weight: weight))
    for name in "abcd":
        cache.put(name, 4)
    assert [cache.get(name) for name in "abcd"] == [None, None, 4, 4]
    assert cache.put("e", 11) == 11
    assert [cache.get(name) for name in "cde"] == [4, 4, None]


def test_a_value_with_no_time_left_is_neither_returned_nor_stored() -> None:
    now_s = [0.0]
    cache: SharedCache[str, float] = SharedCache(
        lambda: TLRUCache(100, lambda _, kept_s, now: now + kept_s, timer=lambda: now_s[0])
    )
    cache.put("a", SHORT_S)
    cache.put("b", HOUR_S)
    assert [cache.get(name) for name in "ab"] == [SHORT_S, HOUR_S]
    now_s[0] = SHORT_S
    assert ([cache.get(name) for name in "ab"], len(cache)) == ([None, HOUR_S], 1)


def test_a_value_replaces_the_one_under_its_key() -> None:
    cache: SharedCache[str, int] = SharedCache(lambda: LRUCache(10, lambda _: 10))
    for value in range(5):
        cache.put("a", value)
    assert (len(cache), cache.get("a")) == (1, 4)
    cache.clear()
    assert (len(cache), cache.get("a")) == (0, None)


@needs_fork
def test_a_forked_child_starts_with_what_its_parent_had_stored() -> None:
    cache: SharedCache[str, int] = SharedCache(lambda: LRUCache(2))
    cache.put("a", 1)
    assert holds_in_forked_child(lambda: cache.get("a") == 1)


@needs_fork
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_drops_a_cache_that_was_being_changed() -> None:
    changing, forked = threading.Event(), threading.Event()

    def weigh(value: int) -> int:
        if value == 2:
            changing.set()
            forked.wait()
        return 1

    cache: SharedCache[str, int] = SharedCache(lambda: LRUCache(2, weigh))
    cache.put("a", 1)
    other = threading.Thread(target=cache.put, args=("b", 2))
    other.start()
    changing.wait()
    holds = holds_in_forked_child(lambda: (cache.get("a"), cache.put("c", 3), cache.get("c")) == (None, 3, 3))
    forked.set()
    other.join()
    assert (holds, cache.get("a"), cache.get("b")) == (True, 1, 2)
