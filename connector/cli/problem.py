"""Why a command ended: one plain sentence, a remedy and an exit code, and where it happened. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from connector.cli.exit_codes import EXIT_ERROR

INTERRUPTED = "interrupted"
"""The type of a problem that is none: the user or the system ended the command, by a signal that is the exit code."""


@dataclass(frozen=True)
class Where:
    """Where an error happened: the cluster that a command talks to, and the command.

    Attributes:
        url: the cluster's URL, without credentials.
        has_credentials: whether the command sends any.
        options: the command's options by the names that its function has for them: `text_fields` is --text-field.
    """

    url: str = "the cluster"
    has_credentials: bool = False
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """The URL's host."""
        return urlsplit(self.url).hostname or self.url


@dataclass(frozen=True)
class Problem:
    """Why a command ended.

    Attributes:
        type: a stable name for programs, such as `index_not_found`.
        message: what is wrong.
        remedy: what to do; "" if the message says it, or if nothing helps.
        exit_code: the exit code of the process.
        joint: stands between message and remedy.
    """

    type: str
    message: str
    remedy: str = ""
    exit_code: int = EXIT_ERROR
    joint: str = "; "

    @property
    def line(self) -> str:
        """The message and the remedy in one line."""
        text = f"{self.message}{self.joint}{self.remedy}" if self.remedy else self.message
        return " ".join(text.split())

    def to_json(self) -> dict[str, Any]:
        """Return the JSON that `--json` prints."""
        error = {"type": self.type, "message": " ".join(self.message.split()), "remedy": self.remedy or None}
        return {"error": error, "exit_code": self.exit_code}


class CommandError(Exception):
    """A command ended with a problem that a user can understand."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.line)
