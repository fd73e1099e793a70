"""What a cluster's answer, or its silence, means to a user: one sentence and a remedy. Pure."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator
from typing import Any

from elastic_transport import TransportError
from elasticsearch import ApiError

from connector.cli.problem import Problem, Where
from connector.errors import MalformedAnswerError

_NO_TLS = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"}
_WRONG_HOST, _EXPIRED = {62, 64}, {9, 10}
_USE_TLS = "if the port speaks TLS, write https:// instead of http:// in the URL"
_WANTS_TLS = ("https port", "https channel", "https server")  # nginx, Elasticsearch, Go
_CREDENTIALS = "pass --user NAME or --api-key KEY, or put them into a profile"
_OVERLOADED = {429, 502, 503, 504}


def cluster_sentence(error: BaseException, where: Where) -> Problem | None:
    """Return the sentence about an error of a cluster or of the way to it; None if it is another error."""
    if isinstance(error, MalformedAnswerError):
        return _about_malformed(error, where)
    status, body = _answer_of(error)
    if status is not None:
        return status_sentence(status, body, where)
    if isinstance(error, TransportError) or _is_opensearchs(error):
        return _about_no_answer(error, where)
    return None


def _answer_of(error: BaseException) -> tuple[int | None, Any]:
    """Return the status and body that a client's error stands for; (None, None) without an answer."""
    if isinstance(error, ApiError):
        return error.meta.status, error.body
    status = getattr(error, "status_code", None) if _is_opensearchs(error) else None
    return (status, getattr(error, "info", None)) if isinstance(status, int) else (None, None)


def _is_opensearchs(error: BaseException) -> bool:
    """True for opensearch-py's errors, without an import of the library."""
    return any(each.__module__.startswith("opensearchpy.") for each in type(error).__mro__)


def status_sentence(status: int, body: Any, where: Where) -> Problem:
    """Return the sentence about an error's status and body."""
    kind, reason, index = _reason_in(body)
    detail = f": {reason}" if reason else ""
    if status == 401 and where.has_credentials:
        message = f"{where.url} rejects the credentials (401)"
        return Problem("unauthorized", message, "correct the API key, or the user and the password")
    if status == 401:
        return Problem("unauthorized", f"{where.url} requires credentials (401)", _CREDENTIALS)
    if status == 403:
        message = f"{where.url} forbids this to the user (403){detail}"
        return Problem("forbidden", message, "grant the user the privilege, or use other credentials")
    if kind == "index_not_found_exception":
        message = f"there is no index {index} at {where.url}"
        return Problem("index_not_found", message, "correct the name, or create it by `connector index`")
    if kind == "index_closed_exception":
        return Problem("index_closed", f"index {index} is closed", f"open it by POST /{index}/_open")
    if status in _OVERLOADED:
        message = f"{where.url} can't answer now ({status}){detail}"
        return Problem("unavailable", message, "wait a little, then try again")
    said = f": {kind}{detail}" if kind else ""
    return Problem("cluster", f"{where.url} rejects the request ({status}){said}", "correct what it names")


def _reason_in(body: Any) -> tuple[str, str, str]:
    """Return the type, reason and index of an error body; "" for what it does not have."""
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, str):
        return "", error, ""
    if not isinstance(error, dict):
        return "", "", ""
    causes = error.get("root_cause") or [error]
    cause = causes[0] if isinstance(causes[0], dict) else error
    found = [cause.get(name) or error.get(name) or "" for name in ("type", "reason", "index")]
    return str(found[0]), str(found[1]), str(found[2])


def _about_malformed(error: MalformedAnswerError, where: Where) -> Problem | None:
    return not_a_cluster_sentence(error.beginning, where) if error.what == "GET /" else None


def not_a_cluster_sentence(answer: str, where: Where) -> Problem:
    """Return the sentence about a server whose answer to `GET /` is not a cluster's."""
    answer = answer.lower()
    if any(words in answer for words in _WANTS_TLS):
        return Problem("tls_required", f"{where.url} requires TLS", "write https:// instead of http:// in the URL")
    page = " (it sends an HTML page)" if "<html" in answer else ""
    message = f"the server at {where.url} is not Elasticsearch or OpenSearch{page}"
    return Problem("not_a_cluster", message, "correct the host and port of the URL; a cluster's usual port is 9200")


def _about_no_answer(error: BaseException, where: Where) -> Problem:
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _about_certificate(cause, where)
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            return _about_tls(cause, where)
        if isinstance(cause, socket.gaierror):
            return Problem("unknown_host", f"there is no host {where.host}", "correct the host in the URL")
        if isinstance(cause, ConnectionRefusedError):
            message = f"nothing listens at {where.url} (connection refused)"
            return Problem("refused", message, "start the cluster, or correct the host and port of the URL")
    if any(isinstance(cause, TimeoutError) or "timeout" in type(cause).__name__.lower() for cause in causes):
        message = f"{where.url} does not answer in time"
        return Problem("timeout", message, "check the host and port of the URL, and firewalls on the way")
    if any(isinstance(cause, http.client.HTTPException | ConnectionError) for cause in causes):
        return Problem("no_answer", f"{where.url} closes the connection without an answer", _USE_TLS)
    reason = next((each.strerror for each in causes if isinstance(each, OSError) and each.strerror), "")
    detail = f" ({reason})" if reason else ""
    return Problem("no_answer", f"{where.url} gives no answer{detail}", "check that the cluster runs, and its URL")


def _about_certificate(error: ssl.SSLCertVerificationError, where: Where) -> Problem:
    message = f"the certificate of {where.url} is not trusted ({error.verify_message.rstrip('.')})"
    if error.verify_code in _WRONG_HOST:
        remedy = "use the host name that the certificate is for, or accept any by --no-verify-certs"
    elif error.verify_code in _EXPIRED:
        remedy = "renew the certificate, correct this machine's clock, or accept any by --no-verify-certs"
    else:
        remedy = "name the file of its authority's certificate by --ca-certs, or accept any by --no-verify-certs"
    return Problem("tls_certificate", message, remedy)


def _about_tls(error: ssl.SSLError, where: Where) -> Problem:
    if error.reason in _NO_TLS:
        message = f"the port of {where.url} does not speak TLS"
        return Problem("tls_not_spoken", message, "write http:// instead of https:// in the URL")
    reason = (error.reason or "unknown reason").replace("_", " ").lower()
    return Problem("tls", f"TLS with {where.url} fails ({reason})", "check the server's TLS settings and --ca-certs")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and everything that it was raised from, which libraries keep in different places."""
    pending, seen = [error], set()
    while pending:
        each = pending.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        kept = (
            each.__cause__,
            each.__context__,
            getattr(each, "reason", None),
            *getattr(each, "errors", ()),
            *each.args,
        )
        pending += [cause for cause in kept if isinstance(cause, BaseException)]
