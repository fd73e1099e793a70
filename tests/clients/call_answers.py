"""Drivers of call flows: literals instead of a cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from elastic_transport import ApiResponseMeta, HttpHeaders, NodeConfig, ObjectApiResponse
from elasticsearch import ApiError

from connector.clients.call_flows import (
    CallNeed,
)

META = ApiResponseMeta(200, "1.1", HttpHeaders(), 0.0, NodeConfig("http", "made", 9200))
PLAIN: dict[str, Any] = {"query": {"match_all": {}}}
OURS: dict[str, Any] = {"retriever": {"rrf": {}}}


def is_ours(search: object) -> bool:
    return search == OURS


def response(**body: Any) -> ObjectApiResponse[Any]:
    return ObjectApiResponse(body=body, meta=META)


def refused(status: int, kind: str, reason: str = "") -> ApiError:
    meta = ApiResponseMeta(status, "1.1", HttpHeaders(), 0.0, META.node)
    return ApiError(kind, meta, {"error": {"type": kind, "reason": reason}, "status": status})


def answered(asked: list[CallNeed], *answers: Any) -> Callable[[CallNeed], Any]:
    left = list(answers)

    def perform(need: CallNeed) -> Any:
        asked.append(need)
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return perform
