"""A command's connection to a cluster: what the user chose, and the client made of it."""

from __future__ import annotations

import getpass
import ssl
import sys
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector.cli.problem import CommandError, Where
from connector.cli.settings import Settings
from connector.errors import RequestError

if TYPE_CHECKING:
    from connector.clients.elasticsearch import HybridElasticsearch
    from connector.clients.opensearch.client import HybridOpenSearch

_UNVERIFIED = {"verify_certs": False, "ssl_show_warn": False}


@dataclass(frozen=True)
class Connection:
    """Where a cluster is and how to get in.

    Attributes:
        url: the URL, without credentials.
        settings: the rest.
    """

    url: str
    settings: Settings

    @property
    def where(self) -> Where:
        """The cluster, as errors about it need to know it."""
        return Where(self.url, self.settings.has_credentials or self.settings.has_authorization_header)

    @classmethod
    def of(cls, settings: Settings) -> Connection:
        """Return the connection that merged settings describe.

        Raises:
            RequestError: a setting is wrong.
        """
        if settings.ca_certs is not None:
            _check_certificates(settings.ca_certs)
        if settings.has_credentials and settings.has_authorization_header:
            raise RequestError("--header", "Authorization", "is set by --api-key and --user; keep one of them")
        return cls(_cloud_url(settings.cloud_id) if settings.cloud_id else settings.url or "", settings)

    def client_options(self) -> dict[str, Any]:
        """Return what elasticsearch-py's clients call these settings; asks for a missing password.

        Raises:
            RequestError: a password is missing, and there is no terminal to ask on.
        """
        if not self.url.startswith(("http://", "https://")):
            return {}
        settings = self.settings
        options: dict[str, Any] = {}
        if settings.api_key:
            options["api_key"] = settings.api_key
        if settings.user:
            password = _ask_password(settings.user) if settings.password is None else settings.password
            options["basic_auth"] = (settings.user, password)
        if settings.headers:
            options["headers"] = dict(settings.headers)
        return {**options, **self.tls_options()}

    def tls_options(self) -> dict[str, Any]:
        """Return what elasticsearch-py's clients call the settings of TLS."""
        if not self.url.startswith("https://"):
            return {}
        settings = self.settings
        options: dict[str, Any] = {} if settings.ca_certs is None else {"ca_certs": str(settings.ca_certs)}
        return options if settings.verify_certs is not False else {**options, **_UNVERIFIED}

    def request_headers(self) -> dict[str, str]:
        """Return the headers of every request, for those who send it without a client; asks as `client_options`."""
        from elastic_transport.client_utils import basic_auth_to_header

        options = self.client_options()
        headers: dict[str, str] = options.get("headers", {})
        if "api_key" in options:
            headers["Authorization"] = f"ApiKey {options['api_key']}"
        if "basic_auth" in options:
            headers["Authorization"] = basic_auth_to_header(options["basic_auth"])
        return headers

    def refuse_memory(self) -> None:
        """Refuse an engine in memory, for a command whose work would be gone when it ends.

        Raises:
            RequestError: the URL names one.
        """
        from connector.clients.connect import is_in_memory

        if is_in_memory(self.url):
            remedy = "keeps documents in memory, which are gone when this command ends; name a folder, as embedded:data"
            raise RequestError("--url", self.url, remedy)

    def open(self) -> HybridElasticsearch | HybridOpenSearch:
        """Open a client of a cluster that answers.

        Raises:
            RequestError, MissingExtraError, EmbeddedStoreError: as for `connector.connect`.
            MalformedAnswerError: it is not Elasticsearch or OpenSearch.
            elasticsearch.ApiError, elastic_transport.TransportError: it does not answer, or wants other credentials.
        """
        from connector.clients.connect import connect_checked

        return connect_checked(self.url, **self.client_options())


def check_index(client: Any, index: str) -> None:
    """Check that an index can be searched, which takes milliseconds; loading a model takes seconds.

    Raises:
        CommandError: there is no such index, but one of almost this name.
        elasticsearch.ApiError, opensearchpy.TransportError: there is no such index, or this user may not search it.
    """
    from connector.cli.problems import problem_of

    try:
        client.search(index=index, body={"size": 0, "track_total_hits": False})
    except Exception as error:
        problem = problem_of(error)
        if problem is None or problem.type != "index_not_found":
            raise
        close = get_close_matches(index, client.read_mappings(None), n=1)
        if not close:
            raise
        remedy = f"did you mean {close[0]}?"
        raise CommandError(replace(problem, message=f"there is no index {index}", remedy=remedy)) from error


def _cloud_url(cloud_id: str) -> str:
    from elastic_transport.client_utils import parse_cloud_id

    try:
        address = parse_cloud_id(cloud_id).es_address
    except ValueError:
        address = None
    if address is None:
        raise RequestError("--cloud-id", cloud_id, "is no cloud ID; copy it from the deployment's page")
    return f"https://{address[0]}:{address[1]}"


def _check_certificates(path: Path) -> None:
    if path.is_dir():
        return
    if not path.is_file():
        raise RequestError("--ca-certs", str(path), "does not exist; name a file of PEM certificates")
    try:
        ssl.create_default_context(cafile=path)
    except (ssl.SSLError, OSError):
        raise RequestError("--ca-certs", str(path), "can't be read as a file of PEM certificates") from None


def _ask_password(user: str) -> str:
    if not sys.stdin.isatty():
        remedy = "needs a password: set ELASTICSEARCH_PASSWORD, or run the command on a terminal, which asks for it"
        raise RequestError("--user", user, remedy)
    return getpass.getpass(f"Password of {user}: ")
