"""What may go into a model, and what must come out; every encoder and reranker checks with these."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import ArrayLike, NDArray

from connector.errors import ConnectorError, ModelError, ModelOutputError, RequestError, error_text

_CONVERTED_KINDS = "biufOU"
"""The kinds of NumPy's dtypes that become floats without losing a part; objects and texts are converted one by one."""


def checked_text(text: object, path: str) -> str:
    """Return a text that every tokenizer takes: a lone surrogate, which is no Unicode text, becomes U+FFFD.

    Raises:
        RequestError: it is no string.
    """
    if not isinstance(text, str):
        raise RequestError(path, text, f"must be a string, not {type(text).__name__}")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def checked_texts(texts: object, path: str) -> list[str]:
    """Return the texts as a list that every tokenizer takes. Raises: RequestError: they are no list of strings."""
    if isinstance(texts, (str, bytes)) or not isinstance(texts, Iterable):
        raise RequestError(path, texts, "must be a list of strings; for one text give a list of one")
    return [checked_text(text, f"{path}[{position}]") for position, text in enumerate(texts)]


def each_once(texts: Sequence[str]) -> tuple[list[str], NDArray[np.intp]]:
    """Return the different texts in their order, and for each text its place among them.

    What is computed of the former, taken at the latter, is equal for equal texts, and is computed once.
    """
    places: dict[str, int] = {}
    at = np.array([places.setdefault(text, len(places)) for text in texts], dtype=np.intp)
    return list(places), at


def checked_scores(scores: ArrayLike, count: int, name: str) -> NDArray[np.float32]:
    """Return a reranker's scores as float32 (count,). Raises: ModelOutputError: another shape, or one isn't finite."""
    array = _floats(scores, name)
    if array.shape != (count,):
        raise ModelOutputError(
            f"reranker {name!r} gave scores of shape {array.shape} for {count} passages, must be ({count},)"
        )
    for position in np.flatnonzero(~np.isfinite(array))[:1]:
        raise ModelOutputError(
            f"reranker {name!r} gave {array[position]} for passage {position}: scores must be finite"
        )
    return array


def unit_rows(vectors: ArrayLike, count: int, name: str) -> NDArray[np.float32]:
    """Return an encoder's vectors as float32 (count, dims), each divided by its length.

    Raises:
        ModelOutputError: another shape, a value that isn't finite, or a vector of length 0, which has no direction.
    """
    array = _floats(vectors, name)
    if array.ndim != 2 or array.shape[0] != count or array.shape[1] == 0:
        raise ModelOutputError(
            f"encoder {name!r} gave an array of shape {array.shape} for {count} texts, must be ({count}, dims)"
        )
    lengths = np.linalg.norm(array.astype(np.float64), axis=1)
    for position in np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))[:1]:
        raise ModelOutputError(
            f"encoder {name!r} gave a vector of length {lengths[position]} for text {position}: "
            "it must be finite and not 0, as cosine similarity needs a direction"
        )
    unit: NDArray[np.float32] = (array / lengths[:, None]).astype(np.float32)
    return unit


@contextmanager
def own_errors(what: str) -> Iterator[None]:
    """Turn whatever a user's function or object raises into a ModelError, but for KeyboardInterrupt.

    Args:
        what: what runs, as `reranker 'rank'`.
    """
    try:
        yield
    except (ConnectorError, KeyboardInterrupt):
        raise
    except BaseException as error:  # an exit or a cancellation that a model raises is a failure of the model
        raise ModelError(f"{what} raised {error_text(error)}") from error


def _floats(values: ArrayLike, name: str) -> NDArray[np.float32]:
    """Return numbers as float32; what NumPy would convert by dropping a part is refused."""
    if inspect.iscoroutine(values):
        values.close()
        raise ModelOutputError(f"{name!r} is async and gave a coroutine; give a function that waits for it")
    try:
        array = np.asarray(values)
        is_partial = array.dtype.kind not in _CONVERTED_KINDS or np.ma.is_masked(values)
        if is_partial or (array.dtype.kind == "O" and any(np.iscomplexobj(each) for each in array.flat)):
            raise TypeError(f"{array.dtype} values, or masked ones")
        with np.errstate(over="ignore"):  # what is too large becomes infinite, which the caller refuses
            return array.astype(np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise ModelOutputError(f"{name!r} gave {type(values).__name__}, must be an array of real numbers") from error
