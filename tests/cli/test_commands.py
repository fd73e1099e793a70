"""The command line as people use it, with the bundled models and the embedded engine in a directory."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from connector import connect
from connector.cli import main
from connector.cli.demo import run_demo
from connector.cli.questions import Questions
from connector.cli.stdlib import StdlibDocument

DOCUMENTS = [
    {"_id": "kettle", "title": "Boiling water", "body": "A kettle heats water until it boils."},
    {"_id": "fridge", "title": "Keeping food cold", "body": "A refrigerator keeps milk and meat fresh."},
    {"_id": "lamp", "title": "Light in the evening", "body": "A lamp shines on the desk."},
]


def exit_code(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit_info:
        main(arguments)
    return int(exit_info.value.code or 0)


def connector(*arguments: str) -> str:
    """What a process of its own prints: one process at a time has the engine's directory."""
    code = "from connector.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True, encoding="utf-8", check=True
    ).stdout


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("cli")
    file = folder / "documents.jsonl"
    file.write_text("\n".join(map(json.dumps, DOCUMENTS)), "utf-8")
    url = f"embedded:{folder / 'store'}"
    connector("index", str(file), "--index", "things", "--url", url)
    return url


@pytest.fixture(scope="module")
def searched(url: str) -> tuple[str, str]:
    """What two searches print in one process: the first as JSON, the second as a table."""
    searches = (["make tea hot", "--url", url, "--size", "2", "--json"], ["keep milk fresh", "--url", url])
    code = f"""
from connector import connect
from connector.cli import main
for arguments in {searches!r}:
    try:
        main(["search", "things", *arguments])
    except SystemExit as exit:
        assert not exit.code
    print("END", flush=True)
"""
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, encoding="utf-8", check=True).stdout
    response, table, _ = printed.split("END\n")
    return response, table


def test_search_prints_elastics_response_with_provenance_as_json(searched: tuple[str, str]) -> None:
    response = json.loads(searched[0])
    assert len(response["hits"]["hits"]) == 2
    assert response["_hybrid"]["degraded"] is None
    assert all(isinstance(hit["_hybrid"]["rerank_score"], float) for hit in response["hits"]["hits"])


def test_search_prints_a_table(searched: tuple[str, str]) -> None:
    _, out = searched
    assert "fridge" in out
    assert "rerank" in out


def test_an_error_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("search", "things", "text", "--url", "ftp://example.org") == 2
    error = capsys.readouterr().err
    assert error.startswith("connector: --url:")
    assert error.count("\n") == 1


def test_a_missing_index_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("search", "nothing-here", "text", "--url", "embedded:") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("connector: ")
    assert "there is no index nothing-here" in line


def test_a_broken_line_in_a_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.jsonl").write_text("{")
    assert (
        exit_code("index", str(tmp_path / "bad.jsonl"), "--index", "x", "--url", f"embedded:{tmp_path / 'store'}") == 2
    )
    assert "bad.jsonl, line 1" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["index", "search", "demo"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(command, "--help") == 0
    assert "--url" in capsys.readouterr().out


def test_the_demo_tells_what_each_stage_was_worth_and_what_moved() -> None:
    documents = [
        StdlibDocument(item["_id"], "m", "function", item["_id"], "", item["title"], item["body"]) for item in DOCUMENTS
    ]
    texts = {"q1": "hot drink machine", "q2": "milk"}
    questions = Questions(texts, {"q1": {"kettle": 1}, "q2": {"fridge": 1}}, frozenset({"q1"}), dropped=4)
    out = io.StringIO()
    with connect("embedded:") as client:
        stages = run_demo(client, documents, questions, depth=10, console=Console(file=out, width=160))
    assert [stage.name for stage in stages] == ["BM25", "kNN", "RRF", "RRF + rerank"]
    told = out.getvalue()
    assert "4 more questions were dropped" in told
    for stage in ("BM25", "kNN", "RRF", "RRF + rerank"):
        assert any(line.startswith(f"│ {stage} ") for line in told.splitlines())
    assert "Rerank against RRF: nDCG@10" in told
    assert "small fast car" in told
    assert "What to do next" in told
