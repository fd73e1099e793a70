"""The `connector` command, which turns every error into one line and an exit code."""

import sys
import warnings
from collections.abc import Sequence

import typer
from elastic_transport import TransportError
from elasticsearch import ApiError
from rich.console import Console

from connector.cli.demo import demo
from connector.cli.doctor import doctor
from connector.cli.index import index
from connector.cli.models import models
from connector.cli.reindex import reindex
from connector.cli.search import search
from connector.errors import ConnectorError

EXIT_ERROR = 2

app = typer.Typer(
    help="Two-stage search on your existing Elasticsearch or OpenSearch: BM25 and kNN fused by RRF, then reranked by a "
    "cross-encoder.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(index)
app.add_typer(reindex, name="reindex")
app.command()(search)
app.command()(demo)
app.command()(doctor)
app.add_typer(models, name="models")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with code 0 on success, 2 after an error, or 130 when interrupted.

    Args:
        arguments: the arguments without the program's name; None takes those of the process.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("always", category=UserWarning, module=r"connector\.")
            warnings.showwarning = lambda message, *_, **__: _print_error(f"warning: {message}")
            app(args=None if arguments is None else list(arguments))
    except Exception as error:
        if not isinstance(error, (ConnectorError, ApiError, TransportError, OSError, *_opensearch_errors())):
            raise
        _print_error(str(error))
        sys.exit(EXIT_ERROR)


def _opensearch_errors() -> tuple[type[Exception], ...]:
    """Return the errors of opensearch-py, if it is in use."""
    library = sys.modules.get("opensearchpy")
    return () if library is None else (library.OpenSearchException,)


def _print_error(message: str) -> None:
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(f"connector: {' '.join(message.split())}", markup=False)
