"""Files and iterables as a source, read as a stream.

A position is the number of documents read so far.
So a file must not change until its job is done, and an iterable must yield the same documents again to a resumed job.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from connector.exact_json import dumps, loads, text_of
from connector.indexing.files import BadRecordError, Record, content_id, unwrapped
from connector.reindexing.items import NO_SEQ_NO, DeadLetter, Item, Key, Page

PARTITION = "file"
BAD_LINE = -1
"""The place of a line that is not a document; the id in its key is `LINE` and its number."""
LINE = "line "
_PAGE = 200
_PAGE_BYTES = 4 * 1024 * 1024


class RecordSource:
    """A stream of documents, read in one partition and one pass: see `Reader`.

    Args:
        records: opens the stream at its beginning.
        id_field: the field that holds a document's id; it stays in the source unless it is `_id`. A document without
            it gets an id made from its number and its content, the same each time.
    """

    sees = "nothing that changes after it was read"
    is_cheap_again = False

    def __init__(self, records: Callable[[], Iterable[Record]], id_field: str) -> None:
        self._records = records
        self._id_field = id_field

    def partitions(self) -> list[str]:
        """See `Reader`."""
        return [PARTITION]

    def is_behind(self, positions: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """See `Reader`: a file is read once."""
        return False

    def close(self) -> None:
        """See `Reader`."""

    def pages(self, partition: str, position: Any) -> Iterator[Page]:
        """See `Reader`."""
        number = int(position or 0)
        records = islice(self._records(), number, None)
        page = Page(partition, number)
        size = 0
        for record in records:
            number += 1
            size += self.add(page, number, record)
            if len(page.items) + len(page.dead) >= _PAGE or size >= _PAGE_BYTES:
                yield Page(partition, number, page.items, page.dead)
                page, size = Page(partition, number), 0
        yield Page(partition, number, page.items, page.dead)

    def add(self, page: Page, number: int, record: Record) -> int:
        """Add a document, or a dead letter, to a page.

        Args:
            page: the page.
            number: the number of the document, from 1.
            record: the document, or why there is none.

        Returns:
            about how large it is, in bytes.
        """
        if record is None:
            return 0
        if isinstance(record, BadRecordError):
            page.dead.append(DeadLetter(Key(BAD_LINE, f"{LINE}{number}", ""), "read", str(record), record.line))
            return len(record.line)
        try:
            item, size = self._item(number, record)
        except ValueError as error:
            shown = _shown(record)
            page.dead.append(DeadLetter(Key(BAD_LINE, f"{LINE}{number}", ""), "read", str(error), shown))
            return len(str(shown))
        page.items.append(item)
        return size

    def _item(self, number: int, record: object) -> tuple[Item, int]:
        if not isinstance(record, Mapping):
            raise ValueError(f"must be a mapping from field names to values, not {type(record).__name__}")
        document = unwrapped(record)
        given = document.get(self._id_field, document.get("_id"))
        source = {name: value for name, value in document.items() if name not in ("_id", "_routing")}
        try:
            size = len(dumps(source))
        except (TypeError, ValueError) as error:
            raise ValueError(f"can't be written as JSON: {error}") from error
        if given is None or given == "":
            given = content_id(number, source)
        if isinstance(given, bool) or not isinstance(given, str | int):
            raise ValueError(f"field {self._id_field!r}: {given!r}: an id must be a string or a whole number")
        routing = document.get("_routing")
        key = Key(0, str(given), "" if routing is None else str(routing))
        "".join(key[1:]).encode()  # an id can't hold a lone surrogate; UnicodeEncodeError is a ValueError
        return Item(key, "", NO_SEQ_NO, 0, source), size


def _shown(record: object) -> Any:
    """Return a record that is not a document in a form that a dead letter can hold."""
    if not isinstance(record, Mapping):
        return repr(record)
    try:
        return loads(text_of(record))
    except (TypeError, ValueError):
        return loads(json.dumps(json.loads(json.dumps(record, default=str, skipkeys=True), parse_constant=str)))
