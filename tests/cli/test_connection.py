"""What the options, the environment and a profile say about a cluster, and which of them holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from connector.cli.connection import Connection
from connector.cli.connection_options import connects
from connector.cli.profile import config_file, parse_profiles, read_profile
from connector.cli.settings import Settings, merge, parse_headers
from connector.errors import RequestError

DEFAULT = "http://127.0.0.1:9200"
PROFILES = """
[default]
url = "https://default.example"
api_key = "default-key"

[staging]
url = "https://staging.example"
user = "reader"
password = "pw"
ca_certs = "ca.pem"
verify_certs = false
headers = { X-Tenant = "blue" }

[nameless]
api_key = "shared-key"
"""


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Connection]:
    """A function that returns the connection of a command that is called with these options."""
    for name in ("URL", "API_KEY", "USER", "PASSWORD", "CA_CERTS", "VERIFY_CERTS", "HEADERS", "CLOUD_ID"):
        monkeypatch.delenv(f"ELASTICSEARCH_{name}", raising=False)
    monkeypatch.setenv("CONNECTOR_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "config.toml").write_text(PROFILES)
    (tmp_path / "config.toml").chmod(0o600)
    found: list[Connection] = []
    app = typer.Typer()

    @app.command()
    @connects()
    def command(connection: Connection) -> None:
        found.append(connection)

    def call(*arguments: str, **environment: str) -> Connection:
        CliRunner().invoke(app, arguments, env=environment, catch_exceptions=False)
        return found.pop()

    return call


def test_the_default_profile_holds_if_nothing_else_is_said(opened: Callable[..., Connection]) -> None:
    assert opened().url == "https://default.example"
    assert opened().client_options() == {"api_key": "default-key"}


def test_an_option_comes_before_the_environment_and_that_before_the_profile(
    opened: Callable[..., Connection],
) -> None:
    environment = {"ELASTICSEARCH_API_KEY": "environment-key"}
    assert opened("--api-key", "option-key", **environment).client_options() == {"api_key": "option-key"}
    assert opened(**environment).client_options() == {"api_key": "environment-key"}


def test_credentials_of_another_kind_replace_those_of_a_later_source(opened: Callable[..., Connection]) -> None:
    environment = {"ELASTICSEARCH_API_KEY": "environment-key", "ELASTICSEARCH_PASSWORD": "pw"}
    assert opened("--user", "me", **environment).client_options() == {"basic_auth": ("me", "pw")}


def test_a_profile_sends_its_secrets_to_its_own_cluster_only(opened: Callable[..., Connection]) -> None:
    assert opened("--url", "https://other.example").client_options() == {}
    assert opened("--url", "https://default.example/").client_options() == {"api_key": "default-key"}
    nameless = opened("--url", "https://other.example", "--profile", "nameless")
    assert nameless.client_options() == {"api_key": "shared-key"}


def test_a_url_that_holds_credentials_is_shown_without_them(opened: Callable[..., Connection]) -> None:
    url = "https://me:p%40ss@other.example"
    assert opened(ELASTICSEARCH_URL=url).url == "https://other.example"
    assert opened(ELASTICSEARCH_URL=url).client_options() == {"basic_auth": ("me", "p@ss")}
    assert opened("--api-key", "k", ELASTICSEARCH_URL=url).client_options() == {"api_key": "k"}


def test_a_password_in_an_option_warns_that_others_can_see_it(opened: Callable[..., Connection]) -> None:
    with pytest.warns(UserWarning, match="other users of this machine can see the password in --url") as caught:
        found = opened("--url", "https://me:hidden@other.example")
    assert found.client_options() == {"basic_auth": ("me", "hidden")}
    assert "hidden" not in str(caught[0].message)


def test_the_environment_can_switch_the_check_of_certificates_off(opened: Callable[..., Connection]) -> None:
    environment = {"ELASTICSEARCH_URL": "https://other.example", "ELASTICSEARCH_VERIFY_CERTS": "false"}
    assert opened(**environment).client_options() == {"verify_certs": False, "ssl_show_warn": False}
    assert opened("--verify-certs", **environment).client_options() == {}


def test_headers_of_all_sources_are_sent_and_the_first_source_wins(opened: Callable[..., Connection]) -> None:
    environment = {"ELASTICSEARCH_HEADERS": "X-Tenant: red\nX-Trace: 7"}
    found = opened("--header", "x-tenant: green", "--url", DEFAULT, **environment)
    assert found.client_options() == {"headers": {"x-tenant": "green", "X-Trace": "7"}}


def test_the_password_of_a_profile_is_for_its_user(opened: Callable[..., Connection], tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes((Path(__file__).parents[1] / "self_signed.pem").read_bytes())
    found = opened("--profile", "staging")
    assert found.client_options() == {
        "basic_auth": ("reader", "pw"),
        "headers": {"X-Tenant": "blue"},
        "ca_certs": str(tmp_path / "ca.pem"),
        "verify_certs": False,
        "ssl_show_warn": False,
    }
    assert opened("--profile", "staging", "--verify-certs").client_options()["ca_certs"]
    assert "verify_certs" not in opened("--profile", "staging", "--verify-certs").client_options()


def test_a_missing_password_is_asked_for_on_a_terminal(
    opened: Callable[..., Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = opened("--user", "me", "--url", DEFAULT)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda prompt: f"answer to {prompt!r}")
    assert found.client_options() == {"basic_auth": ("me", "answer to 'Password of me: '")}


def test_a_cloud_id_is_a_url(opened: Callable[..., Connection]) -> None:
    cloud_id = "cluster:ZXhhbXBsZS5jb20kZXMtdXVpZCRraWJhbmEtdXVpZA=="  # example.com$es-uuid$kibana-uuid
    assert opened("--cloud-id", cloud_id).url == "https://es-uuid.example.com:443"


def test_the_embedded_engine_needs_no_credentials(opened: Callable[..., Connection]) -> None:
    assert opened("--url", "embedded:", ELASTICSEARCH_API_KEY="k").client_options() == {}


def test_without_any_source_the_default_url_holds() -> None:
    assert merge([Settings(), Settings()], Settings(), DEFAULT).url == DEFAULT


def test_a_header_is_a_name_and_a_value() -> None:
    assert parse_headers(["A: b: c", "D:e"], "--header") == {"A": "b: c", "D": "e"}
    with pytest.raises(RequestError, match="must be NAME: VALUE"):
        parse_headers(["no colon"], "--header")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('url = "http://there"', r"'url': is outside a profile in .*; put it below a line such as \[default\]"),
        ('[default]\napi-key = "k"', "profile default: 'api-key': is no key of .*; did you mean api_key"),
        ('[default]\nzzz = "k"', "profile default: 'zzz': is no key of .*; the keys are api_key, ca_certs"),
        ("[default]\nuser = 7", "profile default: 'user': must be a string"),
        ("[default]\nheaders = { A = 7 }", "profile default: 'headers': must be a table of strings"),
        ('[default]\nverify_certs = "no"', "profile default: 'verify_certs': must be true or false"),
        ('[default]\napi_key = "hidden', "is not valid TOML"),
    ],
)
def test_a_wrong_profile_file_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        parse_profiles(text, Path("config.toml"))
    assert "hidden" not in str(caught.value)


def test_a_profile_file_that_others_may_read_warns_if_it_has_secrets(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    environment = {"CONNECTOR_CONFIG": str(file)}
    file.write_text(PROFILES)
    file.chmod(0o644)
    with pytest.warns(UserWarning, match=f"chmod 600 {file}"):
        read_profile(None, environment)
    file.write_text('[default]\nurl = "http://there"\n')
    assert read_profile(None, environment).url == "http://there"


def test_a_missing_profile_file_is_an_error_only_if_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert read_profile(None, {}) == Settings()
    with pytest.raises(RequestError, match="can't be read"):
        read_profile("staging", {})
    with pytest.raises(RequestError, match="can't be read"):
        read_profile(None, {"CONNECTOR_CONFIG": str(tmp_path / "none.toml")})


def test_the_profile_file_is_in_the_users_configuration_folder() -> None:
    assert config_file({}).parts[-2:] == ("connector", "config.toml")
    assert config_file({"CONNECTOR_CONFIG": "~/mine.toml"}) == Path.home() / "mine.toml"


def test_two_kinds_of_credentials_in_one_source_are_refused() -> None:
    layers: list[Any] = [Settings(api_key="k", user="me", source="the command")]
    with pytest.raises(RequestError, match="'the command': names both an API key and a user"):
        merge(layers, Settings(), DEFAULT)
    with pytest.raises(RequestError, match="'profile p': names both a URL and a cloud ID"):
        merge([], Settings(url="http://there", cloud_id="c:1", source="profile p"), DEFAULT)
