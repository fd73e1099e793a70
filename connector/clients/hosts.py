"""Clusters' URLs, which may hold a password: errors about one never show it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from elastic_transport.client_utils import url_to_node_config

from connector.errors import RequestError

_REMEDY = (
    "can't be read as a URL; write it as http://host:9200, and percent-encode what is no letter or digit in a user's "
    "name or password, as %40 for @ and %2F for /"
)


def check_elasticsearch_hosts(hosts: Any) -> None:
    """Check that elasticsearch-py can read the hosts.

    Raises:
        RequestError: it can't; the error shows nothing after the scheme.
    """
    _check(hosts, url_to_node_config)


def check_opensearch_hosts(hosts: Any) -> None:
    """Check that opensearch-py can read the hosts.

    Raises:
        RequestError: it can't; the error shows nothing after the scheme.
    """
    _check(hosts, lambda host: urlsplit(host if "://" in host else f"//{host}").port)


def without_credentials(url: str) -> str:
    """Return a URL without its user name and password, also if it is not a valid URL."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}" if separator else url.rpartition("@")[2]


def scheme_of(url: str) -> str:
    """Return the part of an unreadable URL that may be shown: the scheme."""
    scheme, separator, _ = url.partition("://")
    return f"{scheme}{separator}..." if separator else f"{len(url)} characters without ://"


def _check(hosts: Any, parse: Callable[[str], Any]) -> None:
    every = hosts if isinstance(hosts, list | tuple) else [hosts]
    for place, host in enumerate(every):
        if isinstance(host, str) and not _is_readable(host, parse):
            raise RequestError("hosts" if every is not hosts else f"hosts[{place}]", scheme_of(host), _REMEDY)


def _is_readable(host: str, parse: Callable[[str], Any]) -> bool:
    """True if a URL can be read; the parser's own error, which shows the whole URL, is dropped here."""
    try:
        parse(host)
    except ValueError:
        return False
    return True
