"""A cluster's URL that can't be read is refused without showing the password in it."""

from __future__ import annotations

from typing import Any

import pytest

from connector import AsyncHybridElasticsearch, AsyncHybridOpenSearch, HybridElasticsearch, HybridOpenSearch, connect
from connector.cli.app import main
from connector.clients.hosts import without_credentials
from connector.clients.opensearch.options import own_options
from connector.errors import RequestError

SECRET = "sk-SECRET"
UNREADABLE = [
    f"http://user:{SECRET}@host:port:9200",
    f"http://user:{SECRET}@[::1",
    f"http://user:{SECRET}/x@host:9200",
    f"http://{SECRET}:{SECRET}",
    f"https://user:{SECRET}@host:99999",
]
CLIENTS: list[Any] = [HybridElasticsearch, AsyncHybridElasticsearch, HybridOpenSearch, AsyncHybridOpenSearch]


@pytest.mark.parametrize("url", UNREADABLE)
@pytest.mark.parametrize("make", [*CLIENTS, connect], ids=lambda make: make.__name__)
@pytest.mark.parametrize("place", ["alone", "in a list"])
def test_a_url_that_cant_be_read_is_refused_without_its_password(make: Any, url: str, place: str) -> None:
    if make is connect and place == "in a list":
        pytest.skip("connect() takes one URL")
    with pytest.raises(RequestError, match="write it as http://host:9200") as caught:
        make(url if place == "alone" else ["http://localhost:9200", url])
    shown = f"{caught.value}{caught.value.value}{caught.value.path}"
    assert SECRET not in shown
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@pytest.mark.parametrize("url", [f"user:{SECRET}@host:9200", f"htp://user:{SECRET}@host", f"{SECRET}:x", ""])
def test_another_kind_of_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(RequestError, match="must begin with http://") as caught:
        connect(url)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("command", [["doctor"], ["search", "cars", "fast car", "--url"], ["reindex", "cars", "--url"]])
@pytest.mark.parametrize("url", [*UNREADABLE, f"user:{SECRET}@host:9200"])
def test_a_command_says_what_is_wrong_with_a_url_without_its_password(
    command: list[str], url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([*command, url])
    said = capsys.readouterr()
    assert "url" in said.err or "hosts" in said.err
    assert SECRET not in said.out + said.err


def test_an_option_that_opensearchs_client_lacks_is_refused_without_its_value() -> None:
    with pytest.raises(RequestError, match="api_key: 'str': is no option") as caught:
        own_options({"api_key": SECRET})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://user:pass@host:9200/path", "http://host:9200/path"),
        ("http://user:p/a@ss@host:9200", "http://host:9200"),
        ("http://host:9200", "http://host:9200"),
        ("embedded:folder", "embedded:folder"),
        ("user:pass@host", "host"),
    ],
)
def test_a_url_is_shown_without_its_credentials(url: str, shown: str) -> None:
    assert without_credentials(url) == shown
