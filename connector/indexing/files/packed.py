"""A file's bytes, decompressed."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from connector.errors import MissingExtraError, SourceError

_CHUNK = 128 * 1024


def unpacked_name(path: Path) -> str:
    """Return a file's name in lower case, without the ending of its compression."""
    return path.name.lower().removesuffix(".gz").removesuffix(".zst")


def chunks_of(path: Path) -> Iterator[bytes]:
    """Yield the decompressed bytes of a file in chunks.

    Raises:
        SourceError: it can't be opened, or not decompressed to its end.
    """
    zstd = library("zstandard", "zstd") if path.name.lower().endswith(".zst") else None
    faults = (OSError, EOFError, zlib.error) if zstd is None else (OSError, EOFError, zstd.ZstdError)
    done = 0
    try:
        for chunk in _chunks(path, zstd):
            done += len(chunk)
            yield chunk
    except faults as error:
        raise SourceError(
            f"{path} can't be read to its end ({error}; {done:,} bytes could be); see to the file, then start again"
        ) from error


def library(name: str, extra: str) -> Any:
    """Import a package of an extra.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtraError(name.partition(".")[0], extra) from error


def _chunks(path: Path, zstd: Any) -> Iterator[bytes]:
    with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as stream:
        read = iter(lambda: stream.read(_CHUNK), b"")
        yield from read if zstd is None else _frames(read, zstd)


def _frames(packed: Iterator[bytes], zstd: Any) -> Iterator[bytes]:
    """Decompress zstd frame by frame: its own reader accepts a truncated frame, and stops after the first."""
    frame = None
    for part in packed:
        data = part
        while data:
            frame = frame or zstd.ZstdDecompressor().decompressobj()
            yield frame.decompress(data)
            data = frame.unused_data if frame.eof else b""
            frame = None if frame.eof else frame
    if frame is not None:
        raise EOFError("it ends in the middle of a frame")
