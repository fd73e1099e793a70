"""Opens a model in one backend: torch's own network, or what was exported from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from connector.errors import ModelError
from connector.models.backends.artefacts import read_manifest
from connector.models.backends.building import build, open_artefact
from connector.models.backends.registry import TORCH
from connector.models.encoder import Encoder, SessionEncoder
from connector.models.fingerprint import Fingerprint
from connector.models.folders import ModelFolder
from connector.models.once import shared
from connector.models.reranker import Reranker, reranker_from

if TYPE_CHECKING:
    from connector.models.network.networks import Loaded

Model = TypeVar("Model")


def open_encoder(found: ModelFolder, backend: str, device: str | None) -> Encoder:
    """Return the encoder in a folder, opened in a backend; it is exported first if need be.

    Raises:
        ModelError: it can't be loaded, exported or opened.
    """
    if backend == TORCH:
        from connector.models.network.encoder import load

        return load(found, device)
    folder = build_encoder(found, backend)
    manifest = read_manifest(folder)
    if manifest is None or manifest.vectors is None:
        raise ModelError(f"{folder} is not an exported encoder; delete it to export again")
    return SessionEncoder(open_artefact(folder, backend), Fingerprint.from_meta(manifest.vectors))


def open_reranker(found: ModelFolder, backend: str, device: str | None) -> Reranker:
    """Return the reranker in a folder, opened in a backend; it is exported first if need be.

    Raises:
        ModelError: it can't be loaded, exported or opened.
    """
    if backend == TORCH:
        from connector.models.network.reranker import load
        from connector.models.network.torch_session import open_sessions

        opened = open_sessions(load(found, device))
    else:
        opened = open_artefact(build_reranker(found, backend), backend)
    return reranker_from(opened, name=found.name, source=str(found.folder))


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


def open_once(
    open_model: Callable[[ModelFolder, str, str | None], Model], found: ModelFolder, backend: str, device: str | None
) -> Model:
    """Open a model with `open_encoder` or `open_reranker`, once in this process for each model, backend and device."""
    key = (open_model, found, found.revision, backend, device)
    return shared(key, lambda: open_model(found, backend, device))
