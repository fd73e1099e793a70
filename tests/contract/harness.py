"""Send the same calls to two engines and report where their answers differ.

Compared: status, ids, order, scores to 1e-4, totals, sources, item results; of errors the status and `error.type`.
Not compared: times, shard counts, and wording that the two servers' versions word differently.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import elasticsearch
from elasticsearch import ApiError, Elasticsearch

CLIENT_MAJOR = elasticsearch.__version__[0]
SCORE_TOLERANCE = 1e-4
UNCOMPARED = frozenset(
    {"took", "took_ms", "_shards", "_index", "index", "forced_refresh", "shards_acknowledged", "_primary_term"}
)
SCORES = frozenset({"_score", "max_score", "score", "fused_score", "rerank_score"})


@dataclass(frozen=True)
class Corpus:
    """One index: its mapping and its documents, (id, source), in the order in which they are indexed."""

    name: str
    mappings: dict[str, Any]
    documents: Sequence[tuple[str, dict[str, Any]]]


@dataclass(frozen=True)
class Call:
    """One request; `{index}` in path and body stands for the index at hand. A list body goes out as NDJSON."""

    method: str
    path: str
    body: dict[str, Any] | list[dict[str, Any]] | str | None = None
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """A response, without what may differ from run to run."""

    status: int
    body: Any


def send(client: Elasticsearch, index: str, call: Call) -> Answer:
    """Make the call as elasticsearch-py would and return its comparable answer."""
    kind = "x-ndjson" if isinstance(call.body, list) else "json"
    mime = f"application/vnd.elasticsearch+{kind}; compatible-with={CLIENT_MAJOR}"
    headers = {"accept": f"application/vnd.elasticsearch+json; compatible-with={CLIENT_MAJOR}"}
    if call.body is not None:
        headers["content-type"] = mime
    body = _renamed(call.body, "{index}", index)
    path = call.path.replace("{index}", index)
    try:
        answer = client.perform_request(call.method, path, params=call.params, headers=headers, body=body)
    except ApiError as error:
        return comparable(error.meta.status, error.body, index)
    return comparable(answer.meta.status, answer.body, index)


def comparable(status: int, body: Any, index: str) -> Answer:
    """Return an answer with the index named `{index}`, and without what is not compared."""
    return Answer(status, _comparable(_renamed(body, index, "{index}")))


def load(client: Elasticsearch, index: str, corpus: Corpus) -> None:
    """Create the index on one shard, in one bulk, so that equal scores come in the order of the documents."""
    client.indices.create(index=index, mappings=corpus.mappings, settings={"number_of_shards": 1})
    operations: list[dict[str, Any]] = []
    for identifier, source in corpus.documents:
        operations += [{"index": {"_id": identifier}}, source]
    answer = client.bulk(index=index, operations=operations, refresh=True)
    if answer["errors"]:
        raise AssertionError(f"{corpus.name}: {json.dumps(answer['items'])[:1000]}")


def differences(real: Answer, embedded: Answer) -> list[str]:
    """Return every place where the embedded engine's answer differs from the real node's."""
    if real.status != embedded.status:
        return [f"status: real {real.status} {_short(real.body)}, embedded {embedded.status} {_short(embedded.body)}"]
    return _differences(real.body, embedded.body, "")


def _differences(real: Any, embedded: Any, path: str) -> list[str]:
    if isinstance(real, dict) and isinstance(embedded, dict):
        found = []
        for key in real.keys() | embedded.keys():
            if key not in real or key not in embedded:
                side, value = ("embedded", embedded) if key in embedded else ("real", real)
                found.append(f"{path}.{key}: only {side} has it: {_short(value[key])}")
            else:
                found += _differences(real[key], embedded[key], f"{path}.{key}")
        return found
    if isinstance(real, list) and isinstance(embedded, list):
        if len(real) != len(embedded) or [_identity(x) for x in real] != [_identity(x) for x in embedded]:
            return [f"{path}: real {_short(_outline(real))}, embedded {_short(_outline(embedded))}"]
        pairs = zip(real, embedded, strict=True)
        return [line for i, (one, other) in enumerate(pairs) for line in _differences(one, other, f"{path}[{i}]")]
    if path.rsplit(".", 1)[-1] in SCORES and isinstance(real, float) and isinstance(embedded, float):
        return [] if abs(real - embedded) <= SCORE_TOLERANCE else [f"{path}: real {real}, embedded {embedded}"]
    return [] if real == embedded else [f"{path}: real {_short(real)}, embedded {_short(embedded)}"]


def _identity(item: Any) -> Any:
    return item.get("_id") if isinstance(item, dict) else None


def _outline(items: list[Any]) -> list[Any]:
    return [(item["_id"], item.get("_score")) if isinstance(item, dict) and "_id" in item else item for item in items]


def _comparable(body: Any) -> Any:
    """The body without what is not compared; an error is reduced to its type."""
    if isinstance(body, list):
        return [_comparable(item) for item in body]
    if not isinstance(body, dict):
        return body
    kept = {}
    for key, value in body.items():
        if key == "_source":
            kept[key] = value
        elif key == "error":
            kept[key] = {"type": error_type(value)}
        elif key not in UNCOMPARED or (key == "index" and isinstance(value, dict)):
            kept[key] = _comparable(value)
    return kept


def error_type(error: Any) -> Any:
    """Return the type of the cause: a search phase error names its shards' errors."""
    if not isinstance(error, dict):
        return "no type, only words"
    causes = error.get("root_cause") or [error]
    return causes[0].get("type") if error.get("type") == "search_phase_execution_exception" else error.get("type")


def _renamed(body: Any, old: str, new: str) -> Any:
    if isinstance(body, str):
        return body.replace(old, new)
    return None if body is None else json.loads(json.dumps(body).replace(old, new))


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 400 else text[:400] + "..."
