"""A file's documents are the same whichever way they are laid out; what can't be read right is refused by name."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from connector.errors import SourceError
from connector.exact_json import text_of
from connector.indexing.files import BadRecordError, Record, file_records, unwrapped

DOCUMENTS: list[dict[str, Any]] = [
    {"_id": f"d{number}", "title": f'a, b: [{{"{number}"}}]', "deep": {"list": [1, {"x": None}]}}
    for number in range(12)
]


def read(path: Path, encoding: str | None = None) -> list[Record]:
    return list(file_records(path, encoding)())


def documents(path: Path, encoding: str | None = None) -> list[dict[str, Any]]:
    kept = []
    for record in read(path, encoding):
        assert not isinstance(record, BadRecordError), record
        if record is not None:
            kept.append({name: value for name, value in unwrapped(record).items() if name != "_routing"})
    return kept


def hits(index: str = "old") -> list[dict[str, Any]]:
    bare = [{name: value for name, value in each.items() if name != "_id"} for each in DOCUMENTS]
    return [
        {"_index": index, "_id": each["_id"], "_score": 1, "_source": source}
        for each, source in zip(DOCUMENTS, bare, strict=True)
    ]


def lines(values: list[Any]) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


def bulk_body(action: str = "index") -> str:
    return "".join(lines([{action: {"_index": "old", "_id": hit["_id"]}}, hit["_source"]]) for hit in hits())


LAYOUTS = {
    "one object a line": lines(DOCUMENTS),
    "no newline at the end": lines(DOCUMENTS)[:-1],
    "Windows newlines": lines(DOCUMENTS).replace("\n", "\r\n"),
    "an array on one line": json.dumps(DOCUMENTS),
    "an array, one object a line": "[\n" + ",\n".join(map(json.dumps, DOCUMENTS)) + "\n]\n",
    "an array, comma first": "[" + "\n,".join(map(json.dumps, DOCUMENTS)) + "]",
    "an array drawn over lines": json.dumps(DOCUMENTS, indent=2),
    "an array behind blanks": "\n \n" + json.dumps(DOCUMENTS, indent="\t"),
    "two arrays": json.dumps(DOCUMENTS[:5]) + "\n[]\n" + json.dumps(DOCUMENTS[5:]),
    "objects drawn over lines": "\n".join(json.dumps(each, indent=2) for each in DOCUMENTS),
    "a _bulk body": bulk_body(),
    "a _bulk body of creates": bulk_body("create"),
    "a _bulk body with blank lines": bulk_body().replace('{"index"', '\n{"index"'),
    "elasticdump": lines(hits()),
    "an array of hits": json.dumps(hits(), indent=1),
}


@pytest.mark.parametrize("ending", ["jsonl", "json", "json.gz"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_of_json_gives_the_same_documents(tmp_path: Path, layout: str, ending: str) -> None:
    path = tmp_path / f"documents.{ending}"
    content = LAYOUTS[layout].encode()
    path.write_bytes(gzip.compress(content) if ending.endswith("gz") else content)
    assert documents(path) == DOCUMENTS


@pytest.mark.parametrize("size", [1, 1_000, 127_990, 128 * 1024, 400_000])
def test_an_array_is_read_whole_wherever_its_parts_are_cut(tmp_path: Path, size: int) -> None:
    long = [{"_id": "a", "text": "é\\" * size}, {"_id": "b", "n": [1.5, True, None] * size}, {"_id": "c"}]
    (tmp_path / "long.json").write_text(json.dumps(long), "utf-8")
    assert documents(tmp_path / "long.json") == long


def test_routing_of_a_bulk_body_and_of_hits_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"index": {"_id": "1", "routing": "r"}}\n{"t": "x"}\n')
    (tmp_path / "b.jsonl").write_text('{"_index": "i", "_id": "1", "_routing": "r", "_source": {"t": "x"}}\n')
    for name in ("a.jsonl", "b.jsonl"):
        (record,) = read(tmp_path / name)
        assert isinstance(record, dict)
        assert unwrapped(record) == {"t": "x", "_id": "1", "_routing": "r"}


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (bulk_body() + '{"delete": {"_id": "d1"}}\n', ["line 25", "'delete'", "_bulk"]),
        ('{"update": {"_id": "1"}}\n{"doc": {"a": 1}}\n', ["line 1", "'update'", "_bulk"]),
        ('{"index": {"_id": "1"}}\n{"t": 1}\n{"t": 2}\n', ["line 3", "must be an action"]),
        (lines(hits()) + lines(hits("other")), ["'old'", "'other'", "one file for each"]),
        (json.dumps({"took": 1, "hits": {"hits": hits()}}), ["answer to a search", "jq"]),
        ('[{"_id": "1"},\n{"_id": "2"}\n{"_id": "3"}]', ["line 3", "comma"]),
        ('[{"_id": "1"},\n{"_id": "2"', ["line 2", "not JSON"]),
        ('[\n{"_id": "1"}\n', ["without a ]"]),
        ('[{"_id": "1"},\n{"a": tru}, ' + '{"a": 1},' * 20 + "]", ["line 2", "not JSON"]),
    ],
)
def test_a_json_file_that_can_not_be_read_right_is_refused_with_line_and_remedy(
    tmp_path: Path, content: str, names: list[str]
) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(SourceError) as caught:
        read(tmp_path / "a.json")
    for name in ["a.json", *names]:
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{broken", "not JSON"),
        ("[1, 2]", "must be a JSON object"),
        ('{"a": 1, "a": 2}', "duplicate field 'a'"),
        ('{"a": NaN}', "NaN"),
        ('{"a": "\0"}', "control character"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "too deeply"),
    ],
)
def test_a_bad_line_takes_no_other_with_it(tmp_path: Path, line: str, reason: str) -> None:
    (tmp_path / "a.jsonl").write_text(f'{{"_id": "1"}}\n{line}\n{{"_id": "2"}}\n')
    first, bad, last = read(tmp_path / "a.jsonl")
    assert (first, last) == ({"_id": "1"}, {"_id": "2"})
    assert isinstance(bad, BadRecordError)
    assert reason in str(bad)


def test_numbers_keep_their_digits_in_every_layout(tmp_path: Path) -> None:
    numbers = ["0.12345678901234567890123", "1e400", "12345678901234567890123", "-0.0", "-0", "1.0", "1", "1E5", "1.10"]
    objects = [f'{{"_id": "{place}", "n": {number}}}' for place, number in enumerate(numbers)]
    for name, content in (("a.jsonl", "\n".join(objects)), ("a.json", f"[{', '.join(objects)}]")):
        (tmp_path / name).write_text(content)
        assert [text_of(record) for record in read(tmp_path / name)] == objects


CSV = 'id,title,note\n1,café,"a, b"\n2,naïve,"two\nlines"\n3,Ωmega,"say ""hi"""\n'
ROWS = [
    {"id": "1", "title": "café", "note": "a, b"},
    {"id": "2", "title": "naïve", "note": "two\nlines"},
    {"id": "3", "title": "Ωmega", "note": 'say "hi"'},
]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("told", ["", "sep={}\n"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_csv_is_read_by_the_separator_that_its_first_line_has(
    tmp_path: Path, separator: str, told: str, newline: str
) -> None:
    rows = 'id,title\n1,"x; y"\n2,"a ""b"""\n'.replace(",", separator).replace("; ", " ")
    (tmp_path / "a.csv").write_bytes((told.format(separator) + rows).replace("\n", newline).encode())
    assert documents(tmp_path / "a.csv") == [{"id": "1", "title": "x y"}, {"id": "2", "title": 'a "b"'}]


def test_rows_that_are_none_are_named_by_their_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('id,title\n1,one\n2,two,three\n3,"bad"quote\n4,nul\0\n\n5,"a\nb"\n6\n7,seven\n')
    found = read(tmp_path / "a.csv")
    assert [record for record in found if isinstance(record, dict)] == [
        {"id": "1", "title": "one"},
        {"id": "5", "title": "a\nb"},
        {"id": "7", "title": "seven"},
    ]
    bad = [str(record) for record in found if isinstance(record, BadRecordError)]
    assert [text.partition(":")[0] for text in bad] == ["line 3", "line 4", "line 5", "line 9"]
    assert found.count(None) == 1


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ('id,title\n1,one\n2,"never\n3,ends\n', ["line 3", "quote"]),
        ("id,id\n1,2\n", ["name every column once"]),
        ("id,,title\n1,2,3\n", ["name every column once"]),
    ],
)
def test_a_csv_whose_rows_can_not_be_told_is_refused(tmp_path: Path, content: str, names: list[str]) -> None:
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(SourceError) as caught:
        read(tmp_path / "a.csv")
    for name in ["a.csv", *names]:
        assert name in str(caught.value)


@pytest.mark.parametrize("ending", ["jsonl.gz", "jsonl.zst", "csv.gz", "csv.zst", "json.zst"])
@pytest.mark.parametrize("fault", ["cut", "corrupt", "garbage behind", "not packed"])
def test_a_packed_file_that_is_damaged_is_a_source_error(tmp_path: Path, ending: str, fault: str) -> None:
    import zstandard

    checked = zstandard.ZstdCompressor(write_checksum=True)  # as the command zstd writes
    content = ("id,title\n" if "csv" in ending else "") + "".join(
        f"{number},{number * 7919 % 10_007}\n"
        if "csv" in ending
        else f'{{"id": {number}, "n": {number * 7919 % 10_007}}}\n'
        for number in range(20_000)
    )
    packed = gzip.compress(content.encode()) if ending.endswith("gz") else checked.compress(content.encode())
    damaged = {
        "cut": packed[:-200],
        "corrupt": packed[: len(packed) // 2] + bytes(64) + packed[len(packed) // 2 + 64 :],
        "garbage behind": packed + b"garbage",
        "not packed": content.encode(),
    }[fault]
    (tmp_path / f"a.{ending}").write_bytes(damaged)
    with pytest.raises(SourceError, match=r"a\..*see to the file"):
        read(tmp_path / f"a.{ending}")


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_a_file_packed_in_several_parts_is_read_whole(tmp_path: Path, ending: str) -> None:
    import zstandard

    pack = gzip.compress if ending == "gz" else zstandard.compress
    parts = [pack(lines(DOCUMENTS[:5]).encode()), pack(lines(DOCUMENTS[5:]).encode())]
    (tmp_path / f"a.jsonl.{ending}").write_bytes(b"".join(parts))
    assert documents(tmp_path / f"a.jsonl.{ending}") == DOCUMENTS
