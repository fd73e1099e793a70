"""Write docs/cli.md from the help of the commands: `make docs-cli`. `test_reference.py` checks that it is current."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from connector.cli.app import app
from connector.cli.exit_codes import EXIT_CODES
from connector.cli.lazy_group import LazyGroup

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
_HEAD = Path(__file__).with_name("reference_head.md")


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command, from `connector` down, after the words that call it."""
    return _below("connector", get_command(app))


def _below(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(command, LazyGroup):
        command.load_all()
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from _below(f"{path} {name}", inner)


def page() -> str:
    """Return the page: one section per command, with its usage, its help, its arguments and its options."""
    head = _HEAD.read_text("utf-8").replace("CONNECTION", _connection_rows()).replace("EXIT_CODES", _code_rows())
    return "\n".join([head, *(_section(path, command) for path, command in commands() if not command.hidden)])


def _connection_rows() -> str:
    """Return a row for each setting of a connection: its option, variable and key."""
    search = dict(commands())["connector search"]
    options = {each.name: each for each in search.params if each.opts[0].startswith("-")}
    rows = []
    for name in ("url", "cloud_id", "api_key", "user", "password", "ca_certs", "verify_certs", "header"):
        option = options.get(name)
        variable = f"ELASTICSEARCH_{name.upper()}{'S' if name == 'header' else ''}"
        shown = "" if option is None else _names(option)
        rows.append(f"| {shown} | `{variable}` | `{'headers' if name == 'header' else name}` |")
    return "\n".join(rows)


def _code_rows() -> str:
    return "\n".join(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items())


def _section(path: str, command: Any) -> str:
    shown = [each for each in command.params if not getattr(each, "hidden", False) and "--help" not in each.opts]
    arguments = [each for each in shown if not each.opts[0].startswith("-")]
    options = [each for each in shown if each.opts[0].startswith("-")]
    required = [_names(each).strip("`") for each in options if each.required]
    usage = " ".join([path, *map(_usage, arguments), *required, *(["[OPTIONS]"] if options else [])])
    inner = [f"- [`{path} {name}`](#{path.replace(' ', '-')}-{name})" for name in getattr(command, "commands", {})]
    lines = [f"{'#' * (path.count(' ') + 2)} `{path}`", "", f"    {usage}{' COMMAND' if inner else ''}", ""]
    lines += [*inspect.cleandoc(command.help).splitlines(), ""]
    lines += [*inner, ""] if inner else []
    lines += [command.epilog, ""] if command.epilog and path != "connector" else []
    lines += _table("argument", arguments) + _table("option", options)
    return "\n".join(lines)


def _usage(argument: Any) -> str:
    name = argument.name.upper() + ("..." if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def _table(kind: str, parameters: list[Any]) -> list[str]:
    if not parameters:
        return []
    rows = [f"| {_names(each)} | {_cell(each.help)} | {_default(each)} |" for each in parameters]
    return [f"| {kind} | what it does | default |", "| --- | --- | --- |", *rows, ""]


def _names(parameter: Any) -> str:
    if not parameter.opts[0].startswith("-"):
        return f"`{parameter.name.upper()}`"
    value = "" if parameter.is_flag else f" {parameter.opts[0].lstrip('-').replace('-', '_').upper()}"
    return ", ".join(f"`{name}{value}`" for name in [*parameter.opts, *parameter.secondary_opts])


def _default(parameter: Any) -> str:
    found = [f"`${parameter.envvar}`"] if parameter.envvar else []
    value = parameter.default
    if parameter.required:
        found.append("required")
    elif parameter.secondary_opts and value is not None:
        found.append(f"`{(parameter.opts if value else parameter.secondary_opts)[0]}`")
    elif isinstance(value, (str, int, float)) and value is not False:
        found.append(f"`{value}`")
    return ", else ".join(found)


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
