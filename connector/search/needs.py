"""What a flow asks of the world outside, and the two drivers that perform it. No I/O here.

A flow yields a need and is sent the answer; `run` drives it in sync code, `arun` in async code.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from connector.models.encoder import Fingerprint


@dataclass(frozen=True)
class MultiSearch:
    """One `_msearch` round trip. The answer: a response for each search, in order, none of them an error."""

    headers: Sequence[Mapping[str, Any]]
    bodies: Sequence[Mapping[str, Any]]
    url_options: Mapping[str, Any]


@dataclass(frozen=True)
class ReadMappings:
    """The mappings of an index expression (None: all indices). The answer: by index; {} when they can't be read."""

    index: str | None


@dataclass(frozen=True)
class Embed:
    """The query vector of a text. The answer: `Embedded`.

    `model_id` None means the client's own encoder.
    """

    text: str
    model_id: str | None


@dataclass(frozen=True)
class Embedded:
    """What `Embed` is answered with: the query vector, and the encoder it comes from."""

    fingerprint: Fingerprint
    vector: Sequence[float]


@dataclass(frozen=True)
class Score:
    """The reranker's raw scores of (query, passage) pairs. The answer: the model's name, float32 (n,).

    `model_id` None means the client's own reranker.
    """

    query: str
    passages: Sequence[str]
    model_id: str | None


@dataclass(frozen=True)
class Shorten:
    """Cut the texts of some fields to their shares of the tokens that the reranker reads beside the query.

    The answer: the sources, with texts as long as they may be; unchanged where the reranker's limit is not known.
    `model_id` None means the client's own reranker.
    """

    query: str
    sources: Sequence[Mapping[str, Any]]
    fields: Sequence[str]
    shares: Mapping[str, float]
    model_id: str | None


@dataclass(frozen=True)
class Compute:
    """Work that may take long enough to block an event loop. The answer: what the function returns."""

    work: Callable[[], Any]


Need: TypeAlias = MultiSearch | ReadMappings | Embed | Score | Shorten | Compute
Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
Flow: TypeAlias = Generator[Need, Any, Answer]


def run(flow: Generator[Asked, Any, Answer], perform: Callable[[Asked], Any]) -> Answer:
    """Drive a flow to its end; what fails is thrown into the flow, which decides what that means."""
    try:
        need = next(flow)
        while True:
            try:
                answer = perform(need)
            except Exception as error:
                need = flow.throw(error)
            else:
                need = flow.send(answer)
    except StopIteration as end:
        found: Answer = end.value
        return found


async def arun(flow: Generator[Asked, Any, Answer], perform: Callable[[Asked], Awaitable[Any]]) -> Answer:
    """Drive a flow to its end, awaiting each need: see `run`."""
    try:
        need = next(flow)
        while True:
            try:
                answer = await perform(need)
            except Exception as error:
                need = flow.throw(error)
            else:
                need = flow.send(answer)
    except StopIteration as end:
        found: Answer = end.value
        return found
