"""A process that runs a job and says on standard output what it is about to do, so that a test can kill it there."""

from __future__ import annotations

import sys
import threading
from typing import Any

from elasticsearch import Elasticsearch
from opensearchpy import OpenSearch, Transport

from connector.reindexing import JobOptions, reindex
from tests.faults.reindex.accounts import hashed

_LOCK = threading.Lock()


def say(what: str) -> None:
    """Write a line at once, whichever thread it is."""
    with _LOCK:
        sys.stdout.write(what + "\n")
        sys.stdout.flush()


class TellingTransport(Transport):
    """The same of opensearch-py's clients: see `Telling`."""

    def perform_request(self, method: str, url: str, *arguments: Any, **more: Any) -> Any:
        """Send a request, told."""
        say(f"> {method} {url}")
        answer = super().perform_request(method, url, *arguments, **more)
        say(f"< {method} {url}")
        return answer


class Telling(Elasticsearch):
    """A client that tells each request before it is sent and after it was answered."""

    def perform_request(self, method: str, path: str, **arguments: Any) -> Any:
        """Send a request, told."""
        say(f"> {method} {path}")
        answer = super().perform_request(method, path, **arguments)
        say(f"< {method} {path}")
        return answer


def encode(texts: list[str]) -> Any:
    """Encode, told."""
    say(f"encode {len(texts)}")
    return hashed(texts)


def main(engine: str, url: str, source: str, state: str, way: str) -> None:
    """Run the job to its end."""
    is_opensearch = engine == "opensearch"
    with OpenSearch(url, transport_class=TellingTransport) if is_opensearch else Telling(url) as client:
        options = JobOptions(state=state, retry_for_s=120)
        report = reindex(
            client,
            source,
            text_fields=["title"],
            encoder="bundled" if way == "real encoder" else encode,
            in_place=way == "in place",
            job="job",
            options=options,
        )
    say(f"done {report.target}")


if __name__ == "__main__":
    main(*sys.argv[1:])
