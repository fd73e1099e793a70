"""`connector reindex`: vectors for an index that is there, by a job that can be cut off anywhere and goes on."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, TypeAlias

import typer
from rich.console import Console
from typer.core import TyperGroup

from connector.cli.options import DEFAULT_URL, EncoderName, Encoding, TextFields, Url
from connector.cli.reindex_view import Watcher, estimate_table, report_table, status_table
from connector.cli.text_fields import of_source

EXIT_DEAD_LETTERS = 1
_CODES = {
    "SourceError": 2,
    "JobRunningError": 5,
    "NotSwitchedError": 4,
    "RollbackRefusedError": 4,
    "ReindexError": 3,
}


class _RunByDefault(TyperGroup):
    """`connector reindex articles` is `connector reindex run articles`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        return super().resolve_command(ctx, _with_run(args, self.commands))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        is_run = bool(args) and args[0].startswith("-") and args[0] != "--help"
        return super().parse_args(ctx, ["run", *args] if is_run else args)


def _with_run(args: list[str], commands: Collection[str]) -> list[str]:
    return ["run", *args] if args and args[0] not in commands else args


reindex = typer.Typer(
    cls=_RunByDefault,
    no_args_is_help=True,
    help="Bring vectors to an index that is there, or load a file, by a job that can be cut off and goes on. "
    "`connector reindex SOURCE ...` is `connector reindex run SOURCE ...`. Exit codes: 0 done; 1 done, with dead "
    "letters; 2 wrong arguments or refused by the cluster; 3 stopped, can be resumed; 4 the new index was not switched "
    "to; 5 another process works on the job; 130 and 143 interrupted, can be resumed.",
)

Job: TypeAlias = Annotated[str, typer.Argument(help="The job's name, as `connector reindex status` lists it.")]
StateDirectory: TypeAlias = Annotated[
    Path | None,
    typer.Option("--state", envvar="CONNECTOR_STATE", help="Where jobs keep their files; a volume that stays."),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="One JSON object a line: progress, then the report.")]
MetricsPort: TypeAlias = Annotated[
    int | None, typer.Option(help="Serve Prometheus metrics on this port while the job runs.")
]
RetryFor: TypeAlias = Annotated[
    float, typer.Option(min=0, help="How many seconds a call to the cluster may fail before the job stops.")
]


@reindex.command()
def run(
    source: Annotated[str, typer.Argument(help="An index, alias or data stream; or a .jsonl, .csv or .parquet file.")],
    url: Url = DEFAULT_URL,
    text_fields: TextFields = None,
    alias: Annotated[
        str | None, typer.Option(help="The alias for the new index; left out, the source is an alias and moves.")
    ] = None,
    in_place: Annotated[bool, typer.Option("--in-place", help="Write the vectors into the source itself.")] = False,
    vector_field: Annotated[
        str | None, typer.Option(help="The field that the vectors go to; left out, it is `vector`.")
    ] = None,
    passages: Annotated[
        bool, typer.Option("--passages", help="Split the last text field into passages, each with a vector.")
    ] = False,
    id_field: Annotated[str, typer.Option(help="The field of a file's documents that holds their id.")] = "_id",
    encoding: Encoding = None,
    encoder: EncoderName = "bundled",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would take.")] = False,
    pipeline: Annotated[str, typer.Option(help="The ingest pipeline that documents go through.")] = "_none",
    verify: Annotated[bool, typer.Option(help="Check the new index before it is switched to.")] = True,
    max_dead_share: Annotated[
        float, typer.Option(min=0, max=1, help="The share of dead letters with which the alias is still switched.")
    ] = 0.1,
    allow_without_text: Annotated[
        bool, typer.Option("--allow-without-text", help="Go on where most documents have no text, and so no vector.")
    ] = False,
    readers: Annotated[int, typer.Option(min=1, max=16, help="How many shards are read side by side.")] = 2,
    keep_vectors: Annotated[
        bool, typer.Option(help="Keep vectors by text, so that no text is encoded twice, in any job.")
    ] = True,
    job: Annotated[str | None, typer.Option(help="The job's name; left out, one is made of what is asked.")] = None,
    state: StateDirectory = None,
    as_json: AsJson = False,
    metrics_port: MetricsPort = None,
    retry_for: RetryFor = 600.0,
) -> None:
    """Start a job, or go on with it where the same command was cut off."""
    from connector import connect
    from connector import reindexing as jobs

    asked: dict[str, Any] = {
        "alias": alias,
        "in_place": in_place,
        "vector_field": vector_field,
        "passages": passages,
        "id_field": id_field,
        "encoding": encoding,
        "encoder": encoder,
        "allow_without_text": allow_without_text,
    }
    if dry_run:
        with connect(url) as client, explained():
            names = of_source(text_fields, client, source, id_field, encoding)
            estimate = jobs.estimate(client, source, text_fields=names, **asked, options=jobs.JobOptions(state=state))
            _tell(as_json, estimate.to_json(), lambda: estimate_table(estimate))
        return
    with _watched(url, state, as_json, metrics_port, retry_for, keep_vectors=keep_vectors) as (client, options):
        more: dict[str, Any] = {
            "pipeline": pipeline,
            "verify": verify,
            "max_dead_share": max_dead_share,
            "readers": readers,
        }
        names = of_source(text_fields, client, source, id_field, encoding)
        report = jobs.reindex(client, source, text_fields=names, **asked, **more, job=job, options=options)
    _finish(report, as_json)


@reindex.command()
def resume(
    job: Job,
    url: Url = DEFAULT_URL,
    encoder: EncoderName = "bundled",
    state: StateDirectory = None,
    as_json: AsJson = False,
    metrics_port: MetricsPort = None,
    retry_for: RetryFor = 600.0,
) -> None:
    """Go on with a job that was cut off."""
    from connector import reindexing as jobs

    with _watched(url, state, as_json, metrics_port, retry_for) as (client, options):
        report = jobs.resume(client, job, encoder=encoder, options=options)
    _finish(report, as_json)


@reindex.command()
def status(
    job: Annotated[str | None, typer.Argument(help="The job; left out, all are listed.")] = None,
    state: StateDirectory = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a job.")] = False,
) -> None:
    """Say how jobs stand; the cluster is not asked."""
    from connector import reindexing as jobs

    found = jobs.status(job, state=state)
    if as_json:
        for each in found:
            typer.echo(json.dumps(vars(each)))
    else:
        Console().print(status_table(found) if found else "no jobs")


@reindex.command()
def cancel(job: Job, url: Url = DEFAULT_URL, state: StateDirectory = None) -> None:
    """Give a job up: its process stops, and its new index is deleted unless it was switched to."""
    from connector import connect
    from connector import reindexing as jobs

    with connect(url) as client, explained():
        jobs.cancel(client, job, options=jobs.JobOptions(state=state))
    Console(stderr=True).print(f"job {job} is cancelled", highlight=False, markup=False)


@reindex.command()
def rollback(
    job: Job,
    url: Url = DEFAULT_URL,
    force: Annotated[
        bool, typer.Option("--force", help="Go back even if documents were written, deleted or changed since.")
    ] = False,
    state: StateDirectory = None,
) -> None:
    """Put the old index back behind its alias, in one step; the new one is kept.

    Documents of both are compared first; where any differ, it says how many, and moves nothing without --force.
    """
    from connector import connect
    from connector import reindexing as jobs

    with connect(url) as client, explained():
        report = jobs.rollback(client, job, force=force, options=jobs.JobOptions(state=state))
    told = f"{report.alias} points to {report.previous or 'nothing'} again; {report.target} is kept"
    if report.written or report.deleted or report.changed:
        counts = f"{report.written:,} written, {report.deleted:,} deleted, {report.changed:,} changed since"
        told += f" with what is not in view any more: {counts}"
    Console(stderr=True).print(told, highlight=False, markup=False)


@reindex.command()
def retry_dead_letters(
    job: Job,
    url: Url = DEFAULT_URL,
    encoder: EncoderName = "bundled",
    state: StateDirectory = None,
    as_json: AsJson = False,
) -> None:
    """Try the documents again that could not be brought over, as the source or the dead letters' file now has them."""
    from connector import connect
    from connector import reindexing as jobs

    with connect(url) as client, explained():
        report = jobs.retry_dead_letters(client, job, encoder=encoder, options=jobs.JobOptions(state=state))
    told = f"{report.written} written, {report.dead} still dead letters, {report.gone} gone from the source"
    _tell(as_json, vars(report), lambda: told)
    if report.dead:
        raise typer.Exit(EXIT_DEAD_LETTERS)


@contextmanager
def _watched(
    url: str,
    state: Path | None,
    as_json: bool,
    metrics_port: int | None,
    retry_for: float,
    *,
    keep_vectors: bool = True,
) -> Iterator[tuple[Any, Any]]:
    """Return the client and options of a job that people watch: it shows progress, and a signal stops it cleanly."""
    from connector import connect
    from connector import reindexing as jobs

    with ExitStack() as stack:
        stop = threading.Event()
        signals = stack.enter_context(_stopping(stop))
        watcher = stack.enter_context(Watcher(Console(stderr=True), as_json=as_json))
        listeners: list[Callable[[Any], None]] = [watcher.show]
        if metrics_port is not None:
            from connector.reindexing.metrics import serve_metrics

            listeners.append(stack.enter_context(serve_metrics(metrics_port)).show)
        client = stack.enter_context(connect(url))
        stack.enter_context(explained(signals))

        def told(progress: Any) -> None:
            for listener in listeners:
                listener(progress)

        yield (
            client,
            jobs.JobOptions(
                state=state, retry_for_s=retry_for, keeps_vectors=keep_vectors, stop=stop, on_progress=told
            ),
        )


@contextmanager
def _stopping(stop: threading.Event) -> Iterator[list[int]]:
    """Let the first interrupt or SIGTERM stop the job cleanly, and the second one at once; give those that came."""
    came: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        if came:
            raise KeyboardInterrupt
        came.append(number)
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def explained(signals: list[int] | None = None) -> Iterator[None]:
    """Turn a job's error into its line and exit code.

    Args:
        signals: those that came; one makes the exit code 128 and its number.
    """
    from connector.errors import ReindexError

    try:
        yield
    except ReindexError as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(f"connector: {error}", markup=False)
        code = next(_CODES[each.__name__] for each in type(error).__mro__ if each.__name__ in _CODES)
        raise typer.Exit(128 + signals[0] if signals else code) from error


def _finish(report: Any, as_json: bool) -> None:
    _tell(as_json, {"event": "report", **report.to_json()}, lambda: report_table(report))
    if report.dead_letters:
        raise typer.Exit(EXIT_DEAD_LETTERS)


def _tell(as_json: bool, value: dict[str, Any], drawn: Callable[[], Any]) -> None:
    if as_json:
        typer.echo(json.dumps(value))
    else:
        Console().print(drawn())
