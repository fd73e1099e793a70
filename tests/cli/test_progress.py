import io
from types import SimpleNamespace

from rich.console import Console

from connector.cli.progress import PlainLines, Shown
from connector.cli.reindex_view import status_text

NAME = "products-catalogue-2026-with-a-name-that-is-wider-than-a-terminal-of-eighty-columns"


def test_off_a_terminal_a_line_is_printed_every_few_seconds() -> None:
    out = io.StringIO()
    seconds = iter(range(100))
    with Shown(Console(file=out, width=40), clock=lambda: float(next(seconds))) as shown:
        for done in range(1_000, 12_000, 1_000):
            shown.show("indexing", done, 11_000)
    assert out.getvalue().splitlines() == ["indexing: 5,000 of 11,000", "indexing: 10,000 of 11,000"]


def test_a_line_is_never_wrapped() -> None:
    out = io.StringIO()
    PlainLines(Console(file=out, width=20), clock=iter([0.0, 5.0]).__next__).show(f"loading: {NAME}")
    assert out.getvalue() == f"loading: {NAME}\n"


def test_on_a_quiet_console_nothing_is_printed() -> None:
    out = io.StringIO()
    seconds = iter(range(0, 1_000, 10))
    with Shown(Console(file=out, quiet=True), clock=lambda: float(next(seconds))) as shown:
        shown.show("indexing", 1)
    assert out.getvalue() == ""


def test_on_a_terminal_a_bar_disappears_when_it_is_done() -> None:
    out = io.StringIO()
    with Shown(Console(file=out, force_terminal=True, width=80)) as shown:
        shown.show("indexing", 3, 4, "three documents")
    assert "three documents" in out.getvalue()
    assert out.getvalue().endswith("\x1b[2K")


def test_the_states_of_jobs_are_whole_however_long_their_names() -> None:
    job = {"state": "loading", "is_running": True, "source": f"{NAME}-2", "target": None, "written": 1_234}
    status = SimpleNamespace(job=NAME, **job, without_text=5, dead_letters=0, last_error="disk full")
    assert status_text([status]).splitlines() == [
        f"{NAME}: loading, running",
        f"  {NAME}-2, in place",
        "  1,234 written, 5 without text, 0 dead letters",
        "  stopped because: disk full",
    ]
    assert status_text([]) == "no jobs"
