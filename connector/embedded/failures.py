"""Elasticsearch's errors, as the embedded engine raises and answers them."""

from __future__ import annotations

from typing import Any

_OWN_CAUSES = ("parse_exception",)


class EngineError(Exception):
    """An Elasticsearch error: its status, type, reason, extra members and cause."""

    def __init__(
        self,
        status: int,
        kind: str,
        reason: str,
        *,
        extra: dict[str, Any] | None = None,
        caused_by: dict[str, Any] | None = None,
        root: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.kind = kind
        self.reason = reason
        self.extra = extra or {}
        self.caused_by = caused_by
        self.root = root

    def cause(self) -> dict[str, Any]:
        """The error as it appears in a bulk item or a shard's failure."""
        caused_by = {"caused_by": self.caused_by} if self.caused_by else {}
        return {"type": self.kind, "reason": self.reason, **self.extra, **caused_by}

    def error(self) -> dict[str, Any]:
        """The error with its root cause, as it appears under "error" in a response."""
        root = self.root or {"type": self.kind, "reason": self.reason, **self.extra}
        return {"root_cause": [root], **self.cause()}

    def body(self) -> dict[str, Any]:
        """The whole response body."""
        return {"error": self.error(), "status": self.status}


class ShardError(Exception):
    """A query that parses but can't run on an index."""

    def __init__(self, reason: str, kind: str = "illegal_argument_exception", *, is_query_fault: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind
        self.is_query_fault = is_query_fault

    def shard(self, index: str, uuid: str) -> dict[str, Any]:
        """Return the failure as it appears under `_shards.failures` and `failed_shards`."""
        if not self.is_query_fault:
            plain = {"type": self.kind, "reason": self.reason}
            return {"shard": 0, "index": index, "node": "embedded", "reason": plain}
        reason = {
            "type": "query_shard_exception",
            "reason": f"failed to create query: {self.reason}",
            "index_uuid": uuid,
            "index": index,
            "caused_by": {"type": self.kind, "reason": self.reason},
        }
        return {"shard": 0, "index": index, "node": "embedded", "reason": reason}


def failed_search(failures: list[dict[str, Any]]) -> EngineError:
    """Return 400 search_phase_execution_exception, for a search that failed on every index."""
    reason = failures[0]["reason"]
    cause = reason.get("caused_by", reason)
    root = {
        key: value for key, value in (cause if cause["type"] in _OWN_CAUSES else reason).items() if key != "caused_by"
    }
    extra = {"phase": "query", "grouped": True, "failed_shards": failures}
    return EngineError(400, "search_phase_execution_exception", "all shards failed", extra=extra, root=root)


def illegal(reason: str) -> EngineError:
    """Return 400 illegal_argument_exception."""
    return EngineError(400, "illegal_argument_exception", reason)


def unsupported(what: str) -> EngineError:
    """Return 400 for what a real node may support and this engine does not."""
    return illegal(f"the embedded engine does not support {what}")


def parsing(reason: str) -> EngineError:
    """Return 400 parsing_exception."""
    return EngineError(400, "parsing_exception", reason, extra={"line": 1, "col": 1})


def x_content(reason: str) -> EngineError:
    """Return 400 x_content_parse_exception."""
    return EngineError(400, "x_content_parse_exception", reason)


def validation(reason: str) -> EngineError:
    """Return 400 action_request_validation_exception."""
    return EngineError(400, "action_request_validation_exception", f"Validation Failed: 1: {reason};")


def body_required(what: str = "request body") -> EngineError:
    """Return 400 parse_exception, for a request that lacks its body."""
    return EngineError(400, "parse_exception", f"{what} is required")


def index_not_found(name: str) -> EngineError:
    """Return 404 index_not_found_exception."""
    extra = {"resource.type": "index_or_alias", "resource.id": name, "index_uuid": "_na_", "index": name}
    return EngineError(404, "index_not_found_exception", f"no such index [{name}]", extra=extra)


def invalid_index_name(name: str, reason: str) -> EngineError:
    """Return 400 invalid_index_name_exception."""
    extra = {"index_uuid": "_na_", "index": name}
    return EngineError(400, "invalid_index_name_exception", f"Invalid index name [{name}], {reason}", extra=extra)


def unparsable_document(reason: str, kind: str = "illegal_argument_exception", cause: str | None = None) -> EngineError:
    """Return 400 document_parsing_exception with its cause."""
    return EngineError(400, "document_parsing_exception", reason, caused_by={"type": kind, "reason": cause or reason})


def mapping_fault(reason: str) -> EngineError:
    """Return 400 mapper_parsing_exception, for an invalid mapping."""
    root = {"type": "mapper_parsing_exception", "reason": reason}
    return EngineError(400, "mapper_parsing_exception", f"Failed to parse mapping: {reason}", caused_by=root, root=root)
