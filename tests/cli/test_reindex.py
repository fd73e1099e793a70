"""`connector reindex` as people type it, on the embedded engine in a directory."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from connector import connect
from connector.cli import main
from connector.cli.reindex_view import duration, progress_line
from connector.reindexing.items import Counters
from connector.reindexing.reports import progress_of

DOCUMENTS = [
    {"id": "kettle", "title": "Boiling water", "body": "A kettle heats water until it boils."},
    {"id": "fridge", "title": "Keeping food cold", "body": "A refrigerator keeps milk and meat fresh."},
    {"id": "bare"},
]


@pytest.fixture
def given(tmp_path: Path) -> list[str]:
    """A file, and what every call needs."""
    (tmp_path / "things.jsonl").write_text("\n".join(map(json.dumps, DOCUMENTS)), "utf-8")
    return ["--url", f"embedded:{tmp_path / 'store'}", "--state", str(tmp_path / "state")]


def exit_code(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit_info:
        main(["reindex", *arguments])
    return int(exit_info.value.code or 0)


def test_a_file_becomes_an_index_and_the_job_tells_what_it_did(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "things.jsonl")
    assert exit_code(file, "--alias", "things", "--id-field", "id", *given) == 0
    told = capsys.readouterr().out
    assert "documents with vectors" in told
    assert "estimated" in told
    assert exit_code("status", "--json", *given[2:]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert (found["state"], found["written"], found["without_text"]) == ("done", 2, 1)
    assert exit_code("status", *given[2:]) == 0


def test_json_is_one_object_a_line_progress_first_and_the_report_last(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (tmp_path / "things.jsonl").open("a") as file:
        file.write("\n{broken\n")
    assert exit_code("run", str(tmp_path / "things.jsonl"), "--alias", "things", "--json", "--job", "j", *given) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["event"] for line in lines[:-1]} == {"progress"}
    assert lines[-1]["event"] == "report"
    assert lines[-1]["dead_letters"] == 1
    letters = Path(lines[-1]["dead_letters_file"])
    letter = json.loads(letters.read_text())
    assert letter["document"] == "{broken\n"

    letters.write_text(json.dumps({**letter, "document": '{"id": "mended", "title": "whole"}'}) + "\n")
    assert exit_code("retry-dead-letters", "j", "--json", *given) == 0
    assert json.loads(capsys.readouterr().out) == {"written": 1, "dead": 0, "gone": 0}
    assert not letters.exists() or letters.read_text() == ""


def test_a_dry_run_tells_and_leaves_nothing(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(str(tmp_path / "things.jsonl"), "--alias", "things", "--dry-run", *given) == 0
    assert "documents/s" in capsys.readouterr().out
    assert exit_code("status", *given[2:]) == 0
    assert "no jobs" in capsys.readouterr().out


@pytest.mark.node
def test_every_command_runs_on_opensearch(
    opensearch_url: str, given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alias, where = f"things-{uuid.uuid4().hex[:10]}", ["--url", opensearch_url, *given[2:]]
    try:
        asked = ["--alias", alias, "--id-field", "id", "--passages", "--job", "first"]
        assert exit_code(str(tmp_path / "things.jsonl"), *asked, *where) == 0
        assert "kNN finds 100% of the" in " ".join(capsys.readouterr().out.split())
        assert exit_code(alias, "--passages", "--dry-run", *where) == 0
        assert "_seq_no" in capsys.readouterr().out
        assert exit_code(alias, "--passages", "--json", "--job", "second", *where) == 0
        report = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert (report["written"], report["without_text"], report["counters"]["encoded"]) == (2, 1, 0)
        assert exit_code("retry-dead-letters", "second", *where) == 0
        assert exit_code("rollback", "second", *where) == 0
        assert f"points to {report['previous']} again" in " ".join(capsys.readouterr().err.split())
        assert exit_code("cancel", "second", *where) == 2
        assert exit_code("resume", "second", *where) == 2
    finally:
        with connect(opensearch_url) as client:
            client.indices.delete(index=f"{alias}-*")


def test_what_is_wrong_is_one_line_and_exit_code_2(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["nothing-here", "--in-place"],
        ["things.txt/", "--alias", "a"],
        ["x", "--in-place", "--alias", "a"],
    ):
        assert exit_code(*arguments, *given) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("connector: ")


def test_without_a_command_it_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    exit_code("--help")
    told = " ".join(capsys.readouterr().out.split())
    for command in ("run", "resume", "status", "cancel", "rollback", "retry-dead-letters"):
        assert command in told
    assert "130 and 143" in told


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_a_clean_checkpoint_and_its_exit_code(
    given: list[str], tmp_path: Path, number: signal.Signals, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """The process is stopped as it tells its first progress; the next one does what is left."""
    lines = [json.dumps({"id": str(n), "title": f"thing {n}", "body": "word " * 50}) for n in range(200)]
    (tmp_path / "things.jsonl").write_text("\n".join(lines), "utf-8")
    arguments = [str(tmp_path / "things.jsonl"), "--alias", "things", "--job", "j", "--json", *given]
    command = [sys.executable, "-c", "from connector.cli import main; main()", "reindex", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        _, said = process.communicate()
    assert process.returncode == code, said
    assert "connector reindex resume j" in said
    exit_code("status", "j", "--json", *given[2:])
    assert json.loads(capsys.readouterr().out)["state"] in ("planned", "loading")


def test_a_line_of_progress() -> None:
    counters = Counters(read=500, written=480, dead=2, retries=1, encoding_s=4.0, bulks=2, bulk_ms=100)
    line = progress_line(progress_of("j", "loading", 1_500, 0, counters, 5.0, (500, 1)))
    assert line == "482 of 1,500, 100 docs/s, encoder 80%, bulk 50 ms, 2 dead letters, 1 retries, 10.0 s left"
    assert [duration(seconds) for seconds in (3.21, 250, 7_500)] == ["3.2 s", "4 min 10 s", "2 h 5 min"]
