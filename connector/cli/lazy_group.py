"""A group of commands, each imported when it is called: the libraries of one are no wait for the others."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

COMMANDS = ("index", "search", "eval", "demo", "doctor", "reindex", "models")
"""Each is the function or the group of this name in `connector.cli`'s module of this name."""
_ELSEWHERE = {"eval": "evaluate"}
"""Commands whose names Python has already, and the names of their modules and functions."""


class LazyGroup(TyperGroup):
    """Loads a command when it is called, or when all are listed."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Return the names of all commands."""
        self.load_all()
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command; None if there is none of this name."""
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            self.commands[cmd_name] = _load(cmd_name)
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that is called; a wrong name is an error that has the nearest right one."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            close = get_close_matches(name, COMMANDS, n=1)
            ctx.fail(f"No such command '{name}'." + (f" Did you mean '{close[0]}'?" if close else ""))
        return super().resolve_command(ctx, args)

    def load_all(self) -> None:
        """Load every command."""
        self.commands = {name: self.commands.get(name) or _load(name) for name in COMMANDS}


def _load(name: str) -> Any:
    python_name = _ELSEWHERE.get(name, name)
    found = getattr(import_module(f"connector.cli.{python_name}"), python_name)
    holder = typer.Typer(add_completion=False)
    if isinstance(found, typer.Typer):
        holder.add_typer(found, name=name)
    else:
        holder.command(name)(found)
    return get_group(holder).commands[name]
