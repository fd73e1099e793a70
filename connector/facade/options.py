"""The options of a search and of a search's pages, as `Connector` takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from connector.facade.filters import Filter


class CommonOptions(TypedDict, total=False):
    """The options that searches and pages share: see `Connector.search`."""

    size: int
    filter: Filter | None
    depth: int
    blend: float | None
    budget_ms: float | None
    source: bool | Sequence[str] | None


class SearchOptions(CommonOptions, total=False):
    """The options of `Connector.search`."""

    offset: int


class PageOptions(CommonOptions, total=False):
    """The options of `Connector.pages`."""

    window: int
    keep_alive: str
