"""The profile file: where clusters are and how to get in, so that nobody types it twice."""

from __future__ import annotations

import os
import stat
import sys
import warnings
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

from connector.cli.settings import Settings
from connector.errors import RequestError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT_PROFILE = "default"
_TYPES: dict[str, tuple[type, str]] = {
    "url": (str, "a string"),
    "cloud_id": (str, "a string"),
    "api_key": (str, "a string"),
    "user": (str, "a string"),
    "password": (str, "a string"),
    "ca_certs": (str, "a path"),
    "verify_certs": (bool, "true or false"),
    "headers": (dict, "a table of strings"),
}
_SECRETS = {"api_key", "password", "headers"}


def config_file(environment: Mapping[str, str]) -> Path:
    """Return the path of the profile file: $CONNECTOR_CONFIG, or config.toml in the user's configuration folder."""
    chosen = environment.get("CONNECTOR_CONFIG")
    return Path(chosen).expanduser() if chosen else user_config_path("connector", appauthor=False) / "config.toml"


def read_profile(name: str | None, environment: Mapping[str, str]) -> Settings:
    """Return the settings of a profile; without a name those of the profile `default`, if there is one.

    Warns if the file holds secrets and other users may read it.

    Raises:
        RequestError: the file or the profile does not exist, or can't be read.
    """
    path = config_file(environment)
    if not path.exists() and name is None and not environment.get("CONNECTOR_CONFIG"):
        return Settings()
    try:
        text = path.read_bytes().decode("utf-8-sig")
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        remedy = f"can't be read ({reason}); create the file, or correct --profile and CONNECTOR_CONFIG"
        raise RequestError("profile file", str(path), remedy) from error
    profiles = parse_profiles(text, path)
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO) and _has_secrets(profiles):
        warnings.warn(f"other users may read the secrets in {path}; run: chmod 600 {path}", UserWarning, stacklevel=2)
    if name is not None and name not in profiles:
        raise RequestError("--profile", name, f"is not in {path}; {_nearest(name, profiles, 'the profiles are')}")
    return profiles.get(name or DEFAULT_PROFILE, Settings())


def parse_profiles(text: str, path: Path) -> dict[str, Settings]:
    """Return the settings of each profile in a file's text. Pure.

    Args:
        text: TOML, one table per profile.
        path: the file's path, which errors name and relative paths start from.

    Raises:
        RequestError: it is not TOML, or has a wrong key or value; values are not shown, since they may be secret.
    """
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = str(error).rpartition(" (")[2].rstrip(")") if " (" in str(error) else "an unknown place"
        raise RequestError("profile file", str(path), f"is not valid TOML {place}; correct it there") from None
    return {name: _settings(name, table, path) for name, table in found.items()}


def _settings(name: str, table: Any, path: Path) -> Settings:
    if not isinstance(table, dict):
        remedy = f"is outside a profile in {path}; put it below a line such as [{DEFAULT_PROFILE}]"
        raise RequestError("profile file", name, remedy)
    for key, value in table.items():
        if key not in _TYPES:
            raise RequestError(f"profile {name}", key, f"is no key of {path}; {_nearest(key, _TYPES, 'the keys are')}")
        if not _is_of_type(value, key):
            raise RequestError(f"profile {name}", key, f"must be {_TYPES[key][1]} in {path}")
    values = dict(table)
    if "ca_certs" in values:
        values["ca_certs"] = path.parent / Path(values["ca_certs"]).expanduser()
    return Settings(**values, source=f"profile {name}")


def _is_of_type(value: Any, key: str) -> bool:
    if isinstance(value, dict) and not all(isinstance(each, str) for each in value.values()):
        return False
    return isinstance(value, _TYPES[key][0])


def _nearest(wrong: str, right: Mapping[str, Any], introduction: str) -> str:
    close = get_close_matches(wrong.replace("-", "_").lower(), right, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"{introduction} {', '.join(sorted(right))}" if right else "it has no profiles"


def _has_secrets(profiles: Mapping[str, Settings]) -> bool:
    return any(getattr(settings, name) for settings in profiles.values() for name in _SECRETS)
