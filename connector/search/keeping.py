"""Who sends a request: what one caller may read is cached for that caller alone."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping

_SAME_FOR_ALL_CALLERS = frozenset(
    {"accept", "content-type", "user-agent", "x-elastic-client-meta", "x-opaque-id", "traceparent", "tracestate"}
)
_SALT = secrets.token_bytes(16)


def caller_of(headers: Mapping[str, str] | None) -> str:
    """Return a name for whoever sends requests with these headers: the same name for the same credentials.

    The credentials can't be read from the name. Every header counts, as a proxy's own or `es-security-runas-user`,
    except those that are known not to identify a caller.
    """
    named = ((name.lower(), str(value)) for name, value in (headers or {}).items())
    identifying = sorted(pair for pair in named if pair[0] not in _SAME_FOR_ALL_CALLERS)
    return hashlib.blake2b(repr(identifying).encode("utf-8", "surrogatepass"), key=_SALT, digest_size=16).hexdigest()
