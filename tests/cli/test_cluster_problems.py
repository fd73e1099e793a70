"""What errors of a cluster and of the way to it mean, in one sentence with a remedy."""

from __future__ import annotations

import socket
import ssl
from typing import Any

import pytest
from elastic_transport import ApiResponseMeta, ConnectionTimeout, HttpHeaders, NodeConfig
from elastic_transport import ConnectionError as TransportConnectionError
from elasticsearch import ApiError

from connector.cli.cluster_problems import cluster_sentence
from connector.cli.problem import CommandError, Problem, Where
from connector.cli.problems import problem_of
from connector.errors import (
    JobRunningError,
    JobStoppedError,
    MalformedAnswerError,
    MissingExtraError,
    ModelNotFoundError,
    ReindexError,
    RequestError,
    SourceError,
    VerificationError,
)

WHERE = Where("https://there:9200")


def no_answer(cause: Exception) -> Exception:
    error = TransportConnectionError("Connection error")
    error.__cause__ = cause
    return error


def certificate_error(code: int, message: str) -> Exception:
    error = ssl.SSLCertVerificationError("certificate verify failed")
    error.verify_code, error.verify_message = code, message
    return error


def tls_error(reason: str) -> Exception:
    error = ssl.SSLError("TLS")
    error.reason = reason
    return error


def answer(status: int, error: Any) -> ApiError:
    meta = ApiResponseMeta(status, "1.1", HttpHeaders(), 0.1, NodeConfig("https", "there", 9200))
    return ApiError("failed", meta, {"error": error, "status": status})


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            no_answer(ConnectionRefusedError(111, "Connection refused")),
            "nothing listens at https://there:9200 (connection refused); start the cluster, or correct the host and "
            "port of the URL",
        ),
        (no_answer(socket.gaierror(-2, "unknown")), "there is no host there; correct the host in the URL"),
        (
            ConnectionTimeout("Connection timed out"),
            "https://there:9200 does not answer in time; check the host and port of the URL, and firewalls on the way",
        ),
        (
            no_answer(certificate_error(18, "self-signed certificate")),
            "the certificate of https://there:9200 is not trusted (self-signed certificate); name the file of its "
            "authority's certificate by --ca-certs, or accept any by --no-verify-certs",
        ),
        (
            no_answer(certificate_error(10, "certificate has expired")),
            "the certificate of https://there:9200 is not trusted (certificate has expired); renew the certificate, "
            "correct this machine's clock, or accept any by --no-verify-certs",
        ),
        (
            no_answer(certificate_error(62, "Hostname mismatch.")),
            "the certificate of https://there:9200 is not trusted (Hostname mismatch); use the host name that the "
            "certificate is for, or accept any by --no-verify-certs",
        ),
        (
            no_answer(tls_error("WRONG_VERSION_NUMBER")),
            "the port of https://there:9200 does not speak TLS; write http:// instead of https:// in the URL",
        ),
        (
            no_answer(tls_error("NO_SHARED_CIPHER")),
            "TLS with https://there:9200 fails (no shared cipher); check the server's TLS settings and --ca-certs",
        ),
        (
            no_answer(ConnectionResetError(104, "Connection reset by peer")),
            "https://there:9200 closes the connection without an answer; if the port speaks TLS, write https:// "
            "instead of http:// in the URL",
        ),
        (
            no_answer(OSError(101, "Network is unreachable")),
            "https://there:9200 gives no answer (Network is unreachable); check that the cluster runs, and its URL",
        ),
        (
            answer(404, {"type": "index_not_found_exception", "reason": "no such index", "index": "cars"}),
            "there is no index cars at https://there:9200; correct the name, or create it by `connector index`",
        ),
        (
            answer(400, {"root_cause": [{"type": "index_closed_exception", "reason": "closed", "index": "cars"}]}),
            "index cars is closed; open it by POST /cars/_open",
        ),
        (
            answer(400, {"type": "parsing_exception", "reason": "unknown query [mtach]"}),
            "https://there:9200 rejects the request (400): parsing_exception: unknown query [mtach]; correct what it "
            "names",
        ),
        (
            answer(429, {"type": "circuit_breaking_exception", "reason": "data too large"}),
            "https://there:9200 can't answer now (429): data too large; wait a little, then try again",
        ),
        (
            MalformedAnswerError("GET /", "no cluster", "<html>400 The plain HTTP request was sent to HTTPS port"),
            "https://there:9200 requires TLS; write https:// instead of http:// in the URL",
        ),
        (
            MalformedAnswerError("GET /", "no cluster", "<HTML>"),
            "the server at https://there:9200 is not Elasticsearch or OpenSearch (it sends an HTML page); correct the "
            "host and port of the URL; a cluster's usual port is 9200",
        ),
    ],
)
def test_an_error_is_a_sentence_with_a_remedy(error: Exception, line: str) -> None:
    problem = problem_of(error, WHERE)
    assert problem is not None
    assert problem.line == line
    assert problem.exit_code == 2


def test_errors_of_opensearch_py_are_the_same_sentences() -> None:
    errors = pytest.importorskip("opensearchpy.exceptions")
    missing = {"error": {"type": "index_not_found_exception", "index": "cars"}, "status": 404}
    found = cluster_sentence(errors.NotFoundError(404, "index_not_found_exception", missing), WHERE)
    assert found is not None
    assert found.type == "index_not_found"
    refused = errors.ConnectionError("N/A", "refused", ConnectionRefusedError(111, "Connection refused"))
    found = cluster_sentence(refused, WHERE)
    assert found is not None
    assert found.type == "refused"


def test_a_request_error_keeps_its_remedy_for_json() -> None:
    problem = problem_of(RequestError("size", 0, "must be at least 1"))
    assert problem is not None
    assert problem.line == "size: 0: must be at least 1"
    assert problem.to_json() == {
        "error": {"type": "request", "message": "size: 0", "remedy": "must be at least 1"},
        "exit_code": 2,
    }


def test_a_missing_extra_keeps_its_remedy_for_json() -> None:
    problem = problem_of(MissingExtraError("pyarrow", "parquet"))
    assert problem is not None
    assert problem.line == str(MissingExtraError("pyarrow", "parquet"))
    assert problem.remedy.startswith("pip install")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SourceError("unreadable"), 2),
        (JobStoppedError("stopped"), 3),
        (VerificationError("a check failed"), 4),
        (JobRunningError("running"), 5),
        (ModelNotFoundError("nowhere"), 2),
    ],
)
def test_each_error_has_its_exit_code(error: Exception, code: int) -> None:
    problem = problem_of(error)
    assert problem is not None
    assert problem.exit_code == code


def test_a_job_says_in_plain_words_what_the_cluster_said() -> None:
    cause = answer(503, {"type": "unavailable", "reason": "all shards failed"})
    error = ReindexError(f"the cluster does not answer as it should ({cause}). Repair it, then resume the job")
    error.__cause__ = cause
    problem = problem_of(error, WHERE)
    assert problem is not None
    assert problem.line == (
        "the cluster does not answer as it should (https://there:9200 can't answer now (503): all shards failed). "
        "Repair it, then resume the job"
    )


def test_a_missing_file_is_named() -> None:
    problem = problem_of(FileNotFoundError(2, "No such file or directory", "cars.jsonl"))
    assert problem is not None
    assert problem.line == "cars.jsonl: No such file or directory; check that it exists and that you may use it"


def test_a_defect_of_this_package_is_no_problem_of_the_user() -> None:
    assert problem_of(KeyError("x")) is None


def test_a_problem_that_is_already_known_stays_as_it_is() -> None:
    problem = Problem("tls", "it fails", "repair it", 4)
    assert problem_of(CommandError(problem)) is problem
