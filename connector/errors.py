"""Every error a user can meet. The first room: it imports nothing of ours.

ConnectorError
├── RequestError            a search request, a parameter or a file is wrong (also a ValueError)
├── DocumentError           a document can't be indexed (also a ValueError)
├── IndexingError           some documents were refused by the cluster
├── IndexMismatchError      the index can't serve what is asked of it
│   └── EncoderMismatchError    its vectors were written by another encoder
├── ModelError              a model failed or can't be used
│   ├── ModelNotFoundError      it is neither on disk nor to be had
│   └── ModelOutputError        it gave something that can't be used
├── MalformedAnswerError    the cluster, or a proxy before it, answered with something that is no such answer
├── ReindexError            a reindex job stopped; what it acknowledged is kept, and `resume` goes on from there
│   ├── SourceError             the source can't be read without losing something
│   ├── CheckpointError         the job's own files can't be read or written
│   ├── JobRunningError         another process works on the job
│   ├── JobStoppedError         it was interrupted or cancelled
│   ├── RollbackRefusedError    documents were written since that would go out of view
│   └── NotSwitchedError        the new index was not put in the old one's place
│       ├── VerificationError       it is not what it should be
│       └── AliasChangedError       somebody else moved the alias
├── PagesClosedError        a cursor over pages was closed, or its point in time has lapsed
├── EmbeddedStoreError      the embedded engine can't open its directory: in use, damaged, full or not writable
└── MissingExtraError       a package that comes with an extra is not installed (also an ImportError)

Errors of the cluster itself stay the client's own: elasticsearch-py's (`elasticsearch.ApiError` and `TransportError`),
opensearch-py's (`opensearchpy.TransportError`). `Connector` raises the former whichever the engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from reprlib import Repr
from typing import Any

_BEGINNING, _LONGEST_WORDS = 200, 1_000
_repr = Repr()
_repr.maxlevel, _repr.maxdict, _repr.maxlist, _repr.maxstring, _repr.maxother = 3, 4, 4, 120, 120


def _shown(value: object) -> str:
    """Draw a value short enough to read, however large or deep it is."""
    try:
        return _repr.repr(value)
    except Exception:  # the value's own `__repr__`, or a number of more digits than Python writes
        return f"<{type(value).__name__}>"


def _beginning(answer: object) -> str:
    """Return the beginning of an answer, of text its first characters."""
    if isinstance(answer, str | bytes):
        return repr(answer[:_BEGINNING]) + ("..." if len(answer) > _BEGINNING else "")
    shown = _shown(answer)
    return shown if len(shown) <= 2 * _BEGINNING else f"{shown[: 2 * _BEGINNING]}..."


def error_text(error: BaseException) -> str:
    """Return an error's type and words; the type alone where its `__str__` raises or it has no words."""
    name = type(error).__name__
    try:
        words = str(error)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return name
    return f"{name}: {words[:_LONGEST_WORDS]}" if words else name


class ConnectorError(Exception):
    """What every error of this package is."""


class RequestError(ConnectorError, ValueError):
    """Something in a request is wrong; nothing was sent to the cluster.

    Args:
        path: where it stands, as `retriever.rrf.retrievers[0].knn.k`.
        value: what stands there.
        remedy: what is allowed, or what to do.
    """

    def __init__(self, path: str, value: object, remedy: str) -> None:
        self.path = path
        self.value = value
        self.remedy = remedy
        shown_path = path if len(path) <= 300 else f"{path[:100]}...{path[-150:]}"
        super().__init__(f"{shown_path}: {_shown(value)}: {remedy}")


class DocumentError(ConnectorError, ValueError):
    """A document can't be indexed: names the document, the field, the value and the remedy."""

    def __init__(self, document: object, field: str, value: object, remedy: str) -> None:
        self.document = document
        self.field = field
        self.value = value
        self.remedy = remedy
        super().__init__(f"document {_shown(document)}: field {field!r}: {_shown(value)}: {remedy}")


class IndexingError(ConnectorError):
    """The cluster refused some documents; all others were indexed.

    Args:
        indexed: how many documents were indexed.
        failures: a bulk item as Elasticsearch returned it, for each document that was refused.
    """

    def __init__(self, indexed: int, failures: Sequence[Mapping[str, Any]]) -> None:
        self.indexed = indexed
        self.failures = list(failures)
        first = "; ".join(
            f"{item.get('_id')!r}: {item.get('error', {}).get('reason', item.get('error'))}"
            for item in self.failures[:3]
        )
        super().__init__(
            f"{len(self.failures)} documents were refused, {indexed} were indexed. First reasons: {first}. "
            "All are in this error's `failures`; correct them and index them again"
        )


class IndexMismatchError(ConnectorError):
    """The index can't serve what is asked of it: names the index, what it has and the remedy."""


class EncoderMismatchError(IndexMismatchError):
    """The vectors of an index were written by another encoder than the one that would embed the query."""


class PagesClosedError(ConnectorError):
    """A cursor over pages was closed, or its point in time has lapsed: says which, and what to do."""


class ModelError(ConnectorError):
    """A model failed, or gave something that can't be used."""


class ModelNotFoundError(ModelError):
    """A model is not on this machine and can't be fetched: names it, where it was looked for and what to install."""


class ModelOutputError(ModelError):
    """A model gave something that can't be used, as scores that are no numbers: names the model and what it gave."""


class MalformedAnswerError(ConnectorError):
    """The cluster's answer is not what it should be, as a page of HTML from a proxy: shows the beginning of what came.

    Args:
        what: the answer that was expected, as `_msearch`.
        fault: what is wrong with it.
        answer: what came.
    """

    def __init__(self, what: str, fault: str, answer: object) -> None:
        self.what = what
        self.fault = fault
        self.beginning = _beginning(answer)
        super().__init__(
            f"malformed answer to {what}: {fault}. It begins: {self.beginning}. See what is at the cluster's URL, "
            "as a proxy or a version of the server that this package does not know"
        )


class ReindexError(ConnectorError):
    """A reindex job stopped: says why and what to do; what it acknowledged is kept."""


class SourceError(ReindexError):
    """A source can't be read without losing something: names it, the reason and the remedy."""


class CheckpointError(ReindexError):
    """A job's own files can't be read or written: names the file and the remedy."""


class JobRunningError(ReindexError):
    """Another process works on the same job."""


class JobStoppedError(ReindexError):
    """A job was interrupted or cancelled; its checkpoint is clean."""


class RollbackRefusedError(ReindexError):
    """Documents differ between the index that is served and the one before it: says how many; nothing was moved.

    Args:
        message: what differs, and what to do.
        written, deleted, changed: how many documents only the index that is served has, how many only the one before
            it has, and how many are another document in the two.
    """

    def __init__(self, message: str, *, written: int = 0, deleted: int = 0, changed: int = 0) -> None:
        self.written = written
        self.deleted = deleted
        self.changed = changed
        super().__init__(message)


class NotSwitchedError(ReindexError):
    """The new index was not put in the old one's place; both are kept."""


class VerificationError(NotSwitchedError):
    """The new index is not what it should be: names every check that failed."""


class AliasChangedError(NotSwitchedError):
    """The alias does not point to where it did when the job began."""


class EmbeddedStoreError(ConnectorError):
    """The embedded engine can't open its directory, or can't read or write it: names it, the reason and the remedy."""


class MissingExtraError(ConnectorError, ImportError):
    """A package that comes with an extra is not installed: names both.

    Args:
        package: what can't be imported.
        extra: the extra that brings it.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed; it comes with an extra: pip install 'hybrid-connector[{extra}]'")
