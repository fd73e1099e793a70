"""`connector index`: files as people have them, and what becomes of a command that is interrupted."""

import gzip
import io
import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from connector import connect
from connector.cli import main

COMMAND = [sys.executable, "-c", "from connector.cli import main; main()", "index"]
ROWS = [
    {"_id": "a", "title": "Red", "body": "fast", "price": "1.50", "zip": "01234", "sold": "2024-01-05", "ok": "TRUE"},
    {"_id": "b", "title": "Blue", "body": "slow", "price": "2", "zip": "987", "sold": "2024-02-05", "ok": "false"},
]
TABLE = "\r\n".join([",".join(ROWS[0]), *(",".join(row.values()) for row in ROWS)])


def index(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit_info:
        main(["index", *arguments])
    return int(exit_info.value.code or 0)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"embedded:{tmp_path / 'store'}"


def stored(url: str, name: str = "cars") -> dict[str, Any]:
    with connect(url) as client:
        hits = client.search(index=name, query={"match_all": {}}, size=100, source_excludes=["vector"])["hits"]["hits"]
    return {hit["_id"]: hit["_source"] for hit in hits}


def mapped(url: str, name: str = "cars") -> dict[str, Any]:
    with connect(url) as client:
        properties = client.indices.get_mapping(index=name)[name]["mappings"]["properties"]
    return {field: definition.get("type") for field, definition in properties.items()}


def packed(kind: str) -> bytes:
    lines = "\r\n".join(map(json.dumps, ROWS)).encode()
    if kind == "parquet":
        out = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(ROWS), out)
        return out.getvalue()
    return {
        "lines": lines,
        "array": json.dumps(ROWS).encode(),
        "marked": b"\xef\xbb\xbf" + lines,
        "gzip": gzip.compress(lines),
        "zstd": zstandard.compress(lines),
        "csv": TABLE.encode(),
        "packed csv": gzip.compress(TABLE.replace(",", ";").encode("utf-16")),
        "tabs": TABLE.replace(",", "\t").encode(),
    }[kind]


@pytest.mark.parametrize("kind", ["lines", "array", "marked", "gzip", "zstd", "parquet", "csv", "packed csv", "tabs"])
def test_the_kind_of_standard_input_is_told_by_its_content(
    url: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(packed(kind))))
    assert index("-", "--index", "cars", "--url", url, "--no-types") == 0
    assert stored(url) == {row["_id"]: {name: row[name] for name in row if name != "_id"} for row in ROWS}


def test_the_types_of_columns_are_told_and_shown(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cars.csv"
    file.write_text(TABLE, "utf-8")
    assert index(str(file), "--index", "cars", "--url", url) == 0
    assert "columns: price double, zip text, sold date, ok boolean" in " ".join(capsys.readouterr().err.split())
    of_a = {"title": "Red", "body": "fast", "price": 1.5, "zip": "01234", "sold": "2024-01-05", "ok": True}
    assert stored(url)["a"] == of_a
    fields = mapped(url)
    assert [fields[name] for name in ("price", "zip", "sold", "ok")] == ["double", "text", "date", "boolean"]


def test_types_can_be_named_and_are_part_of_the_json(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "cars.csv"
    file.write_text(TABLE, "utf-8")
    where = ("--index", "cars", "--url", url, "--json")
    assert index(str(file), *where, "--no-types", "--type", "price=double", "--type", "zip=keyword") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["types"] == {"price": "double", "zip": "keyword"}
    assert report["indexed"] == 2
    assert mapped(url)["zip"] == "keyword"
    assert stored(url)["b"]["ok"] == "false"


def test_a_column_in_which_one_cell_is_no_date_loses_no_row(url: str, tmp_path: Path) -> None:
    file = tmp_path / "notes.csv"
    file.write_text("_id,title,when\n1,a,2024-01-01\n2,b,unknown\n", "utf-8")
    assert index(str(file), "--index", "cars", "--url", url, "--text-field", "title") == 0
    assert {identifier: source["when"] for identifier, source in stored(url).items()} == {
        "1": "2024-01-01",
        "2": "unknown",
    }


def test_documents_without_ids_are_not_doubled_by_a_second_run(url: str, tmp_path: Path) -> None:
    file = tmp_path / "cars.jsonl"
    file.write_text('{"title": "a"}\n{"title": "a"}\n', "utf-8")
    for _ in range(2):
        assert index(str(file), "--index", "cars", "--url", url) == 0
    assert len(stored(url)) == 2


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b'{"title": "a"}\n{"title": b}\n', "standard input, line 2: .*column 11"),
        (b"title,body\na\n", "standard input, line 2: .*1 cells"),
        (b'[{"title": "a"}, 3]', "standard input, line 1: .*must be a JSON object"),
        (b"", "standard input.*holds no documents"),
        (b"title,body\n", "standard input.*holds no documents"),
        (b"\x1f\x8bgarbage", "standard input can't be read to its end"),
        (b"PAR1garbage", "standard input can't be read to its end"),
    ],
)
def test_nothing_is_created_before_the_first_good_document(
    url: str, content: bytes, named: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    assert index("-", "--index", "cars", "--url", url) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(named, line), line
    with connect(url) as client:
        assert not client.indices.exists(index="cars")


def test_an_engine_in_memory_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cars.jsonl"
    file.write_text('{"title": "a"}', "utf-8")
    assert index(str(file), "--index", "cars", "--url", "embedded:") == 2
    assert "gone when this command ends; name a folder" in capsys.readouterr().err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_says_what_was_written_and_how_to_go_on(
    url: str, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """The process is stopped as it tells its first progress, when it is far from its end."""
    file = tmp_path / "many.jsonl"
    file.write_text("\n".join(json.dumps({"_id": str(n), "title": f"{n} " * 200}) for n in range(20_000)), "utf-8")
    command = [*COMMAND, str(file), "--index", "cars", "--url", url]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        process.send_signal(number)
        said = process.communicate()[1]
    assert first.startswith("indexing: "), first
    assert process.returncode == code, said
    (line,) = filter(None, said.splitlines()[-1:])
    written = int(line.split(" documents were written")[0].rsplit(" ", 1)[-1].replace(",", ""))
    assert f"connector: interrupted; {written:,} documents were written to cars; run the same command again" in line
    with connect(url) as client:
        assert client.count(index="cars")["count"] >= written > 0
