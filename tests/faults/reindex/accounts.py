"""The books of a reindex: every document of the source is in the target once, or in the dead letters with a reason."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from elasticsearch import Elasticsearch, helpers
from numpy.typing import NDArray

DIMS = 16


def hashed(texts: list[str]) -> NDArray[np.float32]:
    """Embed each text as bytes of its hash: cheap, the same each time, and another for each text."""
    digests = [hashlib.sha256(text.encode("utf-8", "replace")).digest()[:DIMS] for text in texts]
    rows = np.array([list(digest) for digest in digests], np.float32).reshape(len(texts), DIMS) - 127.5
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def documents(count: int) -> Iterator[dict[str, Any]]:
    """Documents as `helpers.bulk` takes them: text of several lengths, some without any, some with a routing."""
    for number in range(count):
        document: dict[str, Any] = {"_id": f"d{number}", "n": number, "tags": ["a", "b"][: number % 3]}
        if number % 11:
            document["title"] = f"title {number} " + "word " * (number % 40)
        if number % 5 == 0:
            document["_routing"] = f"r{number % 7}"
        yield document


def load(es: Elasticsearch, index: str, count: int, alias: str | None = None, **settings: Any) -> None:
    """Make an index of so many documents."""
    mappings = {"properties": {"title": {"type": "text"}, "n": {"type": "integer"}, "tags": {"type": "keyword"}}}
    aliases: dict[str, Any] = {} if alias is None else {alias: {}}
    given = {"number_of_shards": 2, "number_of_replicas": 0, **settings}
    es.indices.create(index=index, mappings=mappings, settings=given, aliases=aliases)
    actions = ({"_index": index, **document} for document in documents(count))
    helpers.bulk(es, actions, chunk_size=1_000, refresh=True)


def everything(es: Elasticsearch, index: str) -> list[dict[str, Any]]:
    """Every document of an index, vectors included, by a way of reading that a job does not use."""
    es.indices.refresh(index=index)
    body: dict[str, Any] = {"query": {"match_all": {}}, "fields": ["vector"], "seq_no_primary_term": True}
    return list(helpers.scan(es, query=body, index=index, size=1_000))


def dead_letters(folder: Path) -> list[dict[str, Any]]:
    """The lines of a job's dead letters."""
    path = folder / "dead-letters.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def faults_in_books(
    source: Iterable[Mapping[str, Any]],
    target: Iterable[Mapping[str, Any]],
    dead: Iterable[Mapping[str, Any]],
    encode: Callable[[list[str]], NDArray[np.float32]] = hashed,
) -> list[str]:
    """What does not add up, in words; [] where every document is accounted for."""
    faults = []
    want = {(hit["_id"], hit.get("_routing", "")): hit["_source"] for hit in source}
    got = list(target)
    have = Counter((hit["_id"], hit.get("_routing", "")) for hit in got)
    letters = Counter((letter["id"], letter.get("routing", "")) for letter in dead if letter["reason"])
    for key in want:
        if have[key] + letters[key] != 1:
            faults.append(f"{key} is {have[key]} times in the target and {letters[key]} times in the dead letters")
    faults += [f"{key} is in the target and not in the source" for key in have if key not in want]
    for hit in got:
        key = (hit["_id"], hit.get("_routing", ""))
        bare = {name: value for name, value in hit["_source"].items() if name != "vector"}
        if key in want and bare != {name: value for name, value in want[key].items() if name != "vector"}:
            faults.append(f"{key} is another document now: {bare} and {want[key]}")
        vector = (hit.get("fields") or {}).get("vector") or hit["_source"].get("vector")
        text = str(bare.get("title") or "").strip()
        if bool(text) != (vector is not None):
            faults.append(f"{key} has {'no vector' if vector is None else 'a vector'} and the text {text!r}")
        elif vector is not None and not np.allclose(vector, encode([text])[0], atol=1e-4):
            faults.append(f"{key} has another text's vector")
    return faults
