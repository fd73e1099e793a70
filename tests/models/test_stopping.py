"""A deadline that is brought forward is still the same stop."""

from __future__ import annotations

import threading
from time import monotonic

from connector.models.stopping import Stop


def test_the_earlier_deadline_wins() -> None:
    now_s = monotonic()
    assert Stop().no_later_than(now_s).deadline_s == now_s
    assert Stop(now_s - 1).no_later_than(now_s).deadline_s == now_s - 1
    assert Stop(now_s + 1).no_later_than(now_s).deadline_s == now_s


def test_the_stop_itself_keeps_its_deadline() -> None:
    stop = Stop()
    stop.no_later_than(monotonic())
    assert not stop.is_over


def test_cancelling_either_cancels_both_and_wakes_who_waits() -> None:
    for which in (0, 1):
        stop = Stop()
        both = [stop, stop.no_later_than(monotonic() + 60)]
        threading.Timer(0.02, both[which].cancel).start()
        both[1 - which].wait(threading.Event())
        assert both[0].is_cancelled
        assert both[1].is_over
