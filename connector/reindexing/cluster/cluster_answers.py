"""Checks what a cluster answers about its indices, shards and aliases (see `engines.answers`). Pure."""

from __future__ import annotations

from typing import Any

from connector.engines.answer import Answer
from connector.engines.answers import mappings_in, object_in, part_of
from connector.errors import MalformedAnswerError


def indices_in(body: object) -> dict[str, dict[str, Any]]:
    """Return the settings, mappings and aliases of `GET INDEX`, by index."""
    found = mappings_in(body)
    for index in found:
        part_of("GET index", found[index], ["aliases"], dict)
        part_of("GET index", found[index], ["settings", "index", "uuid"], str)
    return found


def documents_in(body: object, count: int) -> list[dict[str, Any]]:
    """Return the documents of an `_mget`; one with an `error` is not checked further."""
    answer = Answer("_mget", body)
    docs = answer.part(answer.checked(body, "", dict), "docs", list)
    if len(docs) != count:
        raise answer.fault(f"docs has {len(docs)} items, must have {count}")
    for place, each in enumerate(docs):
        doc = answer.checked(each, f"docs[{place}]", dict)
        for name in ("_index", "_id"):
            answer.part(doc, f"docs[{place}].{name}", str)
        if "error" not in doc and answer.part(doc, f"docs[{place}].found", bool):
            answer.optional(doc, f"docs[{place}]._source", dict)
    return docs


def aliases_in(body: object) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the aliases of `GET _alias`, by index and then by alias."""
    found = object_in("_alias", body)
    aliases = {index: part_of("_alias", found, [index, "aliases"], dict) for index in found}
    for of_index in aliases.values():
        for alias in of_index:
            part_of("_alias", of_index, [alias], dict)
    return aliases


def shard_counts_in(body: object) -> dict[str, int]:
    """Return how many primary shards each index has, from flat settings."""
    path = ["settings", "index.number_of_shards"]
    found = object_in("_settings", body)
    if len(found) != 1:
        raise MalformedAnswerError("_settings", f"it has {len(found)} indices, must have one", body)
    return {index: _whole("_settings", part_of("_settings", found[index], path, str)) for index in found}


def checkpoints_in(body: object, index: str) -> dict[int, int]:
    """Return the global checkpoint of each shard of an index whose primary has started."""
    stats = object_in("_stats", body)
    if not object_in("_stats", stats.get("indices", {})).get(index):
        return {}
    shards = part_of("_stats", stats, ["indices", index, "shards"], dict)
    return {
        _whole("_stats", number): part_of("_stats", copy, ["seq_no", "global_checkpoint"], int)
        for number in shards
        for copy in part_of("_stats", shards, [number], list)
        if part_of("_stats", copy, ["routing", "primary"], bool)
        and part_of("_stats", copy, ["routing", "state"], str) in ("STARTED", "RELOCATING")
    }


def uuid_in(body: object, index: str) -> str:
    """Return an index's uuid from its settings."""
    return part_of("_settings", body, [index, "settings", "index", "uuid"], str)


def _whole(what: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise MalformedAnswerError(what, "it has a text where a whole number must be", text)
    return int(text)
