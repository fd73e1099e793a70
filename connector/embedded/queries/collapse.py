"""`collapse`: keep the best hit for each value of a field."""

from __future__ import annotations

from typing import Any

import numpy as np

from connector.embedded.analysis.postings import Ints, Mask, TermColumn
from connector.embedded.failures import ShardError, parsing, unsupported
from connector.embedded.storage.columns import NumberColumn
from connector.embedded.storage.index import Index
from connector.embedded.storage.values import NUMBERS


def parse_collapse(body: Any) -> str:
    """Return the field that hits are collapsed by.

    Raises:
        EngineError: 400; only `field` is supported.
    """
    if not isinstance(body, dict) or not isinstance(body.get("field"), str):
        raise parsing("[collapse] must be an object with a [field]")
    if others := sorted(body.keys() - {"field"}):
        raise unsupported(f"[collapse] with {others}")
    return str(body["field"])


def check_collapse(index: Index, path: str) -> None:
    """Reject a field that hits can't be collapsed by.

    Raises:
        ShardError: as on a real node.
    """
    field = index.mapping.fields.get(path)
    if field is None:
        raise ShardError(f"no mapping found for `{path}` in order to collapse on", is_query_fault=False)
    if field.type not in (*NUMBERS, "keyword"):
        reason = f"collapse is not supported for the field [{path}] of the type [{field.type}]"
        raise ShardError(reason, is_query_fault=False)


def groups_of(index: Index, path: str, mask: Mask) -> dict[int, Any]:
    """Return the value of each matched document that has one, by slot.

    Raises:
        ShardError: a document has several.
    """
    found: dict[int, Any] = {}
    for value, slots in _slots_by_value(index, path, mask):
        for slot in slots.tolist():
            if slot in found:
                reason = f"failed to extract doc:{slot}, the grouping field must be single valued"
                raise ShardError(reason, is_query_fault=False)
            found[slot] = value
    return found


def _slots_by_value(index: Index, path: str, mask: Mask) -> list[tuple[Any, Ints]]:
    column = index.column(path)
    if isinstance(column, TermColumn):
        postings = ((term, column.postings(term)[0]) for term in column.terms())
        return [(term, slots[mask[slots]]) for term, slots in postings]
    if isinstance(column, NumberColumn):
        slots, values = column.values_of(mask)
        # A number is stored as often as a document has it, and two equal ones count as several.
        return [(value.item(), slots[values == value]) for value in np.unique(values)]
    return []
