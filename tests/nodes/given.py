"""The first way: a server that is already running, named by the environment.

ELASTICSEARCH8_URL and ELASTICSEARCH9_URL name a server of that major version, ELASTICSEARCH_URL one of either,
OPENSEARCH_URL an OpenSearch. The URL may contain a user and a password.
"""

from __future__ import annotations

import os

from elasticsearch import ApiError, Elasticsearch, TransportError, UnsupportedProductError

from tests.nodes.protocol import Lifetime, NodeUnavailableError, RunningNode, engine, major


class GivenNode:
    """A node at a URL from the environment; it is never stopped."""

    name = "environment"

    def start(self, version: str, lifetime: Lifetime) -> RunningNode:
        """Return the server that the environment names for this major version."""
        wanted = major(version)
        own = "OPENSEARCH_URL" if engine(version) == "OpenSearch" else f"ELASTICSEARCH{wanted}_URL"
        for variable in (own, "ELASTICSEARCH_URL"):
            url = os.environ.get(variable)
            if not url:
                continue
            found = _version(url)
            if found is None:
                raise NodeUnavailableError(f"{variable} is set, but no {engine(version)} answers there")
            if major(found) == wanted:
                return RunningNode(version=found, url=url, way=self.name, handle=variable)
            if variable == own:
                raise NodeUnavailableError(f"{variable} names a server of version {found}")
        raise NodeUnavailableError(f"neither {own} nor an ELASTICSEARCH_URL of that major is set")

    def stop(self, node: RunningNode) -> None:
        """Leave it running."""


def _version(url: str) -> str | None:
    with Elasticsearch(url, request_timeout=10) as client:
        try:
            return str(client.info()["version"]["number"])
        except UnsupportedProductError as error:
            said = error.body.get("version", {}) if isinstance(error.body, dict) else {}
            return str(said["number"]) if said.get("distribution") == "opensearch" else None
        except ApiError as error:
            return "8.0.0" if error.status_code == 400 and "compatible-with" in str(error.body) else None
        except TransportError:
            return None
