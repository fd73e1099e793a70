"""Checks of what goes into a model and what comes out; every encoder and reranker uses them."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import ArrayLike, NDArray

from connector.errors import ConnectorError, ModelError, ModelOutputError, RequestError, error_text

_CONVERTED_KINDS = "biufOU"
"""The kinds of NumPy dtypes that convert to floats without loss; objects and texts are converted one by one."""


def checked_text(text: object, path: str) -> str:
    """Return a text that every tokenizer accepts: a lone surrogate, which is not valid Unicode, becomes U+FFFD.

    Raises:
        RequestError: it is not a string.
    """
    if not isinstance(text, str):
        raise RequestError(path, text, f"must be a string, not {type(text).__name__}")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def checked_texts(texts: object, path: str) -> list[str]:
    """Return the texts as a list that every tokenizer accepts.

    Raises:
        RequestError: they are not a list of strings.
    """
    if isinstance(texts, (str, bytes)) or not isinstance(texts, Iterable):
        raise RequestError(path, texts, "must be a list of strings; for one text pass a list of one")
    return [checked_text(text, f"{path}[{position}]") for position, text in enumerate(texts)]


def each_once(texts: Sequence[str]) -> tuple[list[str], NDArray[np.intp]]:
    """Return the different texts in their order, and each text's place among them.

    Results computed for the former and indexed by the latter are equal for equal texts, and computed once.
    """
    places: dict[str, int] = {}
    at = np.array([places.setdefault(text, len(places)) for text in texts], dtype=np.intp)
    return list(places), at


def checked_scores(scores: ArrayLike, count: int, name: str) -> NDArray[np.float32]:
    """Return a reranker's scores as float32 (count,).

    Raises:
        ModelOutputError: they have another shape, or one is not finite.
    """
    array = _floats(scores, name)
    if array.shape != (count,):
        raise ModelOutputError(
            f"reranker {name!r} returned scores of shape {array.shape} for {count} passages, must be ({count},)"
        )
    for position in np.flatnonzero(~np.isfinite(array))[:1]:
        raise ModelOutputError(
            f"reranker {name!r} returned {array[position]} for passage {position}: scores must be finite"
        )
    return array


def unit_rows(vectors: ArrayLike, count: int, name: str) -> NDArray[np.float32]:
    """Return an encoder's vectors as float32 (count, dims), each divided by its length.

    Raises:
        ModelOutputError: they have another shape, a value is not finite, or a vector has length 0 and so no direction.
    """
    array = _floats(vectors, name)
    if array.ndim != 2 or array.shape[0] != count or array.shape[1] == 0:
        raise ModelOutputError(
            f"encoder {name!r} returned an array of shape {array.shape} for {count} texts, must be ({count}, dims)"
        )
    lengths = np.linalg.norm(array.astype(np.float64), axis=1)
    for position in np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))[:1]:
        raise ModelOutputError(
            f"encoder {name!r} returned a vector of length {lengths[position]} for text {position}: "
            "it must be finite and not 0, because cosine similarity needs a direction"
        )
    unit: NDArray[np.float32] = (array / lengths[:, None]).astype(np.float32)
    return unit


@contextmanager
def own_errors(what: str) -> Iterator[None]:
    """Turn whatever a user's function or object raises, except KeyboardInterrupt, into a ModelError.

    Args:
        what: what runs, for the error, such as `reranker 'rank'`.
    """
    try:
        yield
    except (ConnectorError, KeyboardInterrupt):
        raise
    except BaseException as error:  # an exit or a cancellation raised by a model is a failure of the model
        raise ModelError(f"{what} raised {error_text(error)}") from error


def _floats(values: ArrayLike, name: str) -> NDArray[np.float32]:
    """Return numbers as float32; refuse values that NumPy would convert by dropping a part."""
    if inspect.iscoroutine(values):
        values.close()
        raise ModelOutputError(f"{name!r} is async and returned a coroutine; pass a function that waits for it")
    try:
        array = np.asarray(values)
        is_partial = array.dtype.kind not in _CONVERTED_KINDS or np.ma.is_masked(values)
        if is_partial or (array.dtype.kind == "O" and any(np.iscomplexobj(each) for each in array.flat)):
            raise TypeError(f"{array.dtype} values, or masked ones")
        with np.errstate(over="ignore"):  # a value that is too large becomes infinite, which the caller refuses
            return array.astype(np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise ModelOutputError(
            f"{name!r} returned {type(values).__name__}, must be an array of real numbers"
        ) from error
