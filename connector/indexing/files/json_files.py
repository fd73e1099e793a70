"""JSON files: one object per line, arrays, objects over several lines, `_bulk` bodies, elasticdump's lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from json import JSONDecodeError
from pathlib import Path
from typing import Any

from connector.errors import SourceError
from connector.exact_json import loads_strictly, read_at, text_of
from connector.indexing.files.records import BadRecordError, Record
from connector.indexing.files.texts import TextFile

_ACTIONS = frozenset({"index", "create", "update", "delete"})
_OF_AN_ACTION = frozenset({
    "_id", "_index", "_type", "dynamic_templates", "if_primary_term", "if_seq_no", "list_executed_pipelines",
    "pipeline", "require_alias", "require_data_stream", "retry_on_conflict", "routing", "_routing", "version",
    "version_type",
})  # fmt: skip
_MOST_OF_A_VALUE = 256 * 1024 * 1024
_AT_THE_END = 16
"""An error this close to the end of what was read may be a value that continues."""
_BLANK = re.compile(r"[ \t\r\n]*")


def json_records(path: Path, encoding: str | None) -> Iterator[Record]:
    """Read a JSON file of any layout.

    Raises:
        SourceError: it can't be read without a loss.
    """
    file = TextFile(path, encoding)
    if _is_lines(file.head().lstrip()):
        yield from _lines(file)
    else:
        yield from _values(_TextBuffer(file))


def record_of(line: str | BadRecordError, place: str = "") -> Record:
    """Read one line of JSON, which is at this place in the file."""
    if isinstance(line, BadRecordError):
        return BadRecordError(line.line, str(line), place)
    if not line.strip():
        return None
    try:
        value = loads_strictly(line)
    except JSONDecodeError as error:
        return BadRecordError(line, f"is not JSON: {error.msg} (column {error.colno}); it must be a JSON object", place)
    except ValueError as error:
        return BadRecordError(line, f"is not JSON: {error}", place)
    return value if isinstance(value, dict) else BadRecordError(line, "must be a JSON object", place)


def _is_lines(head: str) -> bool:
    """False if a value spans several lines, and for an array, whose layout does not matter."""
    if head.startswith("["):
        return False
    first, newline, _ = head.partition("\n")
    if not newline or isinstance(record_of(first), Mapping):
        return True
    try:
        read_at(head, 0)
    except ValueError:
        return first.strip() != "{" or len(head) < 1_000
    return False


def _lines(file: TextFile) -> Iterator[Record]:
    numbered = enumerate(file.lines(), 1)
    for number, line in numbered:
        record = record_of(line, f"line {number}")
        if record is not None:
            action = _action(record)
            if action is not None:
                yield from _bulk_body(file.path, number, action, numbered)
                return
            yield record
            break
        yield None
    for number, line in numbered:
        yield record_of(line, f"line {number}")


def _bulk_body(
    path: Path, number: int, action: tuple[str, Mapping[str, Any]] | None, numbered: Iterator[tuple[int, Any]]
) -> Iterator[Record]:
    """Read the documents of a `_bulk` body whose first action is in line `number`."""
    while True:
        if action is None:
            raise SourceError(
                f"{path}, line {number}: must be an action, because the first line makes the file a _bulk body; fix "
                "the line, or remove all actions"
            )
        kind, named = action
        if kind not in ("index", "create"):
            raise SourceError(
                f"{path}, line {number}: the action {kind!r} changes a document that is not in the file; send the file "
                "to the cluster's _bulk and reindex the index, or keep only `index` and `create` in it"
            )
        of_document, line = next(numbered, (number, ""))
        record = record_of(line, f"line {of_document}")
        if record is None:
            yield BadRecordError(text_of({kind: named}), f"the action in line {number} has no document after it")
        elif isinstance(record, BadRecordError):
            yield record
        else:
            routing = named.get("routing", named.get("_routing"))
            yield {"_index": named.get("_index"), "_id": named.get("_id"), "_routing": routing, "_source": record}
        number, line = next(((number, line) for number, line in numbered if record_of(line) is not None), (0, ""))
        if not number:
            return
        action = _action(record_of(line))


def _action(record: Record) -> tuple[str, Mapping[str, Any]] | None:
    if isinstance(record, Mapping) and len(record) == 1:
        ((kind, named),) = record.items()
        if kind in _ACTIONS and isinstance(named, Mapping) and named.keys() <= _OF_AN_ACTION:
            return kind, named
    return None


def _values(buffer: _TextBuffer) -> Iterator[Record]:
    """Yield the values of a file, and those of an array one by one."""
    while sign := buffer.sign():
        if sign != "[":
            yield buffer.value()
            continue
        buffer.skip()
        if buffer.sign() == "]":
            buffer.skip()
            continue
        sign = ","
        while sign == ",":
            yield buffer.value()
            sign = buffer.sign()
            if sign not in (",", "]"):
                raise buffer.fault("the array ends here, without a ]" if not sign else "must be a comma or a ]")
            buffer.skip()


class _TextBuffer:
    """A part of a file's text that begins at the next value."""

    def __init__(self, file: TextFile) -> None:
        self._path = file.path
        self._chunks = file.chunks()
        self._text = ""
        self._at = 0
        self._line = 1

    def sign(self) -> str:
        """Return the next character that is not blank, or "" at the end of the file."""
        while True:
            blanks = _BLANK.match(self._text, self._at)
            assert blanks is not None
            self._move(blanks.end())
            if self._at < len(self._text) or not self._grow(1):
                return self._text[self._at : self._at + 1]

    def skip(self) -> None:
        """Skip one character."""
        self._move(self._at + 1)

    def value(self) -> Record:
        """Read the value that begins here.

        Raises:
            SourceError: it is not JSON.
        """
        self.sign()
        while True:
            try:
                _, end = read_at(self._text, self._at)
            except JSONDecodeError as error:
                is_cut = error.msg.startswith("Unterminated string") or error.pos >= len(self._text) - _AT_THE_END
                if is_cut and self._grow(len(self._text) - self._at):
                    continue
                self._move(min(error.pos, len(self._text)))
                raise self.fault(f"is not JSON: {error.msg}") from error
            except ValueError as error:
                raise self.fault(f"is not JSON that can be read: {error}") from error
            text, place = self._text[self._at : end], f"line {self._line}"
            self._move(end)
            return record_of(text, place)

    def fault(self, reason: str) -> SourceError:
        """Return the error that stops the reading here."""
        return SourceError(
            f"{self._path}, line {self._line}: {reason}; fix the file, or write one object per line (jq -c '.[]'), "
            "where a bad line does not affect others"
        )

    def _move(self, to: int) -> None:
        self._line += self._text.count("\n", self._at, to)
        self._at = to

    def _grow(self, by: int) -> bool:
        """Read that much more, and drop what was used; False at the end of the file."""
        parts = [self._text[self._at :]]
        self._at, grown = 0, 0
        if len(parts[0]) > _MOST_OF_A_VALUE:
            raise self.fault(f"the value that begins here is longer than {_MOST_OF_A_VALUE:,} characters")
        for chunk in self._chunks:
            parts.append(chunk)
            grown += len(chunk)
            if grown >= by:
                break
        self._text = "".join(parts)
        return grown > 0
