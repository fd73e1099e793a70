"""The documents that Elastic's `pinned` retriever puts first, and the query that finds them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeAlias

from pydantic import Field

from connector.request.base_types import Strict
from connector.request.lenient_values import Text

MAX_PINNED = 100
"""Elasticsearch's limit of pinned documents."""

PinnedId: TypeAlias = Annotated[Text, Field(min_length=1)]
PinCount = Field(min_length=1, max_length=MAX_PINNED)


class PinnedDoc(Strict):
    """A document by its id, and by its index if several are searched."""

    id: Annotated[str, Field(min_length=1, alias="_id")]
    index: Annotated[str | None, Field(min_length=1, alias="_index")] = None


def pins_query(pins: Sequence[PinnedDoc]) -> dict[str, Any]:
    """Write the query that matches these documents."""
    anywhere = [pin.id for pin in pins if pin.index is None]
    queries: list[dict[str, Any]] = [{"ids": {"values": anywhere}}] if anywhere else []
    for index in dict.fromkeys(pin.index for pin in pins if pin.index is not None):
        ids = [pin.id for pin in pins if pin.index == index]
        queries.append({"bool": {"filter": [{"term": {"_index": index}}, {"ids": {"values": ids}}]}})
    return {"constant_score": {"filter": {"bool": {"should": queries}}}}
