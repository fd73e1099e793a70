"""Errors as elasticsearch-py raises them, made from error bodies. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from elastic_transport import ApiResponseMeta, ObjectApiResponse
from elastic_transport.client_utils import DEFAULT
from elasticsearch import ApiError
from elasticsearch.exceptions import HTTP_EXCEPTIONS


def api_error(body: Mapping[str, Any], meta: ApiResponseMeta, status: int) -> ApiError:
    """Return the error that elasticsearch-py raises for an error body with this status."""
    error = body.get("error")
    message = str(error)
    if isinstance(error, dict):
        message = str(error.get("type", message))
        error = _with_root_cause(error)
    shown = {"error": error, "status": status}
    return HTTP_EXCEPTIONS.get(status, ApiError)(message=message, meta=replace(meta, status=status), body=shown)


def _with_root_cause(error: dict[str, Any]) -> dict[str, Any]:
    """Return an error with the root cause whose reason elasticsearch-py puts into its message."""
    causes = error.get("root_cause")
    first = causes[0] if isinstance(causes, list) and causes else None
    if isinstance(first, dict) and "reason" in first:
        return error
    return {**error, "root_cause": [{"type": error.get("type"), "reason": error.get("reason")}]}


def unless_ignored(error: ApiError, ignored: Any) -> ObjectApiResponse[Any]:
    """Return an error's body if the caller ignores its status; otherwise raise the error."""
    if ignored is DEFAULT or ignored is None or error.meta.status not in ignored:
        raise error
    return ObjectApiResponse(body=error.body, meta=error.meta)
