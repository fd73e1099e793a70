"""The `connector` command, which turns every error into one line and an exit code."""

import json
import signal
import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Annotated, Any

import typer
from rich.console import Console

from connector.cli.exit_codes import exit_codes_text
from connector.cli.interruption import exit_code_of, interruptible, leave
from connector.cli.lazy_group import LazyGroup
from connector.cli.problem import INTERRUPTED, Problem
from connector.cli.usage_problems import UsageError, usage_problem

app = typer.Typer(
    cls=LazyGroup,
    help="Two-stage search on your existing Elasticsearch or OpenSearch: BM25 and kNN fused by RRF, then reranked by a "
    "cross-encoder.",
    epilog=exit_codes_text(),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"connector {version('hybrid-connector')}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Accept the options that come before a command."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with one of the codes of `exit_codes`.

    Args:
        arguments: the arguments without the program's name; None takes those of the process.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    with warnings.catch_warnings():
        warnings.filterwarnings("always", category=UserWarning, module=r"connector\.")
        warnings.showwarning = lambda message, *_, **__: _print_line(f"warning: {message}")
        with interruptible() as received:
            try:
                code = app(args=given, prog_name="connector", standalone_mode=False)
            except Exception as error:
                code = _end(error, received, as_json="--json" in given)
    if received:
        leave(code)
    sys.exit(code if isinstance(code, int) else 0)


def _end(error: Exception, received: list[signal.Signals], *, as_json: bool) -> int:
    """Print why a command ended, and return the exit code; a defect of this package is raised again."""
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(str(error), nl=bool(str(error)), err=True)  # "" if typer has already printed the help
        return Problem("usage", "").exit_code
    problem = _problem(error)
    if problem is None:
        raise error
    if problem.type == INTERRUPTED:
        problem = replace(problem, exit_code=exit_code_of(received))
    if as_json:
        typer.echo(json.dumps(problem.to_json(), ensure_ascii=False))
    _print_line(problem.line)
    return problem.exit_code


def _problem(error: Any) -> Problem | None:
    if isinstance(error, typer.Abort):
        was_interrupted = isinstance(error.__cause__, KeyboardInterrupt)
        return Problem(INTERRUPTED, "interrupted" if was_interrupted else "the input ended before an answer")
    if isinstance(error, UsageError):
        return usage_problem(error)
    from connector.cli.problems import problem_of

    return problem_of(error)


def _print_line(message: str) -> None:
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(f"connector: {' '.join(message.split())}", markup=False)
