"""CSV files: the first line names the columns; they are separated by commas, or as that line shows."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from connector.errors import SourceError
from connector.indexing.files.records import BadRecordError, Record
from connector.indexing.files.texts import TextFile

_MOST_OF_A_CELL = 128 * 1024 * 1024
_SEPARATORS = ",;\t|"
_DECLARED = re.compile(r"sep=(.)\s*")
"""A first line with which spreadsheets declare the separator."""


def csv_records(path: Path, encoding: str | None) -> Iterator[Record]:
    """Read the rows of a CSV file; a malformed row is a `BadRecordError`.

    Raises:
        SourceError: bytes that are not text, a first line without column names, or an unclosed quote.
    """
    csv.field_size_limit(_MOST_OF_A_CELL)
    lines = _lines(TextFile(path, encoding))
    first = next(lines, "")
    declared = _DECLARED.fullmatch(first)
    if declared:
        first = next(lines, "")
    rows = _Rows(path, first, lines, declared[1] if declared else _separator(path, first), before=1 if declared else 0)
    header = next(rows, [])
    if isinstance(header, BadRecordError) or not _names_columns(header):
        raise SourceError(f"{path}: the first line must name every column once, and is {first.strip()!r}")
    for row in rows:
        if isinstance(row, BadRecordError):
            yield row
        elif not row:
            yield None
        else:
            yield rows.record(header, row)


class _Rows:
    """The rows of a CSV file, `BadRecordError`s among them."""

    def __init__(self, path: Path, first: str, lines: Iterator[str], separator: str, before: int) -> None:
        self._path = path
        self._separator = separator
        self._before = before
        self._read: list[str] = []
        self._rows = csv.reader(self._kept(first, lines), delimiter=separator, strict=True)

    def __iter__(self) -> Iterator[list[str] | BadRecordError]:
        return self

    def __next__(self) -> list[str] | BadRecordError:
        self._read = []
        line = self.line + 1
        try:
            return next(self._rows)
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                raise SourceError(
                    f"{self._path}, line {line}: a quote opens in the row that begins here and never ends; close "
                    "it, or double it if it is meant as a character"
                ) from error
            return BadRecordError("".join(self._read).rstrip("\r\n"), str(error), f"line {line}")

    @property
    def line(self) -> int:
        """The number of the last line read."""
        return self._rows.line_num + self._before

    def record(self, header: list[str], row: list[str]) -> Record:
        """Return a row as a document: its cells by column, without empty ones."""
        shown = "".join(self._read).rstrip("\r\n")
        if len(row) != len(header):
            reason = f"has {len(row)} cells, but the first line has {len(header)}"
            return BadRecordError(shown, reason, f"line {self.line}")
        if "\0" in shown:
            return BadRecordError(shown, "holds a NUL byte, which is not text; remove it", f"line {self.line}")
        return {name: cell for name, cell in zip(header, row, strict=True) if cell != ""}

    def _kept(self, first: str, lines: Iterator[str]) -> Iterator[str]:
        for line in chain([first] if first else [], lines):
            self._read.append(line)
            yield line


def _lines(file: TextFile) -> Iterator[str]:
    """Yield lines, whichever of the three line endings they have.

    Raises:
        SourceError: a line is not text.
    """
    for number, line in enumerate(file.lines(), 1):
        if isinstance(line, BadRecordError):
            raise SourceError(f"{file.path}, line {number}, {line}")
        if "\r" in line[:-2]:
            yield from re.findall(r"[^\r]*\r\n?|[^\r]+", line)
        else:
            yield line


def _separator(path: Path, first: str) -> str:
    """Choose the separator: a tab for .tsv, else the one in the first line, commas first."""
    if ".tsv" in path.name.lower():
        return "\t"
    quoteless = re.sub(r'"[^"]*"', "", first)
    return next((sign for sign in _SEPARATORS if sign in quoteless), ",")


def _names_columns(header: list[str]) -> bool:
    return len(set(header)) == len(header) and all(header) and "\0" not in "".join(header)
