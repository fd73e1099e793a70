"""Where a cluster is and how to get in: what the options, the environment and a profile say, merged. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from connector.errors import RequestError

_HOST = re.compile(r"[\w.-]+(:\d+)?/?")


@dataclass(frozen=True)
class Settings:
    """What one source says about a cluster; None where it says nothing.

    Attributes:
        url: an http(s) URL, or embedded:DIR.
        cloud_id: the deployment's cloud ID, instead of a URL.
        api_key: the encoded API key.
        user: the name of a user.
        password: the user's password.
        ca_certs: a file of certificates that sign the cluster's.
        verify_certs: False accepts any certificate.
        headers: sent with every request.
        source: which source this is, for errors.
    """

    url: str | None = None
    cloud_id: str | None = None
    api_key: str | None = field(default=None, repr=False)
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_certs: Path | None = None
    verify_certs: bool | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    source: str = "default"

    @property
    def has_address(self) -> bool:
        """True if it says where the cluster is."""
        return bool(self.url or self.cloud_id)

    @property
    def has_credentials(self) -> bool:
        """True if it says who asks."""
        return bool(self.api_key or self.user)

    @property
    def has_authorization_header(self) -> bool:
        """True if a header says who asks."""
        return any(name.lower() == "authorization" for name in self.headers)


def merge(layers: Sequence[Settings], profile: Settings, default_url: str) -> Settings:
    """Return what holds: of each setting the first source's that has it; the profile comes last.

    A cluster's address is one setting (URL or cloud ID), and so are its credentials (API key, or user and password). A
    profile that names its cluster is not used for another one, so that its secrets go nowhere else.

    Raises:
        RequestError: a source names two addresses or two kinds of credentials, or a URL that can't be read.
    """
    own = [_without_userinfo(_checked(layer)) for layer in layers]
    last = _without_userinfo(_checked(profile))
    if last.has_address and any(layer.has_address and not _is_same(layer, last) for layer in own):
        last = Settings()
    every = [*own, last]
    address = next((layer for layer in every if layer.has_address), Settings(url=default_url))
    credentials = next((layer for layer in every if layer.has_credentials), Settings())
    return Settings(
        url=address.url,
        cloud_id=address.cloud_id,
        api_key=credentials.api_key,
        user=credentials.user,
        password=credentials.password or _password_of(credentials.user, every),
        ca_certs=next((layer.ca_certs for layer in every if layer.ca_certs is not None), None),
        verify_certs=next((layer.verify_certs for layer in every if layer.verify_certs is not None), None),
        headers=_merged_headers(every),
        source=address.source,
    )


def parse_headers(lines: Sequence[str], name: str) -> dict[str, str]:
    """Return headers given as `Name: value`.

    Raises:
        RequestError: a line is not of this form; its value is not shown, since it may be secret.
    """
    headers = {}
    for line in lines:
        header, colon, value = line.partition(":")
        if not colon or not header.strip() or " " in header.strip():
            raise RequestError(name, f"{len(line)} characters", "must be NAME: VALUE, as 'X-Tenant: blue'")
        headers[header.strip()] = value.strip()
    return headers


def _checked(layer: Settings) -> Settings:
    if layer.url and layer.cloud_id:
        raise RequestError("cloud_id", layer.source, "names both a URL and a cloud ID; keep one of them")
    if layer.url and _HOST.fullmatch(layer.url):
        raise RequestError("--url", layer.url, f"has no scheme; write http://{layer.url} or https://{layer.url}")
    if layer.api_key and layer.user:
        raise RequestError("api_key", layer.source, "names both an API key and a user; keep one of them")
    return layer


def _without_userinfo(layer: Settings) -> Settings:
    """Move the user and password of a layer's URL to where they are not shown; other credentials replace them."""
    if not layer.url or not layer.url.startswith(("http://", "https://")):
        return layer
    from connector.clients.hosts import check_elasticsearch_hosts, without_credentials

    try:
        check_elasticsearch_hosts(layer.url)
    except RequestError as error:
        raise RequestError("--url", error.value, error.remedy) from None
    found = urlsplit(layer.url)
    bare = replace(layer, url=without_credentials(layer.url))
    if layer.has_credentials or not found.username:
        return bare
    return replace(bare, user=unquote(found.username), password=unquote(found.password or ""))


def _is_same(layer: Settings, other: Settings) -> bool:
    return (layer.cloud_id, (layer.url or "").rstrip("/")) == (other.cloud_id, (other.url or "").rstrip("/"))


def _password_of(user: str | None, layers: Sequence[Settings]) -> str | None:
    """Return a user's password: that of a source that names this user or none."""
    if user is None:
        return None
    return next((layer.password for layer in layers if layer.password and layer.user in (None, user)), None)


def _merged_headers(layers: Sequence[Settings]) -> dict[str, str]:
    merged: dict[str, tuple[str, str]] = {}
    for layer in reversed(layers):
        merged |= {name.lower(): (name, value) for name, value in layer.headers.items()}
    return dict(merged.values())
