"""The options of every command that talks to a cluster, as one group.

A command takes `connection: Connection` and is decorated with `connects`; its users see the options instead.
"""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import typer

from connector.cli.connection import Connection
from connector.cli.problem import CommandError
from connector.cli.profile import read_profile
from connector.cli.settings import Settings, merge, parse_headers
from connector.errors import RequestError

DEFAULT_URL = "http://127.0.0.1:9200"
_PANEL = "Connection"
_URL_HELP = "The cluster: an http(s) URL, or embedded:DIR for an engine in this process that keeps its data in DIR."
_URL_VARIABLE = "ELASTICSEARCH_URL"
_HEADERS = "ELASTICSEARCH_HEADERS"


def _option(help_text: str, *names: str, envvar: str | None = None) -> Any:
    return typer.Option(*names, envvar=envvar, help=help_text, rich_help_panel=_PANEL)


_GROUP: dict[str, Any] = {
    "api_key": Annotated[
        str | None,
        _option(
            "The encoded API key; the environment hides it from other users of this machine.",
            envvar="ELASTICSEARCH_API_KEY",
        ),
    ],
    "user": Annotated[
        str | None,
        _option(
            "The user's name. The password is that of ELASTICSEARCH_PASSWORD, or is asked for.",
            envvar="ELASTICSEARCH_USER",
        ),
    ],
    "ca_certs": Annotated[
        Path | None,
        _option("A file of PEM certificates that sign the cluster's.", envvar="ELASTICSEARCH_CA_CERTS"),
    ],
    "verify_certs": Annotated[
        bool | None,
        _option(
            "Check the cluster's certificate; without the check, anyone on the way can read along.",
            "--verify-certs/--no-verify-certs",
            envvar="ELASTICSEARCH_VERIFY_CERTS",
        ),
    ],
    "header": Annotated[
        list[str] | None,
        _option(
            f"A header to send with every request, as 'X-Tenant: blue'; may be repeated. {_HEADERS} has one on each "
            "line."
        ),
    ],
    "cloud_id": Annotated[str | None, _option("The cloud ID, instead of a URL.", envvar="ELASTICSEARCH_CLOUD_ID")],
    "profile": Annotated[
        str | None,
        _option(
            "The profile in the configuration file. The default is the profile `default`, if there is one.",
            envvar="CONNECTOR_PROFILE",
        ),
    ],
}
_SETTINGS = ("url", "api_key", "user", "ca_certs", "verify_certs", "cloud_id")

Command = TypeVar("Command", bound=Callable[..., Any])


def connects(default_url: str = DEFAULT_URL, *, url_is_argument: bool = False) -> Callable[[Command], Command]:
    """Replace a command's parameter `connection` by the options that describe one.

    Args:
        default_url: the URL if the options, the environment and the profile name none.
        url_is_argument: take the URL as an argument instead of an option.
    """
    url_help = f"{_URL_HELP} The default is {default_url}."
    option = _option(url_help, envvar=_URL_VARIABLE)
    url = Annotated[str | None, typer.Argument(envvar=_URL_VARIABLE, help=url_help) if url_is_argument else option]

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        group = {"url": url, **_GROUP}
        added = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
            for name, annotation in group.items()
        ]
        kept = [
            each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for each in signature.parameters.values()
            if each.name != "connection"
        ]
        context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)

        @wraps(command)
        def with_options(ctx: typer.Context, **values: Any) -> Any:
            connection = _connection(ctx, {name: values.pop(name) for name in group}, default_url)
            try:
                return command(**values, connection=connection)
            except Exception as error:
                from connector.cli.problems import problem_of

                problem = problem_of(error, replace(connection.where, options=_option_names(ctx)))
                if problem is None:
                    raise
                raise CommandError(problem) from error

        parameters = [context, *kept, *added]
        vars(with_options).pop("__wrapped__")
        with_options.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        with_options.__annotations__ = {each.name: each.annotation for each in parameters}
        return with_options  # type: ignore[return-value]

    return decorate


def _option_names(ctx: typer.Context) -> dict[str, str]:
    return {each.name or "": each.opts[0] for each in ctx.command.params if each.opts[0].startswith("--")}


def _connection(ctx: typer.Context, chosen: Mapping[str, Any], default_url: str) -> Connection:
    """Return what the options, the environment, the profile and the default say, in this order."""
    is_from_environment = {
        name for name in chosen if getattr(ctx.get_parameter_source(name), "name", None) == "ENVIRONMENT"
    }
    options = {name: chosen[name] for name in _SETTINGS if name not in is_from_environment}
    environment = {name: chosen[name] for name in _SETTINGS if name in is_from_environment}
    if ":" in (options.get("user") or ""):
        remedy = "must be the name alone: other users see a command's options; the password is asked for, or is that "
        raise RequestError("--user", "NAME:...", f"{remedy}of ELASTICSEARCH_PASSWORD")
    layers = [
        Settings(**options, headers=parse_headers(chosen["header"] or [], "--header"), source="the command"),
        Settings(
            **environment,
            password=os.environ.get("ELASTICSEARCH_PASSWORD") or None,
            headers=parse_headers(os.environ.get(_HEADERS, "").splitlines(), _HEADERS),
            source="the environment",
        ),
    ]
    merged = merge(layers, read_profile(chosen["profile"], os.environ), default_url)
    if urlsplit(options.get("url") or "").password:
        message = "other users of this machine can see the password in --url; pass --user, or set ELASTICSEARCH_URL"
        warnings.warn(message, UserWarning, stacklevel=2)
    return Connection.of(merged)
