"""Files that are written as a whole or not at all, whatever stops the process meanwhile."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path next to a file; what the block writes there replaces the file, unless the block raises.

    The new file has the rights that the block gives it.
    Readers see the old file or the new one, never a part; of two writers at once, the later one wins.

    Args:
        path: the file to write, in a folder that exists.
    """
    # The suffix stays last: writers such as numpy.save append it where it is missing.
    partial = path.with_name(f".{path.stem}.{secrets.token_hex(8)}.partial{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
