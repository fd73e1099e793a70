"""Questions and relevance judgments, read from files in BEIR's format."""

import csv
import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, TypeAlias

Qrels: TypeAlias = dict[str, dict[str, int]]
"""Query id -> document id -> grade; 0 is judged and not relevant."""

_HEADER = ("query-id", "corpus-id", "score")
_FIELDS = len(_HEADER)


def read_qrels(path: str | Path) -> Qrels:
    """Read judgments, also `.gz`.

    A line is BEIR's (tab-separated `query-id`, `corpus-id`, `score`, with or without a header line) or TREC's (four
    fields separated by blanks: query id, iteration, document id, grade).

    Raises:
        ValueError: a line of neither form, or a grade that is not a whole number; the message names the line.
    """
    qrels: Qrels = {}
    with _open(path) as lines:
        for number, row in enumerate(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE), 1):
            if not row or (number == 1 and tuple(row) == _HEADER):
                continue
            trec = " ".join(row).split()
            try:
                query_id, document_id, grade = row if len(row) == _FIELDS else (trec[0], *trec[2:])
                qrels.setdefault(query_id, {})[document_id] = int(grade)
            except ValueError as error:
                raise ValueError(
                    f"{path}, line {number}: expected query id, document id, whole number; got {row}"
                ) from error
    return qrels


def read_queries(path: str | Path) -> dict[str, str]:
    """Read questions, also `.gz`: one JSON object per line with `_id` and `text`, or an id, a tab and the text.

    Returns:
        query id -> text, in the file's order.

    Raises:
        ValueError: a line of neither form; the message names the line.
    """
    queries: dict[str, str] = {}
    with _open(path) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            key, tab, text = line.rstrip("\r\n").partition("\t")
            if tab and text.strip() and not line.startswith("{"):
                queries[key] = text
                continue
            try:
                record = json.loads(line)
                queries[str(record["_id"])] = str(record["text"])
            except (ValueError, KeyError, TypeError) as error:
                expected = "expected a JSON object with `_id` and `text`, or an id, a tab and a text"
                raise ValueError(f"{path}, line {number}: {expected}") from error
    return queries


def restrict(qrels: Mapping[str, Mapping[str, int]], document_ids: frozenset[str]) -> tuple[Qrels, list[str]]:
    """Keep the judgments on documents that exist.

    Returns:
        the remaining qrels, and the ids of the queries left out because no relevant document remains.
    """
    kept: Qrels = {}
    dropped = []
    for query_id, grades in qrels.items():
        present = {document_id: grade for document_id, grade in grades.items() if document_id in document_ids}
        if any(grade > 0 for grade in present.values()):
            kept[query_id] = present
        else:
            dropped.append(query_id)
    return kept, dropped


@contextmanager
def _open(path: str | Path) -> Iterator[TextIO]:
    path = Path(path)
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        yield lines
