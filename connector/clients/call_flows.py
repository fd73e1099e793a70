"""Calls that may hold searches to run here: `msearch`, search templates, native execution. No I/O here.

Each is a flow, as a search is: it yields what it needs and is sent the answer, or the error is thrown into it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from elastic_transport import ApiResponseMeta, ObjectApiResponse, TransportError
from elasticsearch import ApiError

from connector.clients.body_texts import read_object
from connector.engines.answers import rendered_in, responses_in
from connector.engines.capabilities import Capabilities
from connector.errors import EncoderMismatchError, RequestError
from connector.search.degradations import DEGRADATIONS, Degradation, DegradationCode

_LOGGER = "connector.msearch"


@dataclass(frozen=True)
class Pass:
    """Send the call as it came, with this body. The answer: the cluster's response."""

    body: Any


@dataclass(frozen=True)
class RenderTemplate:
    """Render a search template. The answer: the cluster's response, with the search under `template_output`."""

    body: Mapping[str, Any]


@dataclass(frozen=True)
class OwnSearch:
    """Run a search here. The answer: its response."""

    body: Mapping[str, Any]
    params: Mapping[str, Any]
    index: str | None


@dataclass(frozen=True)
class ReadCapabilities:
    """Find out what the cluster is. The answer: its `Capabilities`; never an error."""


CallNeed: TypeAlias = Pass | RenderTemplate | OwnSearch | ReadCapabilities
CallFlow: TypeAlias = Generator[CallNeed, Any, Any]
RunsHere: TypeAlias = Callable[[object], bool]
"""True for a search body that the cluster can't run, so that this package does."""

_TEMPLATE_KEYS = ("id", "source", "params")


def multi_search_flow(body: Sequence[Any], own: Collection[int], index: str | None) -> CallFlow:
    """Run some lines here, one by one, and the others in one call; return all answers in the order of the lines.

    A line that fails, whatever it raises, has its error in its own answer, as in Elasticsearch.

    Args:
        body: a header and a search, in turn.
        own: which pairs of them run here, by place.
        index: the index of lines that name none.

    Raises:
        Exception: the first line's error if no line has an answer, as when nothing could be sent.
    """
    pairs = list(zip(body[::2], body[1::2], strict=True))
    others = sorted(set(range(len(pairs))) - set(own))
    answers: dict[int, Any] = {}
    took, meta, wrong = 0, None, None
    if others:
        passed = yield Pass([line for place in others for line in pairs[place]])
        if not 200 <= passed.meta.status < 300:
            return passed
        answers.update(zip(others, responses_in(passed.body, len(others)), strict=True))
        took, meta = _took(passed.body), passed.meta
    for place in own:
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
    body: Mapping[str, Any], params: Mapping[str, Any], index: str | None, runs_here: RunsHere
) -> CallFlow:
    """Pass a search template on; if the cluster refuses its retriever, have it rendered and run it here."""
    passed = yield from _passed(body)
    if not isinstance(passed, _Refused):
        return passed
    template = {name: body[name] for name in _TEMPLATE_KEYS if name in body}
    rendered = yield RenderTemplate(template)
    search = rendered_in(rendered.body)
    if runs_here(search):
        return (yield OwnSearch(search, params, index))
    return passed.answer()


def multi_template_flow(body: Sequence[Any], index: str | None, runs_here: RunsHere) -> CallFlow:
    """Pass search templates on; those whose retriever the cluster refuses are rendered there and run here.

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
        answers[place] = yield from _rendered(header, template, index, runs_here, answer)
    return ObjectApiResponse(body={**passed.body, "responses": answers}, meta=passed.meta)


def _rendered(
    header: Any, template: Mapping[str, Any], index: str | None, runs_here: RunsHere, refused: Any
) -> CallFlow:
    """Render a template and run it here: return its line of the response, or the refusal if it does not run here."""
    try:
        rendered = yield RenderTemplate({name: template[name] for name in _TEMPLATE_KEYS if name in template})
    except ApiError:  # a caller who may not render it gets the cluster's answer to the search
        return refused
    search = rendered.body.get("template_output")
    if not runs_here(search):
        return refused
    options = {name: template[name] for name in ("explain", "profile") if name in template}
    try:
        found = yield from multi_search_flow([header, {**search, **options}], [0], index)
    except RequestError as error:
        return _failed_here(error)
    return found.body["responses"][0]


def native_flow(body: Mapping[str, Any], params: Mapping[str, Any], index: str | None) -> CallFlow:
    """Pass a search on if the cluster's licence runs its retriever; run it here if not, or if it is refused anyway."""
    capabilities: Capabilities = yield ReadCapabilities()
    if capabilities.runs_licensed_retrievers:
        passed = yield from _passed(body)
        if not isinstance(passed, _Refused):
            return passed
    return (yield OwnSearch(body, params, index))


@dataclass(frozen=True)
class _Refused:
    """The cluster's answer to a retriever that it does not run: an error, or a response if that status is ignored."""

    refusal: Any

    def answer(self) -> Any:
        if isinstance(self.refusal, ApiError):
            raise self.refusal
        return self.refusal


def _passed(body: Any) -> CallFlow:
    """Pass a call on, and return its answer, or `_Refused`."""
    try:
        answer = yield Pass(body)
    except ApiError as error:
        if not _is_refused(error.meta.status, error.body):
            raise
        return _Refused(error)
    return _Refused(answer) if _is_refused(answer.meta.status, answer.body) else answer


_UNKNOWN_RETRIEVER = (
    "unknown retriever",
    "Unknown key for a START_OBJECT in [retriever]",
    "Unknown key for a START_OBJECT in [rank]",
    "unknown named object category [org.elasticsearch.search.rank.RankBuilder]",
)


def _is_refused(status: int, body: Any) -> bool:
    """True if a retriever was not run because of the licence or a missing module."""
    error = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return False
    kind, reason = error.get("type"), str(error.get("reason"))
    is_unknown = any(words in reason for words in _UNKNOWN_RETRIEVER)
    return (status, kind) == (403, "security_exception") or (status == 400 and is_unknown)


def _failed(body: Any, status: int) -> dict[str, Any]:
    return {"error": body.get("error") if isinstance(body, Mapping) else str(body), "status": status}


def _failed_here(error: Exception) -> dict[str, Any]:
    """Return the answer of a line that failed in this process, with the status that the cluster would give it.

    The text of an error is only in the log, unless it is about the line itself.
    """
    is_request = isinstance(error, RequestError | EncoderMismatchError)
    kind = "illegal_argument_exception" if is_request else _snake_case(type(error).__name__)
    status = 400 if is_request else 503 if isinstance(error, TransportError) else 500
    failure = Degradation(DegradationCode.LINE_FAILED, "a line of msearch failed", _LOGGER, error)
    if not is_request:
        DEGRADATIONS.record(failure)
    cause = {"type": kind, "reason": str(error) if is_request else failure.sentence}
    return _failed({"error": {"root_cause": [cause], **cause}}, status)


def _took(body: Mapping[str, Any]) -> int:
    took = body.get("took")
    return took if isinstance(took, int) else 0


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _response(body: dict[str, Any], meta: ApiResponseMeta | None) -> ObjectApiResponse[Any]:
    assert meta is not None
    return ObjectApiResponse(body=body, meta=replace(meta, status=200))
