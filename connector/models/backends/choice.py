"""`backend="auto"`: what is installed is timed for a second each, once a machine, and remembered."""

from __future__ import annotations

import json
import logging
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from connector.errors import ModelError
from connector.models.backends.artefacts import model_folder
from connector.models.backends.processor import processor
from connector.models.backends.registry import TORCH, installed
from connector.models.folders import ModelFolder
from connector.models.lanes import cores

T = TypeVar("T")
_LOG = logging.getLogger(__name__)
_FILE = "choice.json"
_SECONDS = 1.0


@dataclass(frozen=True)
class Timed:
    """What a backend did on this machine: `rate` in texts or pairs a second; `refused` says why it is not taken."""

    rate: float
    refused: str | None = None


@dataclass(frozen=True)
class Choice:
    """The backend taken on a machine, and what was tried."""

    backend: str
    tried: Mapping[str, Timed]


def remembered(found: ModelFolder, folder: Path | None = None) -> Choice | None:
    """Return what was chosen for a model on this machine; None where nothing was, or it isn't installed any more."""
    kept = _read((folder or model_folder(found)) / _FILE).get(_machine())
    return kept if kept is not None and kept.backend in installed() else None


def chosen(found: ModelFolder, attempt: Callable[[str], Callable[[], int]], *, again: bool = False) -> Choice:
    """Return the fastest backend for a model on this machine, timed now where that is not remembered, or `again`.

    Args:
        attempt: opens the model in a backend, and returns what computes a sample and gives its size; it raises a
            ModelError where the backend is not to be taken.
    """
    folder = model_folder(found)
    if not again and (known := remembered(found, folder)) is not None:
        return known
    tried = {name: _timed(name, attempt) for name in installed()}
    for name, timed in tried.items():
        _LOG.info("%s, %s: %s", found.name, name, timed.refused or f"{timed.rate:.0f} a second")
    backend = max(tried, key=lambda name: (tried[name].refused is None, tried[name].rate))
    choice = Choice(backend if tried[backend].refused is None else TORCH, tried)
    _write(folder / _FILE, choice)
    return choice


def or_torch(backend: str, load: Callable[[str], T]) -> T:
    """Load a model in the backend that was remembered, or, with a warning, in torch where that can't be any more."""
    if backend == TORCH:
        return load(TORCH)
    try:
        return load(backend)
    except ModelError as error:
        warnings.warn(
            f"backend {backend!r}, chosen before, can't be used: {error}. Torch is taken; "
            "`connector models build` chooses again",
            stacklevel=3,
        )
        return load(TORCH)


def _timed(name: str, attempt: Callable[[str], Callable[[], int]]) -> Timed:
    try:
        run = attempt(name)
        run()
        count, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < _SECONDS:
            count += run()
    except ModelError as error:
        return Timed(0.0, " ".join(str(error).split()))
    return Timed(count / elapsed)


def _machine() -> str:
    return f"{processor()}, {cores()} cores"


def _read(path: Path) -> dict[str, Choice]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {
            machine: Choice(each["backend"], {name: Timed(**timed) for name, timed in each["tried"].items()})
            for machine, each in found.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _write(path: Path, choice: Choice) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    every = {**_read(path), _machine(): choice}
    text = json.dumps(
        {
            machine: {"backend": each.backend, "tried": {name: vars(timed) for name, timed in each.tried.items()}}
            for machine, each in every.items()
        },
        indent=2,
    )
    descriptor, partial = tempfile.mkstemp(prefix=".choice-", dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    Path(partial).replace(path)
