"""Arguments are checked where they are passed, and no error shows what may be a secret."""

from __future__ import annotations

import logging
import subprocess
import sys
import traceback
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

import connector.models
from connector.errors import MissingExtraError, ModelError, RequestError
from connector.models import RemoteReranker, Reranker
from connector.models.readings import Stoppable
from tests.models.remote.misbehaving import by_length, send, serving

SECRET = "sk-SECRET"


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://host", "http://", "http://[half", "http://host:99999", None])
def test_a_wrong_url_is_refused_and_shown(url: Any) -> None:
    with pytest.raises(RequestError, match=r"^url: .*: must be an http\(s\) URL") as error:
        RemoteReranker.tei(url)
    assert repr(url) in str(error.value)


@pytest.mark.parametrize(
    "url", ["http://user:SECRET@host", "http://host?key=SECRET", "http://host#SECRET", "http://u@host:SECRET"]
)
def test_a_url_that_may_have_a_secret_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(RequestError, match="must be an http") as error:
        RemoteReranker.tei(url)
    assert "SECRET" not in "".join(traceback.format_exception(error.value))


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 1e9, "5", True])
@pytest.mark.parametrize("name", ["timeout_s", "hedge_after_s"])
def test_seconds_are_a_number_that_a_socket_can_wait(name: str, seconds: Any) -> None:
    with pytest.raises(RequestError, match=f"^{name}: .* must be a number of seconds above 0, at most 86,400"):
        RemoteReranker.tei("http://localhost", **{name: seconds})


@pytest.mark.parametrize("count", [0, -1, 1.5, "5", True])
@pytest.mark.parametrize("name", ["batch", "batch_characters"])
def test_limits_of_a_batch_are_integers_above_0(name: str, count: Any) -> None:
    with pytest.raises(RequestError, match=f"^{name}: .* must be an integer above 0"):
        RemoteReranker.tei("http://localhost", **{name: count})


@pytest.mark.parametrize("key", [f"{SECRET} {SECRET}", f"{SECRET}\nx", f"{SECRET}\x00", "schlüssel-SECRET", b"SECRET"])
def test_a_key_that_no_header_can_hold_is_refused_and_not_shown(key: Any) -> None:
    with pytest.raises(RequestError, match=r"^api_key: '\(hidden\)': must be a key of visible ASCII") as error:
        RemoteReranker.tei("http://localhost", api_key=key)
    assert "SECRET" not in "".join(traceback.format_exception(error.value))


def test_the_error_of_a_key_in_the_environment_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEI_API_KEY", "a b")
    with pytest.raises(RequestError, match=r"^TEI_API_KEY: '\(hidden\)'"):
        RemoteReranker.tei("http://localhost")


def test_a_key_read_from_a_file_may_end_with_a_newline() -> None:
    with serving(by_length) as server:
        RemoteReranker.tei(server.url, api_key=f"{SECRET}\n").score("q", ["a"])
    assert server.keys == [f"Bearer {SECRET}"]


def test_a_key_that_is_passed_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEI_API_KEY", "other")
    with serving(by_length) as server:
        RemoteReranker.tei(server.url, api_key=SECRET).score("q", ["a"])
    assert server.keys == [f"Bearer {SECRET}"]


@pytest.mark.parametrize("variable", ["COHERE_API_KEY", "CO_API_KEY"])
def test_cohere_has_two_variables(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CO_API_KEY", raising=False)
    monkeypatch.setenv(variable, SECRET)

    def refuse(handler: BaseHTTPRequestHandler, body: Mapping[str, Any], number: int) -> None:
        send(handler, {}, 400)

    with serving(refuse) as server, pytest.raises(ModelError, match="status 400"):
        RemoteReranker.cohere("large", server.url).score("q", ["a"])
    assert server.keys == [f"Bearer {SECRET}"]


def test_a_key_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(by_length) as server:
        reranker = RemoteReranker.tei(server.url, api_key=SECRET)
        reranker.score("q", ["a"])
    assert "POST" in caplog.text
    assert SECRET not in caplog.text
    assert SECRET not in repr(vars(reranker)) + repr(vars(reranker._channel))


def test_it_is_a_reranker_that_can_stop() -> None:
    reranker = RemoteReranker.jina("small")
    assert isinstance(reranker, Reranker)
    assert isinstance(reranker, Stoppable)
    assert (reranker.name, reranker.source) == ("small", "")
    assert RemoteReranker.tei("http://localhost:8080").name == "localhost"


def test_importing_the_package_does_not_import_httpx_or_tenacity() -> None:
    code = "import sys, connector, connector.models; print({'httpx', 'tenacity'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"


def test_the_package_has_no_other_lazy_name() -> None:
    with pytest.raises(AttributeError, match=r"module 'connector\.models' has no attribute 'Remote'"):
        _ = connector.models.Remote


def test_without_httpx_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(MissingExtraError, match=r"httpx is not installed \(extra 'remote'\)"):
        RemoteReranker.tei("http://localhost")
