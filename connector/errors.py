"""The errors that this package raises.

ConnectorError
├── RequestError            a request, an argument or a file is wrong (also a ValueError)
├── DocumentError           a document can't be indexed (also a ValueError)
├── IndexingError           the cluster rejected some documents
├── IndexMismatchError      the index can't serve the request
│   └── EncoderMismatchError    its vectors were written by another encoder
├── ModelError              a model failed or can't be used
│   ├── ModelNotFoundError      it is not on this machine and can't be downloaded
│   └── ModelOutputError        its output can't be used
├── MalformedAnswerError    the answer is not one that the cluster gives, such as a proxy's HTML page
├── ReindexError            a reindex job stopped; its acknowledged work is kept, and it can be resumed
│   ├── SourceError             the source can't be read without loss
│   ├── CheckpointError         the job's own files can't be read or written
│   ├── JobRunningError         another process is running the job
│   ├── JobStoppedError         the job was interrupted or cancelled
│   ├── RollbackRefusedError    the rollback would hide documents written since the switch
│   └── NotSwitchedError        the alias was not switched to the new index
│       ├── VerificationError       the new index failed a check
│       └── AliasChangedError       the alias was moved by someone else
├── PagesClosedError        a cursor over pages was closed, or its point in time expired
├── EmbeddedStoreError      the embedded engine's directory is in use, damaged, full or not writable
└── MissingExtraError       an optional package is not installed (also an ImportError)

Errors of the cluster keep their type: `elasticsearch.ApiError` and `elasticsearch.TransportError` of elasticsearch-py,
`opensearchpy.TransportError` of opensearch-py. `Connector` raises elasticsearch-py's on any engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from reprlib import Repr
from typing import Any

from connector.installing import extra_command

_BEGINNING, _LONGEST_MESSAGE = 200, 1_000
_repr = Repr()
_repr.maxlevel, _repr.maxdict, _repr.maxlist, _repr.maxstring, _repr.maxother = 3, 4, 4, 120, 120


def _shown(value: object) -> str:
    """Return a value's representation, shortened to a readable length."""
    try:
        return _repr.repr(value)
    except Exception:  # `__repr__` may raise anything, as may an int with too many digits
        return f"<{type(value).__name__}>"


def _beginning(answer: object) -> str:
    """Return the beginning of an answer."""
    if isinstance(answer, str | bytes):
        return repr(answer[:_BEGINNING]) + ("..." if len(answer) > _BEGINNING else "")
    shown = _shown(answer)
    return shown if len(shown) <= 2 * _BEGINNING else f"{shown[: 2 * _BEGINNING]}..."


def error_text(error: BaseException) -> str:
    """Return an error's type and message, or only the type if there is no message or `__str__` raises."""
    name = type(error).__name__
    try:
        message = str(error)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return name
    return f"{name}: {message[:_LONGEST_MESSAGE]}" if message else name


def missing_text(packages: str, extra: str) -> str:
    """Return the sentence on packages of an extra that are not installed, with the command that installs them.

    Examples:
        >>> from connector.errors import missing_text
        >>> missing_text("zstandard", "zstd")
        "zstandard is not installed (extra 'zstd'): pip install 'zstandard>=0.23'"
    """
    return f"{packages} is not installed (extra {extra!r}): {extra_command(extra)}"


class ConnectorError(Exception):
    """The base class of all errors of this package.

    Examples:
        >>> from connector import Connector, ConnectorError, connect
        >>> try:
        ...     Connector(connect("embedded:"), "articles", text_fields=[])
        ... except ConnectorError as error:
        ...     print(error)
        text_fields: []: must be a list of field names, ...
    """


class RequestError(ConnectorError, ValueError):
    """A part of a request is wrong; nothing was sent to the cluster.

    Args:
        path: the path of the wrong value, such as `retriever.rrf.retrievers[0].knn.k`.
        value: the wrong value.
        remedy: what is allowed, or what to do.
    """

    def __init__(self, path: str, value: object, remedy: str) -> None:
        self.path = path
        self.value = value
        self.remedy = remedy
        shown_path = path if len(path) <= 300 else f"{path[:100]}...{path[-150:]}"
        super().__init__(f"{shown_path}: {_shown(value)}: {remedy}")


class DocumentError(ConnectorError, ValueError):
    """A document can't be indexed.

    Args:
        document: the document, or its id.
        field: the field whose value is wrong.
        value: the wrong value.
        remedy: what is allowed, or what to do.
    """

    def __init__(self, document: object, field: str, value: object, remedy: str) -> None:
        self.document = document
        self.field = field
        self.value = value
        self.remedy = remedy
        super().__init__(f"document {_shown(document)}: field {field!r}: {_shown(value)}: {remedy}")


class IndexingError(ConnectorError):
    """The cluster rejected some documents; all others were indexed.

    Args:
        indexed: the number of documents that were indexed.
        failures: the bulk item of each rejected document, as Elasticsearch returned it.
    """

    def __init__(self, indexed: int, failures: Sequence[Mapping[str, Any]]) -> None:
        self.indexed = indexed
        self.failures = list(failures)
        first = "; ".join(
            f"{item.get('_id')!r}: {item.get('error', {}).get('reason', item.get('error'))}"
            for item in self.failures[:3]
        )
        super().__init__(
            f"{len(self.failures)} documents were rejected, {indexed} were indexed. First reasons: {first}. "
            "This error's `failures` has all of them; correct these documents and index them again"
        )


class IndexMismatchError(ConnectorError):
    """The index can't serve the request; the message names the index, what it has, and the remedy."""


class EncoderMismatchError(IndexMismatchError):
    """The vectors of an index were written by another encoder than the query's."""


class PagesClosedError(ConnectorError):
    """A cursor over pages was closed, or its point in time expired."""


class ModelError(ConnectorError):
    """A model failed or can't be used."""


class ModelNotFoundError(ModelError):
    """A model is not on this machine and can't be downloaded; the message says where it was looked for."""


class ModelOutputError(ModelError):
    """A model's output can't be used, such as a score that is not a number."""


class DeadlineError(ModelError):
    """A model was not done before the deadline of a search."""


class CircuitOpenError(ModelError):
    """A model is not called for the moment, because it was late several times in a row."""


class OverloadedError(ModelError):
    """A model has as much to do as it may have; the search that got this error was not put into its queue."""


class MalformedAnswerError(ConnectorError):
    """The answer is not one that the cluster gives, such as a proxy's HTML page; the message shows its beginning.

    Args:
        what: the call, such as `_msearch`.
        fault: what is wrong with the answer.
        answer: the answer.
    """

    def __init__(self, what: str, fault: str, answer: object) -> None:
        self.what = what
        self.fault = fault
        self.beginning = _beginning(answer)
        super().__init__(
            f"malformed answer to {what}: {fault}. It begins: {self.beginning}. Check what is at the cluster's URL: "
            "it may be a proxy, or a version of the server that this package does not know"
        )


class ReindexError(ConnectorError):
    """A reindex job stopped; its acknowledged work is kept."""


class SourceError(ReindexError):
    """A source can't be read without loss."""


class CheckpointError(ReindexError):
    """A job's own files can't be read or written."""


class JobRunningError(ReindexError):
    """Another process is running the same job."""


class JobStoppedError(ReindexError):
    """A job was interrupted or cancelled; its checkpoint is clean."""


class RollbackRefusedError(ReindexError):
    """The current index and the previous one have different documents; the alias was not moved.

    Args:
        message: what differs, and what to do.
        written: the number of documents that only the current index has.
        deleted: the number of documents that only the previous index has.
        changed: the number of documents that differ between the two.
    """

    def __init__(self, message: str, *, written: int = 0, deleted: int = 0, changed: int = 0) -> None:
        self.written = written
        self.deleted = deleted
        self.changed = changed
        super().__init__(message)


class NotSwitchedError(ReindexError):
    """The alias was not switched to the new index; both indices are kept."""


class VerificationError(NotSwitchedError):
    """The new index failed a check; the message names every failed check."""


class AliasChangedError(NotSwitchedError):
    """The alias no longer points to the index it did when the job began."""


class EmbeddedStoreError(ConnectorError):
    """The embedded engine can't open, read or write its directory."""


class MissingExtraError(ConnectorError, ImportError):
    """An optional package is not installed.

    Args:
        package: the package that can't be imported.
        extra: the extra of hybrid-connector that needs it.
    """

    def __init__(self, package: str, extra: str) -> None:
        self.package = package
        self.extra = extra
        super().__init__(missing_text(package, extra))
