"""Turns errors into what a user needs: one plain sentence, a remedy and an exit code. Pure."""

from __future__ import annotations

import re

from connector.cli.cluster_problems import cluster_sentence
from connector.cli.exit_codes import EXIT_ERROR, EXIT_NOT_SWITCHED, EXIT_RUNNING, EXIT_STOPPED
from connector.cli.problem import CommandError, Problem, Where
from connector.errors import (
    ConnectorError,
    JobRunningError,
    MissingExtraError,
    NotSwitchedError,
    ReindexError,
    RequestError,
    RollbackRefusedError,
    SourceError,
)

_CODES: dict[type[ReindexError], int] = {
    SourceError: EXIT_ERROR,
    JobRunningError: EXIT_RUNNING,
    NotSwitchedError: EXIT_NOT_SWITCHED,
    RollbackRefusedError: EXIT_NOT_SWITCHED,
}


def problem_of(error: BaseException, where: Where | None = None) -> Problem | None:
    """Return the problem behind an error; None if the error is a defect of this package.

    Args:
        error: what a command raised.
        where: the cluster and the command; None if it talks to no cluster.
    """
    if isinstance(error, CommandError):
        return error.problem
    sentence = cluster_sentence(error, where or Where())
    if sentence is not None:
        return sentence
    if isinstance(error, RequestError):
        return Problem(_type_of(error), _subject_of(error, where or Where()), error.remedy, joint=": ")
    if isinstance(error, MissingExtraError):
        message, _, remedy = str(error).partition(": ")
        return Problem(_type_of(error), message, remedy, joint=": ")
    if isinstance(error, ReindexError):
        return Problem(_type_of(error), _in_plain_words(error, where or Where()), exit_code=_code_of(error))
    if isinstance(error, ConnectorError):
        return Problem(_type_of(error), str(error))
    if isinstance(error, OSError):
        return Problem("file", _file_message(error), "check that it exists and that you may use it")
    return None


def _type_of(error: BaseException) -> str:
    """Return an error's type as JSON names it: ModelNotFoundError is model_not_found."""
    name = type(error).__name__.removesuffix("Error")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _subject_of(error: RequestError, where: Where) -> str:
    """Return the wrong argument, by the name of its option if it has one, and its value if it has one."""
    name = where.options.get(error.path, error.path)
    if error.value is None:
        return name
    subject = str(error).removesuffix(f": {error.remedy}")
    return f"{name}{subject.removeprefix(error.path)}" if name != error.path else subject


def _code_of(error: ReindexError) -> int:
    return next((code for kind, code in _CODES.items() if isinstance(error, kind)), EXIT_STOPPED)


def _in_plain_words(error: ReindexError, where: Where) -> str:
    """Return a job's message, with the cluster's error, which it quotes, as a sentence."""
    cause = error.__cause__
    sentence = None if cause is None else cluster_sentence(cause, where)
    return str(error) if sentence is None else str(error).replace(str(cause), sentence.message)


def _file_message(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else reason
