"""Checks of a remote reranker's arguments; a key is in no error. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from connector.errors import RequestError

_HIDDEN = "(hidden)"
_MAY_BE_SECRET = set("@?#")
"""What comes before or after credentials, a query and a fragment."""
_LONGEST_S = 86_400
_KEY = re.compile("[!-~]+")


def checked_url(url: object) -> tuple[str, str]:
    """Return a service's URL without a slash at its end, and its host.

    Raises:
        RequestError: it is not an http(s) URL, or has what may be a secret.
    """
    remedy = "must be an http(s) URL without credentials, query and fragment, such as 'http://localhost:8080'"
    shown = _HIDDEN if _MAY_BE_SECRET & set(str(url)) else url
    try:
        parts = urlsplit(str(url))
        is_complete = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port or an IPv6 address that is none; the cause would quote it
        raise RequestError("url", shown, remedy) from None
    if not is_complete or _MAY_BE_SECRET & set(str(url)):
        raise RequestError("url", shown, remedy)
    return str(url).rstrip("/"), str(parts.hostname)


def found_key(key: str | None, variables: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """Return the key that was passed, else the first in the environment, without the spaces around it; None if none.

    Raises:
        RequestError: it can't be sent in a header.
    """
    found = {"api_key": key, **{name: environment.get(name) for name in variables}}
    for name, value in found.items():
        if not value:
            continue
        if not isinstance(value, str) or not _KEY.fullmatch(value.strip()):
            raise RequestError(name, _HIDDEN, "must be a key of visible ASCII characters, without spaces")
        return value.strip()
    return None


def checked_seconds(value: object, path: str) -> float:
    """Return a number of seconds.

    Raises:
        RequestError: it is not a number above 0, or longer than a day.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _LONGEST_S:
        raise RequestError(path, value, f"must be a number of seconds above 0, at most {_LONGEST_S:,}")
    return float(value)


def checked_count(value: object, path: str) -> int:
    """Return a count.

    Raises:
        RequestError: it is not an integer above 0.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise RequestError(path, value, "must be an integer above 0")
    return value
