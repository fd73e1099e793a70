"""The indices of an engine: create, find and change them, in the transaction that every write needs."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from connector.embedded.failures import EngineError, illegal, index_not_found, invalid_index_name, unsupported
from connector.embedded.scalars import MAX_INT, shown
from connector.embedded.storage.database import StoreFaultError, damaged
from connector.embedded.storage.index import Index
from connector.embedded.storage.limits import SETTINGS as LIMIT_SETTINGS
from connector.embedded.storage.limits import Limits
from connector.embedded.storage.mapping import Mapping, parse_mapping
from connector.embedded.storage.store import Store, StoredIndex

_SETTINGS = {
    "number_of_shards",
    "number_of_replicas",
    "refresh_interval",
    "max_result_window",
    "mapping.exclude_source_vectors",
    "auto_expand_replicas",
    *LIMIT_SETTINGS,
}
_COUNTS = {
    "number_of_shards": (1, 1_024),
    "number_of_replicas": (0, MAX_INT),
    "max_result_window": (1, MAX_INT),
    **dict.fromkeys(LIMIT_SETTINGS, (0, MAX_INT)),
}
_FORBIDDEN = re.compile(r'[ "*,/<>?\\|#:]')
_REBUILD_ABOVE = 1_000


class Catalog:
    """Indices by name, in memory and in the store.

    Raises:
        EmbeddedStoreError: see `Store`.
    """

    def __init__(self, directory: Path | None) -> None:
        self.store = Store(directory)
        self.indices: dict[str, Index] = {}
        self._written: set[str] = set()
        try:
            self._load()
        except StoreFaultError:
            self.store.close()
            raise
        except Exception as error:
            self.store.close()
            raise damaged(self.store.place, f"{type(error).__name__}: {error}") from error

    def _load(self) -> None:
        self.indices = {stored.name: self._opened(stored) for stored in self.store.indices()}

    def _restore(self) -> None:
        """Return to the stored state; if that can't be read, close the store, so that no other state is served."""
        self._written.clear()
        try:
            self.store.rollback()
            self._load()
        except BaseException:
            self.store.close()
            raise

    def _opened(self, stored: StoredIndex) -> Index:
        return Index(stored, self.store.documents(stored.number))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all writes inside it durable when it ends.

        An `EngineError` keeps the writes before it (an index created for a rejected document stays, as on a real node);
        any other error undoes everything, in memory too.
        """
        self.store.begin()
        failure: EngineError | None = None
        try:
            try:
                yield
            except EngineError as error:
                failure = error
            self._commit()
        except BaseException:
            self._restore()
            raise
        if failure is not None:
            raise failure

    def _commit(self) -> None:
        for name in self._written & self.indices.keys():
            index = self.indices[name]
            self.store.save_next_seq_no(index.number, index.next_seq_no)
        self.store.commit()
        for name in self._written & self.indices.keys():
            index = self.indices[name]
            if index.dead > max(_REBUILD_ABOVE, len(index.slots)):
                stored = next(stored for stored in self.store.indices() if stored.name == name)
                self.indices[name] = self._opened(stored)
        self._written.clear()

    def wrote(self, index: Index) -> None:
        """Record that an index used a sequence number in this transaction."""
        self._written.add(index.name)

    def find(self, name: str) -> Index:
        """Return the index of that name.

        Raises:
            EngineError: 404 index_not_found_exception.
        """
        if name not in self.indices:
            raise index_not_found(name)
        return self.indices[name]

    def resolve(
        self, expression: str, *, ignore_unavailable: bool = False, allow_no_indices: bool = True
    ) -> list[Index]:
        """Return the indices of an expression with commas and wildcards, by name.

        Raises:
            EngineError: 404 index_not_found_exception.
        """
        found: set[str] = set()
        for part in (expression or "_all").split(","):
            if part == "_all" or "*" in part:
                found |= {name for name in self.indices if part == "_all" or fnmatchcase(name, part)}
            elif part in self.indices:
                found.add(part)
            elif not ignore_unavailable:
                raise index_not_found(part)
        if not found and not allow_no_indices:
            raise index_not_found(expression)
        return [self.indices[name] for name in sorted(found)]

    def create(self, name: str, body: dict[str, Any]) -> Index:
        """Add an index; `body` may hold settings and mappings.

        Raises:
            EngineError: 400: the name, a setting or the mapping is invalid, or the index exists.
        """
        _check_name(name)
        if name in self.indices:
            index = self.indices[name]
            extra = {"index_uuid": index.uuid, "index": name}
            raise EngineError(
                400, "resource_already_exists_exception", f"index [{name}/{index.uuid}] already exists", extra=extra
            )
        for key in body:
            if key not in ("settings", "mappings", "aliases"):
                raise EngineError(400, "parse_exception", f"unknown key [{key}] for create index")
        if body.get("aliases"):
            raise unsupported("[aliases]")
        for key in ("settings", "mappings"):
            if not isinstance(body.get(key, {}), dict):
                raise EngineError(400, "parse_exception", f"key [{key}] must be an object")
        mapping = parse_mapping(body.get("mappings", {}))
        settings = _checked_settings(body.get("settings", {}))
        Limits.of(settings).check(mapping)
        uuid, created_ms = secrets.token_urlsafe(16), int(time.time() * 1000)
        number = self.store.create_index(name, uuid, created_ms, settings, mapping.definition)
        stored = StoredIndex(number, name, uuid, created_ms, settings, mapping.definition, {}, 0)
        self.indices[name] = Index(stored, ())
        return self.indices[name]

    def find_or_create(self, name: str) -> Index:
        """Return the index of that name, creating it if it is missing."""
        return self.indices[name] if name in self.indices else self.create(name, {})

    def delete(self, index: Index) -> None:
        """Remove an index and its documents."""
        self.store.delete_index(index.number)
        del self.indices[index.name]

    def save_mapping(self, index: Index, mapping: Mapping) -> None:
        """Save a mapping with new fields for an index."""
        index.adopt(mapping)
        self.store.save_mapping(index.number, mapping.definition, index.born)


def _check_name(name: str) -> None:
    reason = None
    if not _is_utf8(name):
        reason = "must be valid Unicode"
    elif name != name.lower():
        reason = "must be lowercase"
    elif name.startswith(("_", "-", "+")):
        reason = "must not start with '_', '-', or '+'"
    elif _FORBIDDEN.search(name) or name in ("", ".", ".."):
        reason = "must not contain the following characters [' ','\"','*',',','/','<','>','?','\\','|','#',':']"
    elif len(name.encode("utf-8", "surrogatepass")) > 255:
        reason = "index name is too long"
    if reason is not None:
        raise invalid_index_name(name, reason)


def _is_utf8(name: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _checked_settings(settings: dict[str, Any], prefix: str = "") -> dict[str, str]:
    result: dict[str, str] = {}
    for key, value in settings.items():
        name = f"{prefix}{key}".removeprefix("index.")
        if isinstance(value, dict):
            result.update(_checked_settings(value, "" if name == "index" else f"{name}."))
        elif name not in _SETTINGS:
            raise illegal(
                f"unknown setting [index.{name}] please check that any required plugins are installed, or check the "
                f"breaking changes documentation for removed settings; the embedded engine knows {sorted(_SETTINGS)}"
            )
        elif value is not None:
            result[name] = _checked_setting(name, shown(value))
    return result


def _checked_setting(name: str, text: str) -> str:
    reason = f"Failed to parse value [{text}] for setting [index.{name}]"
    if name in _COUNTS:
        low, high = _COUNTS[name]
        if not re.fullmatch(r"-?\d{1,12}", text, re.ASCII):
            raise illegal(reason)
        if not low <= int(text) <= high:
            raise illegal(f"{reason} must be >= {low} and <= {high}")
    elif name == "refresh_interval" and not re.fullmatch(r"-1|0|\d+(nanos|micros|ms|s|m|h|d)", text, re.ASCII):
        raise illegal(f"failed to parse setting [index.{name}] with value [{text}] as a time value: unit is missing")
    elif name == "mapping.exclude_source_vectors" and text not in ("true", "false"):
        raise illegal(f"{reason} as only [true] or [false] are allowed.")
    return text
