"""Turns a wrong call, as typer reports it, into one plain line. Pure."""

from __future__ import annotations

import re
from typing import Any

import typer

from connector.cli.problem import Problem

UsageError: type[Any] = next(each for each in typer.BadParameter.__mro__ if each.__name__ == "ClickException")
"""The base class of typer's errors, wherever this version of typer keeps it."""
_QUOTED = re.compile(r"'([^']*)'")
_REMEDIES = {
    "--password": "pass --user NAME: the password is asked for, or is that of ELASTICSEARCH_PASSWORD",
}


def usage_problem(error: Any) -> Problem:
    """Return the problem of a wrong call: what is wrong, and the nearest right name or where to look."""
    command = getattr(error.ctx, "command_path", None) or "connector"
    option = getattr(error, "option_name", None)
    possibilities = getattr(error, "possibilities", None)
    whole = _QUOTED.sub(r"\1", error.message if possibilities else error.format_message())
    message, _, nearest = whole.replace("(s)", "").partition(" Did you mean ")
    remedy = f"see `{command} --help`"
    if option in _REMEDIES:
        remedy = _REMEDIES[option]
    elif possibilities or nearest:
        remedy = f"did you mean {possibilities[0] if possibilities else nearest.rstrip('?')}?"
    subject, colon, fault = message.partition(": ")
    if colon and subject.startswith("Invalid value for "):
        name = subject.removeprefix("Invalid value for ")
        return Problem("usage", f"{name}: {_value_in(error)}{_as_sentence(fault)}", remedy)
    return Problem("usage", _as_sentence(message), remedy)


def _value_in(error: Any) -> str:
    """Return the wrong value, if typer's message leaves it to the error that it was raised from."""
    errors = getattr(error.__cause__, "errors", None)
    return f"{errors()[0]['input']}: " if callable(errors) else ""


def _as_sentence(message: str) -> str:
    """Return the beginning of a sentence from a whole one."""
    text = message.strip().rstrip(".").replace("Input should be", "must be")
    return f"{text[:1].lower()}{text[1:]}"
