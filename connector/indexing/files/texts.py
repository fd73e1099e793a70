"""A file's text: its encoding is that of a byte order mark, else the user's, else UTF-8; no byte is replaced."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import AnyStr

from connector.errors import RequestError, SourceError
from connector.indexing.files.packed import chunks_of
from connector.indexing.files.records import BadRecordError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16's mark, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_REMEDY = "name the file's encoding with --encoding (such as cp1252 or utf-16-le), or save the file as UTF-8"


def check_encoding(encoding: str | None) -> None:
    """Refuse an encoding that Python does not know, or that is not one of text.

    Raises:
        RequestError: it is unknown.
    """
    try:
        if encoding is not None:
            "".encode(encoding)
            codecs.getincrementaldecoder(encoding)
    except (LookupError, TypeError, ValueError) as error:
        raise RequestError(
            "encoding", encoding, "must be an encoding that Python knows, such as utf-8, cp1252 or utf-16-le"
        ) from error


class TextFile:
    """The text of a file, read from its beginning each time.

    Args:
        path: the file, compressed or not.
        encoding: its encoding; None: UTF-8. A byte order mark takes precedence.

    Raises:
        SourceError: it can't be opened, or looks like UTF-16 without a mark.
    """

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        self.path = path
        self._head = next(filter(None, chunks_of(path)), b"")
        mark, known = next(((mark, name) for mark, name in _MARKS if self._head.startswith(mark)), (b"", encoding))
        self._mark = len(mark)
        self.encoding = codecs.lookup(known or "utf-8").name.removesuffix("-sig")
        if known is None:
            _refuse_utf16(path, self._head)
        if self.encoding in ("utf-16", "utf-32") and self._head:
            raise SourceError(
                f"{path}, line 1, byte 1: has no byte order mark, so its byte order is unknown; name "
                f"{self.encoding}-le or {self.encoding}-be with --encoding"
            )

    def head(self) -> str:
        """Return the first part of the text, for guessing its layout; bytes that are not text are left out."""
        return self._head[self._mark :].decode(self.encoding, "ignore")

    def chunks(self) -> Iterator[str]:
        """Yield the text in parts.

        Raises:
            SourceError: some bytes are not text; the error names line and byte.
        """
        decoder = codecs.getincrementaldecoder(self.encoding)("strict")
        lines, done = 1, self._mark
        for chunk in chain(self._bytes(), [None]):
            held = decoder.getstate()[0]
            try:
                text = decoder.decode(b"", final=True) if chunk is None else decoder.decode(chunk)
            except UnicodeDecodeError as error:
                before = error.object[: error.start].decode(self.encoding, "ignore")
                place = done - len(held) + error.start + 1
                raise SourceError(
                    f"{self.path}, line {lines + before.count(chr(10))}, byte {place:,} of the file: {self._why(error)}"
                ) from error
            lines += text.count("\n")
            done += len(chunk or b"")
            yield text

    def lines(self) -> Iterator[str | BadRecordError]:
        """Yield the text line by line, each with its newline; a line that is not text is a `BadRecordError`.

        Raises:
            SourceError: as for `chunks`, if lines can't be split before they are decoded.
        """
        if "\n".encode(self.encoding) != b"\n":
            yield from _split(self.chunks(), "\n")
            return
        for line in _split(self._bytes(), b"\n"):
            try:
                yield line.decode(self.encoding)
            except UnicodeDecodeError as error:
                shown = line.decode(self.encoding, "backslashreplace")
                yield BadRecordError(shown, f"byte {error.start + 1} of the line: {self._why(error)}")

    def _bytes(self) -> Iterator[bytes]:
        chunks = filter(None, chunks_of(self.path))
        yield next(chunks, b"")[self._mark :]
        yield from chunks

    def _why(self, error: UnicodeDecodeError) -> str:
        byte = error.object[error.start]
        return f"0x{byte:02x} is not {self.encoding.upper()} there ({error.reason}); {_REMEDY}"


def _refuse_utf16(path: Path, head: bytes) -> None:
    """Refuse text with NUL bytes only at even or only at odd places, as in UTF-16 without a mark; a few are allowed."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if bool(even) == bool(odd) or even + odd < max(len(head) // 100, 2):
        return
    name = "utf-16-be" if even else "utf-16-le"
    raise SourceError(
        f"{path}, line 1, byte {head.index(0) + 1}: is NUL, as in UTF-16 without a byte order mark; if it is that, "
        f"read it with --encoding {name}"
    )


def _split(chunks: Iterable[AnyStr], newline: AnyStr) -> Iterator[AnyStr]:
    parts: list[AnyStr] = []
    for chunk in chunks:
        pieces: list[AnyStr] = chunk.split(newline)
        for piece in pieces[:-1]:
            parts += (piece, newline)
            yield newline[:0].join(parts)
            parts.clear()
        parts.append(pieces[-1])
    if any(parts):
        yield newline[:0].join(parts)
