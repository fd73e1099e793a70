"""`_bulk`: parse the body into operations and run each on `Documents`."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from connector.embedded.failures import EngineError, illegal, validation
from connector.embedded.scalars import shown
from connector.embedded.storage.json_text import parse_json
from connector.embedded.storage.writes import Documents, Expected, check_id, check_update, load_update, parse_expected


@dataclass(frozen=True)
class BulkItem:
    """One operation of a bulk request, not yet run."""

    action: str
    index: str
    id: Any
    source: bytes
    expected: Expected | None


def parse_bulk(body: bytes, default_index: str | None) -> list[BulkItem]:
    """Return the operations of a bulk body.

    Raises:
        EngineError: 400: the whole request is malformed.
    """
    if not body.endswith(b"\n"):
        raise illegal("The bulk request must be terminated by a newline [\\n]")
    items = list(_bulk_items(body.split(b"\n")[:-1], default_index))
    if not items:
        raise validation("no requests added")
    return items


def _bulk_items(lines: list[bytes], default_index: str | None) -> Iterator[BulkItem]:
    numbered = iter(enumerate(lines, 1))
    for number, line in numbered:
        if not line.strip():
            continue
        try:
            action_line = parse_json(line)
        except ValueError as error:
            raise illegal(f"Malformed action/metadata line [{number}]: {error}") from error
        if not isinstance(action_line, dict) or len(action_line) != 1:
            raise illegal(f"Malformed action/metadata line [{number}], expected one action")
        ((action, metadata),) = action_line.items()
        if action not in ("index", "create", "update", "delete"):
            raise illegal(
                f"Malformed action/metadata line [{number}], "
                f"expected field [create], [delete], [index] or [update] but found [{action}]"
            )
        if not isinstance(metadata, dict):
            raise illegal(f"Malformed action/metadata line [{number}], expected START_OBJECT")
        known = {"_index", "_id", "if_seq_no", "if_primary_term", "retry_on_conflict", "require_alias"}
        for key, value in metadata.items():
            if key not in known or (key == "require_alias" and value):
                raise illegal(f"Action/metadata line [{number}] contains an unknown parameter [{key}]")
        name = metadata.get("_index")
        if isinstance(name, (dict, list)):
            raise illegal(f"Malformed action/metadata line [{number}], expected a simple value for field [_index]")
        name = default_index if name is None else name
        if name is None:
            raise validation("index is missing")
        doc_id = metadata.get("_id")
        if doc_id is None and action in ("update", "delete"):
            raise validation("id is missing")
        source = b""
        if action != "delete":
            following = next(numbered, None)
            if following is None:
                raise validation("no requests added")
            source = following[1]
        if action == "update":
            check_update(load_update(source))
        expected = parse_expected(metadata.get("if_seq_no"), metadata.get("if_primary_term"))
        if expected is not None and "retry_on_conflict" in metadata:
            raise validation("compare and write operations can not be retried")
        yield BulkItem(action, shown(name), doc_id, source, expected)


def run_bulk_item(documents: Documents, item: BulkItem) -> tuple[dict[str, Any], bool]:
    """Run one operation and return its entry in the response, and whether it failed."""
    try:
        doc_id = _read_id(item)
        if item.action == "delete":
            written = documents.delete(item.index, doc_id or "", expected=item.expected)
        elif item.action == "update":
            written = documents.update(item.index, doc_id or "", load_update(item.source), expected=item.expected)
        else:
            is_new = item.action == "create"
            written = documents.put(item.index, doc_id, item.source, must_be_new=is_new, expected=item.expected)
    except EngineError as failure:
        entry = {
            "_index": item.index,
            "_id": secrets.token_urlsafe(15) if item.id is None else shown(item.id),
            "status": failure.status,
            "error": failure.cause(),
        }
        return {item.action: entry}, True
    return {item.action: {**written.body, "status": written.status}}, False


def _read_id(item: BulkItem) -> str | None:
    """Return an item's id; an invalid one fails only this item, where a real node may reject the whole request.

    Raises:
        EngineError: 400.
    """
    if item.id is None:
        return None
    if isinstance(item.id, (dict, list)):
        raise illegal(f"_id {shown(item.id)[:200]} must be a string")
    if item.id == "":
        raise illegal("if _id is specified it must not be empty")
    if item.action != "delete":
        check_id(shown(item.id))
    return shown(item.id)
