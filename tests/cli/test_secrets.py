"""Secrets reach the cluster and nothing else: no output, no log and no file has them."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.cli import main
from connector.cli.connection import Connection
from connector.cli.settings import Settings
from tests.secured_server import Secured, basic, secured_server

SECRET, USER = "b1ue-heron", "reader"
HIDDEN = (SECRET, base64.b64encode(SECRET.encode()).decode().rstrip("="), basic(USER, SECRET))
DOCUMENTS = [{"_id": "1", "body": "A kettle boils water."}, {"_id": "2", "body": "A lamp shines."}]


@pytest.fixture
def server() -> Iterator[Secured]:
    with secured_server(basic(USER, SECRET), f"ApiKey {SECRET}") as running:
        yield running


@pytest.fixture
def documents(tmp_path: Path) -> str:
    file = tmp_path / "documents.jsonl"
    file.write_text("\n".join(map(json.dumps, DOCUMENTS)), "utf-8")
    return str(file)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    profiles = tmp_path / "config.toml"
    profiles.write_text(f'[theirs]\nuser = "{USER}"\npassword = "{SECRET}"\n')
    profiles.chmod(0o600)
    monkeypatch.setenv("CONNECTOR_CONFIG", str(profiles))
    monkeypatch.setenv("ELASTICSEARCH_HEADERS", f"X-Tenant: {SECRET}")


def exit_code(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit_info:
        main(arguments)
    return int(exit_info.value.code or 0)


def test_every_command_sends_the_credentials_and_shows_them_nowhere(
    server: Secured,
    documents: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    state, jobs = tmp_path / "state", ["--job", "j", "--state", str(tmp_path / "state")]
    to_it = ["--url", server.url, "--profile", "theirs"]
    endings = {
        "index": exit_code("index", documents, "--index", "things", *to_it, "--json"),
        "search": exit_code("search", "things", "hot drink", *to_it, "--json"),
        "doctor": exit_code("doctor", server.url, "--profile", "theirs", "--json"),
        "dry run": exit_code("reindex", documents, "--alias", "more", "--dry-run", *jobs[2:], *to_it),
        "reindex": exit_code("reindex", documents, "--alias", "more", *jobs, *to_it, "--json"),
        "status": exit_code("reindex", "status", "--json", *jobs[2:]),
        "resume": exit_code("reindex", "resume", "j", *jobs[2:], *to_it),
        "retry": exit_code("reindex", "retry-dead-letters", "j", *jobs[2:], *to_it),
        "rollback": exit_code("reindex", "rollback", "j", *jobs[2:], *to_it),
        "cancel": exit_code("reindex", "cancel", "j", *jobs[2:], *to_it),
    }
    assert [name for name in ("index", "search", "doctor", "dry run", "reindex", "status") if endings[name]] == []
    assert server.seen == {basic(USER, SECRET)}
    printed = capsys.readouterr()
    files = [path for path in state.rglob("*") if path.is_file()]
    assert len(files) > 2
    for hidden in HIDDEN:
        assert hidden not in printed.out + printed.err
        assert hidden not in caplog.text
        assert [path for path in files if hidden.encode() in path.read_bytes()] == []
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in [state, *state.iterdir()] if path.is_dir()} == {0o700}


@pytest.mark.parametrize("kind", ["api key", "user", "url", "header"])
def test_a_refusal_shows_no_secret(
    kind: str, server: Secured, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELASTICSEARCH_PASSWORD", SECRET)
    server.accepted.clear()
    arguments = {
        "api key": ["--url", server.url, "--api-key", SECRET],
        "user": ["--url", server.url, "--user", USER],
        "url": ["--url", server.url.replace("http://", f"http://{USER}:{SECRET}@")],
        "header": ["--url", server.url, "--header", f"Authorization: Bearer {SECRET}"],
    }
    assert exit_code("search", "things", "hot drink", *arguments[kind], "--json") == 2
    printed = capsys.readouterr()
    assert any(SECRET in sent or sent == basic(USER, SECRET) for sent in server.seen)
    assert f"{server.url} rejects the credentials (401)" in printed.err
    assert json.loads(printed.out)["error"]["type"] == "unauthorized"
    for hidden in HIDDEN:
        assert hidden not in printed.out + printed.err


def test_a_connection_shows_no_secret() -> None:
    settings = Settings(url="https://there", api_key=SECRET, password=SECRET, headers={"X-Tenant": SECRET})
    assert SECRET not in repr(Connection.of(settings))
