"""Calls that may hold searches of ours: `msearch`, `search_template`, native execution. Pure; comes in from `client`.

Each is a flow, as a search is: it yields what it needs and is sent the answer, or thrown the error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from elastic_transport import ApiResponseMeta, ObjectApiResponse, TransportError
from elasticsearch import ApiError

from connector.engines.answers import rendered_in, responses_in
from connector.engines.capabilities import Capabilities
from connector.errors import ConnectorError, EncoderMismatchError, RequestError, error_text
from connector.request.body_texts import read_object


@dataclass(frozen=True)
class Pass:
    """The call as it came, with this body. The answer: the cluster's response."""

    body: Any


@dataclass(frozen=True)
class RenderTemplate:
    """A search template filled in. The answer: the cluster's response, the search under `template_output`."""

    body: Mapping[str, Any]


@dataclass(frozen=True)
class OwnSearch:
    """A search that this package runs. The answer: its response."""

    body: Mapping[str, Any]
    params: Mapping[str, Any]
    index: str | None


@dataclass(frozen=True)
class ReadCapabilities:
    """What the cluster is. The answer: its `Capabilities`; never an error."""


CallNeed: TypeAlias = Pass | RenderTemplate | OwnSearch | ReadCapabilities
CallFlow: TypeAlias = Generator[CallNeed, Any, Any]
IsOurs: TypeAlias = Callable[[object], bool]

_OF_TEMPLATES = ("id", "source", "params")


def multi_search_flow(body: Sequence[Any], index: str | None, is_ours: IsOurs) -> CallFlow:
    """Run the lines that are ours one by one and the others in one call; give all answers in the order asked.

    A line that fails, whatever it raises, has its error in its own answer, as in Elasticsearch's.

    Args:
        body: a header and a search, in turn.
        index: the index of lines that name none.

    Raises: the first line's error where no line has an answer, as when nothing could be sent.
    """
    pairs = list(zip(body[::2], body[1::2], strict=True))
    ours = [place for place, (_, search) in enumerate(pairs) if is_ours(search)]
    others = [place for place in range(len(pairs)) if place not in set(ours)]
    answers: dict[int, Any] = {}
    took, meta, wrong = 0, None, None
    if others:
        passed = yield Pass([line for place in others for line in pairs[place]])
        if not 200 <= passed.meta.status < 300:
            return passed
        answers.update(zip(others, responses_in(passed.body, len(others)), strict=True))
        took, meta = _took(passed.body), passed.meta
    for place in ours:
        header, search = pairs[place]
        params = {name: value for name, value in header.items() if name != "index"}
        named = header.get("index", index)
        try:
            response = yield OwnSearch(search, params, ",".join(named) if isinstance(named, list) else named)
        except ApiError as error:
            answers[place], meta = _failed(error.body, error.meta.status), error.meta
        except Exception as error:
            wrong = wrong or error
            answers[place] = _failed_here(error)
        else:
            answers[place], meta = {**response.body, "status": response.meta.status}, response.meta
            took = max(took, _took(response.body))
    if meta is None and wrong is not None:
        raise wrong
    return _response({"took": took, "responses": [answers[place] for place in range(len(pairs))]}, meta)


def search_template_flow(
    body: Mapping[str, Any], params: Mapping[str, Any], index: str | None, is_ours: IsOurs
) -> CallFlow:
    """Pass a search template on; where the cluster refuses its retriever, have it filled in and run it here."""
    passed = yield from _passed(body)
    if not isinstance(passed, _Refused):
        return passed
    template = {name: body[name] for name in _OF_TEMPLATES if name in body}
    rendered = yield RenderTemplate(template)
    search = rendered_in(rendered.body)
    if is_ours(search):
        return (yield OwnSearch(search, params, index))
    return passed.answer()


def multi_template_flow(body: Sequence[Any], index: str | None, is_ours: IsOurs) -> CallFlow:
    """Pass search templates on; have those whose retriever the cluster refuses filled in, and run them here.

    Args:
        body: a header and a template, in turn.
        index: the index of lines that name none.
    """
    passed = yield Pass(list(body))
    if "responses" not in passed.body:
        return passed
    answers = list(passed.body["responses"])
    for place, answer in enumerate(answers):
        status = answer.get("status", 200) if isinstance(answer, Mapping) else 200
        if not _is_refused(status, answer):
            continue
        header, template = map(read_object, body[2 * place : 2 * place + 2])
        answers[place] = yield from _filled_in(header, template, index, is_ours, answer)
    return ObjectApiResponse(body={**passed.body, "responses": answers}, meta=passed.meta)


def _filled_in(header: Any, template: Mapping[str, Any], index: str | None, is_ours: IsOurs, refused: Any) -> CallFlow:
    """Fill a template in and run it here: give its line of the response, the refusal where it is not ours."""
    try:
        rendered = yield RenderTemplate({name: template[name] for name in _OF_TEMPLATES if name in template})
    except ApiError:  # who may not render it is told what the cluster said to the search
        return refused
    search = rendered.body.get("template_output")
    if not is_ours(search):
        return refused
    options = {name: template[name] for name in ("explain", "profile") if name in template}
    try:
        found = yield from multi_search_flow([header, {**search, **options}], index, is_ours)
    except RequestError as error:
        return _failed_here(error)
    return found.body["responses"][0]


def native_flow(body: Mapping[str, Any], params: Mapping[str, Any], index: str | None) -> CallFlow:
    """Pass a search on to a cluster whose licence runs its retriever; run it here where it is refused all the same."""
    capabilities: Capabilities = yield ReadCapabilities()
    if capabilities.runs_licensed_retrievers:
        passed = yield from _passed(body)
        if not isinstance(passed, _Refused):
            return passed
    return (yield OwnSearch(body, params, index))


@dataclass(frozen=True)
class _Refused:
    """What the cluster said to a retriever it does not run: an error, or an answer where that status is ignored."""

    said: Any

    def answer(self) -> Any:
        if isinstance(self.said, ApiError):
            raise self.said
        return self.said


def _passed(body: Any) -> CallFlow:
    """Pass a call on. Returns: its answer, or `_Refused`."""
    try:
        answer = yield Pass(body)
    except ApiError as error:
        if not _is_refused(error.meta.status, error.body):
            raise
        return _Refused(error)
    return _Refused(answer) if _is_refused(answer.meta.status, answer.body) else answer


_UNKNOWN_THERE = (
    "unknown retriever",
    "Unknown key for a START_OBJECT in [retriever]",
    "Unknown key for a START_OBJECT in [rank]",
    "unknown named object category [org.elasticsearch.search.rank.RankBuilder]",
)


def _is_refused(status: int, body: Any) -> bool:
    """True if the licence, or a module that is not there, is why a retriever was not run."""
    error = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return False
    kind, reason = error.get("type"), str(error.get("reason"))
    is_unknown = any(words in reason for words in _UNKNOWN_THERE)
    return (status, kind) == (403, "security_exception") or (status == 400 and is_unknown)


def _failed(body: Any, status: int) -> dict[str, Any]:
    return {"error": body.get("error") if isinstance(body, Mapping) else str(body), "status": status}


def _failed_here(error: Exception) -> dict[str, Any]:
    """Return the answer of a line that failed on this side, by a status of the same kind as the cluster's."""
    is_request = isinstance(error, RequestError | EncoderMismatchError)
    kind = "illegal_argument_exception" if is_request else _snake_case(type(error).__name__)
    status = 400 if is_request else 503 if isinstance(error, TransportError) else 500
    reason = str(error) if isinstance(error, ConnectorError) else error_text(error)
    cause = {"type": kind, "reason": reason}
    return _failed({"error": {"root_cause": [cause], **cause}}, status)


def _took(body: Mapping[str, Any]) -> int:
    took = body.get("took")
    return took if isinstance(took, int) else 0


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _response(body: dict[str, Any], meta: ApiResponseMeta | None) -> ObjectApiResponse[Any]:
    assert meta is not None
    return ObjectApiResponse(body=body, meta=replace(meta, status=200))
