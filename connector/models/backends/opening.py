"""Opens a model in one backend: torch's own network, or what was exported from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from connector.errors import ModelError
from connector.models.backends.building import artefact_folder, build, open_artefact
from connector.models.backends.costs import known_cost
from connector.models.backends.registry import TORCH
from connector.models.backends.shipped import SHIPPED_BACKEND, open_shipped, shipped_folder
from connector.models.encoder import Encoder, SessionEncoder
from connector.models.fingerprint import Fingerprint
from connector.models.folders import ModelFolder
from connector.models.once import shared
from connector.models.reranker import Reranker, reranker_from
from connector.models.session import Opened

if TYPE_CHECKING:
    from connector.models.network.networks import Loaded

Model = TypeVar("Model")


def open_encoder(found: ModelFolder, backend: str, device: str | None) -> Encoder:
    """Return the encoder in a folder, opened in a backend; it is exported first unless its graphs ship.

    Raises:
        ModelError: it can't be loaded, exported or opened.
    """
    if backend == TORCH:
        from connector.models.network.encoder import load

        return load(found, device)
    opened = _open_exported(found, backend, build_encoder)
    if opened.vectors is None:
        folder = artefact_folder(found, backend)
        raise ModelError(f"{folder} is not an exported encoder; delete it to export again")
    return SessionEncoder(opened, Fingerprint.from_meta(opened.vectors))


def open_reranker(found: ModelFolder, backend: str, device: str | None) -> Reranker:
    """Return the reranker in a folder, opened in a backend; it is exported first unless its graphs ship.

    Raises:
        ModelError: it can't be loaded, exported or opened.
    """
    if backend == TORCH:
        from connector.models.network.reranker import load
        from connector.models.network.torch_session import open_sessions

        opened = open_sessions(load(found, device))
    else:
        opened = _open_exported(found, backend, build_reranker)
    reranker = reranker_from(opened, name=found.name, source=str(found.folder))
    reranker.fingerprint = lambda: f"{found.revision} {backend}"
    cost = known_cost(found, backend)
    if cost is not None:
        reranker.pace.expect(cost)
    return reranker


def build_encoder(found: ModelFolder, backend: str) -> Path:
    """Return the folder of an encoder exported for a backend: see `building.build`."""

    def load_in_torch() -> Loaded:
        from connector.models.network.encoder import for_export, load

        return for_export(load(found, "cpu"))

    return build(found, backend, load_in_torch)


def build_reranker(found: ModelFolder, backend: str) -> Path:
    """Return the folder of a reranker exported for a backend: see `building.build`."""

    def load_in_torch() -> Loaded:
        from connector.models.network.reranker import load

        return load(found, "cpu")

    return build(found, backend, load_in_torch)


def _open_exported(found: ModelFolder, backend: str, build_model: Callable[[ModelFolder, str], Path]) -> Opened:
    """Return a model with its sessions, on the graphs that ship, or on those exported from it."""
    folder = shipped_folder(found) if backend == SHIPPED_BACKEND else None
    if folder is None:
        return open_artefact(build_model(found, backend), backend)
    try:
        return open_shipped(found, folder)
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelError(f"{backend} can't open {folder}: {error}; install hybrid-connector again") from error


def open_once(
    open_model: Callable[[ModelFolder, str, str | None], Model], found: ModelFolder, backend: str, device: str | None
) -> Model:
    """Open a model with `open_encoder` or `open_reranker`, once in this process for each model, backend and device."""
    key = (open_model, found, found.revision, backend, device)
    return shared(key, lambda: open_model(found, backend, device))
