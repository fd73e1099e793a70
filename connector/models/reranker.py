"""Cross-encoders: a query and its passages in, one raw logit per passage out.

Importing this module loads neither torch nor sentence-transformers; `connector.models.load` opens models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from connector.errors import ConnectorError, ModelError
from connector.models.batching import token_batcher
from connector.models.encoder import name_of
from connector.models.once import Once
from connector.models.pace import CHARACTERS_PER_TOKEN, Pace
from connector.models.readings import Reading
from connector.models.session import PAIRS, Opened, TokenTables
from connector.models.states import TwoHalves
from connector.models.static_match import StaticMatch
from connector.models.stopping import Stop
from connector.models.texts import checked_scores, checked_text, checked_texts, each_once, own_errors
from connector.models.token_budgets import shorten_fields
from connector.models.tokenizing import TextTokenizer, row_length


@runtime_checkable
class Reranker(Protocol):
    """A cross-encoder. `source` is the folder of its weights, "" if it has none.

    Examples:
        >>> from connector import Reranker, load_reranker
        >>> reranker: Reranker = load_reranker()
        >>> reranker.score("remove limescale", ["Descaling a kettle", "Sharpening a knife"]).shape
        (2,)
    """

    @property
    def name(self) -> str:
        """Its name in responses and errors."""

    @property
    def source(self) -> str:
        """The folder of its weights."""

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return a raw logit for each passage, float32 (n,), higher is better."""


class TokenizingReranker:
    """What every reranker does whose tokenizer is known; `_logits` computes the scores.

    Attributes:
        pace: how fast it reads at the moment.
        fingerprint: returns which weights in which backend compute its scores.
    """

    fingerprint: Callable[[], str]

    def __init__(self, tokenizer: TextTokenizer, *, name: str, source: str) -> None:
        self.name = name
        self.source = source
        self._tokenizer = tokenizer
        self.fingerprint = lambda: f"{self.source} {id(self)}"
        self.pace = Pace(CHARACTERS_PER_TOKEN * tokenizer.max_tokens)

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return a raw logit for each passage, float32 (n,), higher is better; (0,) for no passages.

        The query is read whole; a passage too long for the model is read at the window that best matches the query's
        terms.
        Equal passages have equal scores.
        An empty passage is scored like any other; whitespace yields no tokens; a lone surrogate counts as U+FFFD.

        Raises:
            RequestError: these are not strings, or the query leaves no room for a passage.
            ModelError: the model failed.
        """
        texts = checked_texts(passages, "passages")
        return checked_scores(self.read_until(query, texts, Stop()).scores, len(texts), self.name)

    def read_until(self, query: str, passages: Sequence[str], stop: Stop) -> Reading:
        """Score passages in their order until it is time to stop: see `Stoppable`; otherwise as `score`."""
        query, texts = checked_text(query, "query"), checked_texts(passages, "passages")
        once, places = each_once(texts)
        predicted_s = self.pace.predict_s(self.pace.size(once))
        with _model_errors(self.name, len(once)):
            scores = self.pace.read(once, stop, lambda chunk: self._logits(query, list(chunk), stop))
        read = ~np.isnan(scores)
        checked_scores(scores[read], int(read.sum()), self.name)
        return Reading(scores[places], None if predicted_s is None else 1000 * predicted_s)

    def count_tokens(self, query: str, passages: Sequence[str]) -> list[int]:
        """Return how many tokens each pair has as it is read, special ones included."""
        rows = self._tokenizer.pairs(checked_text(query, "query"), checked_texts(passages, "passages"), self.name)
        return [row_length(row) for row in rows]

    def shorten(
        self, query: str, sources: Sequence[Mapping[str, Any]], fields: Sequence[str], shares: Mapping[str, float]
    ) -> list[dict[str, list[str]]]:
        """Cut fields' texts to their shares of the tokens that the query leaves: see `shorten_fields`."""
        room = self._tokenizer.room_for_passage(checked_text(query, "query"))
        return shorten_fields(self._tokenizer.tokenizer, max(room, 0), sources, fields, shares)

    def _logits(self, query: str, texts: list[str], stop: Stop) -> NDArray[np.float32]:
        """Return a raw logit for each text, NaN for one that was not read before `stop`."""
        raise NotImplementedError


class CrossEncoderReranker(TokenizingReranker):
    """A plain cross-encoder in any session; safe to use from many threads, which share batches."""

    def __init__(self, opened: Opened, *, name: str, source: str) -> None:
        super().__init__(opened.tokenizer, name=name, source=source)
        self._batcher = token_batcher(opened.sessions[PAIRS], opened.tokenizer)

    def _logits(self, query: str, texts: list[str], stop: Stop) -> NDArray[np.float32]:
        logits = self._batcher.run(self._tokenizer.pairs(query, texts, self.name), stop)
        return np.array([np.nan if logit is None else logit for logit in logits], dtype=np.float32)


class InteractionReranker(TokenizingReranker):
    """The bundled reranker's network in any session; like `CrossEncoderReranker`, and it caches what it has read.

    Args:
        opened: the model.
        tables: what the first stage of a cascade needs.
        name: its name in responses and errors.
        source: the folder of its weights.

    Attributes:
        halves: its two networks.
    """

    def __init__(self, opened: Opened, tables: Callable[[], TokenTables], *, name: str, source: str) -> None:
        super().__init__(opened.tokenizer, name=name, source=source)
        self.halves = TwoHalves(opened.tokenizer, opened.sessions)
        self._static = Once(lambda: StaticMatch(opened.tokenizer, *tables(), name=name))

    @property
    def static(self) -> StaticMatch:
        """Its tokens' embeddings alone, the first stage of a cascade."""
        return self._static.get()

    def _logits(self, query: str, texts: list[str], stop: Stop) -> NDArray[np.float32]:
        return self.halves.join(*self.halves.read(query, texts, self.name, stop), stop)

    def forget(self) -> None:
        """Forget the texts it has read."""
        self.halves.forget()


class CallableReranker:
    """Any function (query, passages) -> scores as a reranker; the scores' count and finiteness are checked.

    The function gets each different passage once.
    """

    def __init__(self, function: Callable[[str, list[str]], ArrayLike]) -> None:
        self.name = name_of(function)
        self.source = ""
        self._function = function

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return the function's scores as float32 (n,); it is not called for no passages.

        Raises:
            RequestError: these are not strings.
            ModelError: the function failed, or returned something other than scores.
        """
        query = checked_text(query, "query")
        texts = checked_texts(passages, "passages")
        if not texts:
            return np.empty(0, dtype=np.float32)
        once, places = each_once(texts)
        count = len(once)  # the function may change the list
        with own_errors(f"reranker {self.name!r}"):
            return checked_scores(self._function(query, once), count, self.name)[places]


def reranker_from(opened: Opened, *, name: str, source: str) -> CrossEncoderReranker | InteractionReranker:
    """Return the reranker that runs a model opened by a backend."""
    if opened.token_tables is None:
        return CrossEncoderReranker(opened, name=name, source=source)
    return InteractionReranker(opened, opened.token_tables, name=name, source=source)


@contextmanager
def _model_errors(name: str, count: int) -> Iterator[None]:
    """Turn what a session raises into a ModelError that names the reranker."""
    try:
        yield
    except ConnectorError:
        raise
    except Exception as error:  # whatever a library raises on texts it can't handle
        raise ModelError(f"reranker {name!r} failed on {count} pairs: {error}") from error
