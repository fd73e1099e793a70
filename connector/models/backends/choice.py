"""Which backend runs a model on this machine: each installed one is timed for a second, and the fastest remembered."""

from __future__ import annotations

import json
import logging
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from connector.atomic_files import replacing
from connector.errors import ModelError
from connector.models.backends.artefacts import model_folder
from connector.models.backends.processor import has_gpu, processor
from connector.models.backends.registry import TORCH, installed
from connector.models.backends.shipped import SHIPPED_BACKEND, shipped_folder
from connector.models.compute_pool import cores
from connector.models.folders import ModelFolder

T = TypeVar("T")
_LOG = logging.getLogger(__name__)
_FILE = "choice.json"
_SECONDS = 1.0


@dataclass(frozen=True)
class Timed:
    """A backend's speed on this machine: `rate` in texts or pairs per second; `refused` is why it can't be chosen."""

    rate: float
    refused: str | None = None


@dataclass(frozen=True)
class Choice:
    """The backend chosen on a machine, and all that were tried."""

    backend: str
    tried: Mapping[str, Timed]


def chosen_before(found: ModelFolder) -> Choice | None:
    """Return what was chosen for a model on this machine; None if nothing was, or it is no longer installed."""
    choice = _read(model_folder(found) / _FILE).get(this_machine())
    return choice if choice is not None and choice.backend in backends_for(found) else None


def backends_for(found: ModelFolder) -> list[str]:
    """Return the names of the backends that can run a model, torch first: those installed, and the one it ships for."""
    shipped = [SHIPPED_BACKEND] if shipped_folder(found) is not None else []
    return list(dict.fromkeys([*installed(), *shipped]))


def choose(found: ModelFolder, attempt: Callable[[str], Callable[[], int]], *, again: bool = False) -> Choice:
    """Return the fastest backend for a model on this machine; it is timed once, and then remembered.

    Args:
        found: the model.
        attempt: opens the model in a backend, and returns a function that computes a sample and returns its size;
            raises a ModelError if the backend can't be chosen.
        again: time the backends even if a choice is remembered.
    """
    if not again and (known := chosen_before(found)) is not None:
        return known
    tried = {name: _timed(name, attempt) for name in backends_for(found)}
    for name, timed in tried.items():
        _LOG.info("%s, %s: %s", found.name, name, timed.refused or f"{timed.rate:.0f} per second")
    backend = max(tried, key=lambda name: (tried[name].refused is None, tried[name].rate))
    choice = Choice(backend if tried[backend].refused is None else TORCH, tried)
    _remember(model_folder(found) / _FILE, choice)
    return choice


def backend_for(found: ModelFolder, backend: str | None, device: str | None) -> str:
    """Return the backend that runs a model.

    It is the requested one; else the one chosen before on this machine; else the one that a bundled model ships for,
    unless torch would run it on a GPU; else torch.

    Args:
        found: the model.
        backend: the requested backend's name, if any.
        device: as torch names it; None and "cpu" allow every backend.
    """
    if backend is not None:
        return backend
    if device not in (None, "cpu"):
        return TORCH
    known = chosen_before(found)
    if known is not None:
        return known.backend
    runs_on_gpu = device is None and has_gpu() and find_spec("torch") is not None
    return TORCH if runs_on_gpu or shipped_folder(found) is None else SHIPPED_BACKEND


def or_torch(backend: str, load: Callable[[str], T]) -> T:
    """Load a model in a backend that nobody requested; if it can't run the model, warn and load it in torch."""
    if backend == TORCH:
        return load(TORCH)
    try:
        return load(backend)
    except ModelError as error:
        warnings.warn(
            f"backend {backend!r} can't be used: {error}. Using torch; `connector models build` chooses again",
            stacklevel=4,
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


def this_machine() -> str:
    """Return what a measurement depends on: the processor, and how many cores may be used."""
    return f"{processor()}, {cores()} cores"


def _read(path: Path) -> dict[str, Choice]:
    """Return the choices in a file by machine; {} if there is no such file, or it can't be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {
            machine: Choice(each["backend"], {name: Timed(**timed) for name, timed in each["tried"].items()})
            for machine, each in found.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _remember(path: Path, choice: Choice) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    choices = {**_read(path), this_machine(): choice}
    text = json.dumps({machine: asdict(each) for machine, each in choices.items()}, indent=2)
    with replacing(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")
