"""The cold start benchmark: what it keeps of a process, and what it says of one that fails."""

from __future__ import annotations

import sys

import pytest

from benchmarks.cold_start import Cold, FailedError, report, run_rounds


def test_the_peak_memory_is_the_commands_own() -> None:
    small = Cold("small", [sys.executable, "-S", "-c", "pass"])
    large = Cold("large", [sys.executable, "-S", "-c", "print(len(bytes(1) * 200_000_000))"])
    assert large.run() == "200000000\n"
    small.run()
    assert small.peak_mb[0] < 100 < 190 < large.peak_mb[0]


def test_a_command_reads_what_is_entered() -> None:
    echo = Cold("echo", [sys.executable, "-S", "-c", "print(input())"], entered="a pair\n")
    assert echo.run() == "a pair\n"


def test_a_command_that_fails_is_the_last_line_of_its_errors() -> None:
    with pytest.raises(FailedError, match=r"^no model$"):
        Cold("failing", [sys.executable, "-S", "-c", "import sys; sys.exit('warning\\nno model')"]).run()


def test_the_first_round_is_not_counted_and_a_way_that_fails_is_left_out() -> None:
    ways = [Cold("working", [sys.executable, "-S", "-c", "pass"]), Cold("failing", [sys.executable, "-S", "-c", "1/0"])]
    run_rounds(ways, 2)
    assert [len(way.seconds) for way in ways] == [2, 0]
    assert [way.failed for way in ways] == ["", "ZeroDivisionError: division by zero"]


def test_a_row_has_the_median_the_range_and_the_largest_peak() -> None:
    ways = [
        Cold("fast", [], seconds=[1.0, 3.0, 1.5], peak_mb=[300.4, 310.0, 305.0]),
        Cold("broken", [], failed="no model"),
    ]
    text = report(ways, ["a passage"], "short", 3, "on a machine")
    assert "| fast | 1.50 | 1.00 to 3.00 | 310 |\n| broken | failed: no model | | |\n" in text
