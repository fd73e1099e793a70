"""What a search needs from the outside, and the drivers that perform it. No I/O here.

A flow yields a need and is sent the answer; `run` drives it in sync code, `arun` in async code, and `translate` inside
another flow.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from connector.models.encoder import Fingerprint
from connector.models.stopping import Stop


@dataclass(frozen=True)
class MultiSearch:
    """One `_msearch` round trip. The answer: a response for each search, in order, none of them an error."""

    headers: Sequence[Mapping[str, Any]]
    bodies: Sequence[Mapping[str, Any]]
    url_options: Mapping[str, Any]


@dataclass(frozen=True)
class ReadMappings:
    """The mappings of an index expression (None: all indices). The answer: by index; {} if they can't be read."""

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
    """The answer to `Embed`: the query vector, and the encoder it comes from."""

    fingerprint: Fingerprint
    vector: Sequence[float]


@dataclass(frozen=True)
class Score:
    """The reranker's raw scores of (query, passage) pairs. The answer: `Scored`.

    `model_id` None means the client's own reranker. The passages come best first; those that are not read before
    `stop` have no score.
    """

    query: str
    passages: Sequence[str]
    model_id: str | None
    stop: Stop = field(default_factory=Stop, compare=False)


class Scored(NamedTuple):
    """The answer to `Score`.

    Attributes:
        model: the reranker's name.
        scores: float32 (n,).
        read: which passages were read, bool (n,); None: all. The scores of the others mean nothing.
        predicted_ms: how many milliseconds all passages were predicted to take; None if nobody can say.
        took_ms: how many milliseconds the reading took.
        stages: how many passages each stage of a cascade has read, by its name.
        cache_hits: how many of the scores were known already.
    """

    model: str
    scores: Any
    read: NDArray[np.bool_] | None = None
    predicted_ms: float | None = None
    took_ms: float = 0.0
    stages: Mapping[str, int] = MappingProxyType({})
    cache_hits: int = 0


@dataclass(frozen=True)
class Shorten:
    """Cut the texts of some fields to their shares of the tokens that the reranker reads in addition to the query.

    The answer: the sources with texts that are short enough; unchanged if the reranker's limit is unknown.
    `model_id` None means the client's own reranker.
    """

    query: str
    sources: Sequence[Mapping[str, Any]]
    fields: Sequence[str]
    shares: Mapping[str, float]
    model_id: str | None
    stop: Stop = field(default_factory=Stop, compare=False)


@dataclass(frozen=True)
class Compute:
    """Work that may take long enough to block an event loop. The answer: what the function returns.

    `stop` is cancelled if nobody waits for it any more.
    """

    work: Callable[[], Any]
    stop: Stop = field(default_factory=Stop, compare=False)


Need: TypeAlias = MultiSearch | ReadMappings | Embed | Score | Shorten | Compute
NeedT = TypeVar("NeedT")
LowerT = TypeVar("LowerT")
Answer = TypeVar("Answer")
Flow: TypeAlias = Generator[Need, Any, Answer]


def run(flow: Generator[NeedT, Any, Answer], perform: Callable[[NeedT], Any]) -> Answer:
    """Drive a flow to its end; a failure is thrown into the flow, which decides what it means."""
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
    finally:
        flow.close()


async def arun(flow: Generator[NeedT, Any, Answer], perform: Callable[[NeedT], Awaitable[Any]]) -> Answer:
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
    finally:
        flow.close()


def translate(
    flow: Generator[NeedT, Any, Answer], perform: Callable[[NeedT], Generator[LowerT, Any, Any]]
) -> Generator[LowerT, Any, Answer]:
    """Drive a flow to its end, performing each need by a flow of other needs: see `run`."""
    try:
        need = next(flow)
        while True:
            try:
                answer = yield from perform(need)
            except Exception as error:
                need = flow.throw(error)
            else:
                need = flow.send(answer)
    except StopIteration as end:
        found: Answer = end.value
        return found
