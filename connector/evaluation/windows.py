"""Reads windows of judged passages from a folder in BEIR's layout, for the quality gate of the backends."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Mapping, Sequence
from math import log1p
from pathlib import Path

from connector.errors import RequestError
from connector.evaluation.judgments import read_qrels, read_queries
from connector.models.backends.agreement import Window


def read_windows(folder: str | Path, queries: int, depth: int) -> list[Window]:
    """Return windows of a collection's test questions, spread evenly over them.

    A window holds the passages judged relevant, and the passages that share the rarest words with the question, judged
    or not; a passage is title and text.

    Args:
        folder: a folder with corpus.jsonl, queries.jsonl (or .gz) and qrels/test.tsv.
        queries: the number of questions.
        depth: the number of passages per window.

    Raises:
        RequestError: a file is missing, or no judged question has a relevant passage.
        ValueError: a line can't be read.
    """
    folder = Path(folder)
    qrels = read_qrels(_existing(folder, "qrels/test.tsv"))
    texts = read_queries(_existing(folder, "queries.jsonl"))
    passages = _read_passages(_existing(folder, "corpus.jsonl"))
    answered = [key for key, grades in qrels.items() if key in texts and any(g > 0 for g in grades.values())]
    if not answered:
        raise RequestError("judged", str(folder), "has no question with a relevant passage in qrels/test.tsv")
    chosen = sorted(answered)[:: max(len(answered) // queries, 1)][:queries]
    postings = _postings(passages)
    return [_window(texts[key], qrels[key], passages, postings, depth) for key in chosen]


def _window(
    query: str,
    grades: Mapping[str, int],
    passages: Mapping[str, str],
    postings: Mapping[str, Sequence[str]],
    depth: int,
) -> Window:
    shared: dict[str, float] = {}
    for word in set(_words(query)):
        found = postings.get(word, ())
        for key in found:
            shared[key] = shared.get(key, 0.0) + log1p(len(passages) / len(found))
    relevant = [key for key, grade in grades.items() if grade > 0 and key in passages]
    nearest = [key for key, _ in sorted(shared.items(), key=lambda item: (-item[1], item[0]))]
    keys = list(dict.fromkeys([*relevant[: depth // 2], *nearest]))[:depth]
    return Window(query, [passages[key] for key in keys], [grades.get(key, 0) for key in keys])


def _postings(passages: Mapping[str, str]) -> dict[str, list[str]]:
    postings: dict[str, list[str]] = {}
    for key, text in passages.items():
        for word in set(_words(text)):
            postings.setdefault(word, []).append(key)
    return postings


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _read_passages(path: Path) -> dict[str, str]:
    passages = {}
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                record = json.loads(line)
                passages[str(record["_id"])] = f"{record.get('title') or ''}\n{record['text']}".strip()
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{path}, line {number}: expected a JSON object with `_id` and `text`") from error
    return passages


def _existing(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise RequestError("judged", str(folder), f"has no {name}; pass a folder in BEIR's layout")
