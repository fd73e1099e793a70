"""Exports a model for a backend on first use, and opens what was exported."""

from __future__ import annotations

import importlib.metadata
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from connector.errors import ConnectorError, ModelError
from connector.models.backends.artefacts import (
    TOKENIZER,
    Manifest,
    build_once,
    model_folder,
    read_manifest,
    read_tables,
    read_tokenizer,
    source_fingerprint,
    write_tables,
    write_tokenizer,
)
from connector.models.backends.registry import Backend, exported_backend, is_int8
from connector.models.folders import ModelFolder
from connector.models.session import Arrays, Opened, Session

if TYPE_CHECKING:
    from connector.models.network.networks import Loaded

_ROWS, _TOKENS = 5, 24
_LARGEST_DIFFERENCE = 1e-3
_LIBRARIES = ("torch", "transformers", "onnx", "onnxruntime", "openvino", "nncf")


def artefact_folder(found: ModelFolder, backend: str) -> Path:
    """Return the folder of a model exported for a backend."""
    return model_folder(found) / backend


def build(found: ModelFolder, backend: str, load: Callable[[], Loaded]) -> Path:
    """Return the folder of a model exported for a backend; it is exported now if it is missing or damaged.

    Args:
        found: the model.
        backend: the backend's name.
        load: returns the model in torch, in float32 on the CPU; called only if it must be exported.

    Raises:
        ModelError: the backend isn't installed, or can't run the model.
    """
    runner = exported_backend(backend)
    return build_once(artefact_folder(found, backend), lambda folder: _export(found, backend, runner, load(), folder))


def open_artefact(folder: Path, backend: str) -> Opened:
    """Return an exported model with a session for each network.

    Raises:
        ModelError: it can't be opened.
    """
    runner = exported_backend(backend)
    manifest = read_manifest(folder)
    if manifest is None:
        raise ModelError(f"{folder} is not an exported model; delete it to export again")
    try:
        sessions = {name: runner.open(folder / f"{name}{runner.suffix}") for name in manifest.networks}
    except (RuntimeError, ValueError, OSError) as error:
        raise ModelError(f"{backend} can't open {folder}: {error}; delete the folder to export again") from error
    return Opened(read_tokenizer(folder / TOKENIZER, manifest), sessions, read_tables(folder), manifest.vectors)


def _export(found: ModelFolder, name: str, backend: Backend, loaded: Loaded, folder: Path) -> Manifest:
    from connector.models.network.export import example_inputs, width_of, write_graphs
    from connector.models.network.torch_session import TorchSession

    scratch = Path(tempfile.mkdtemp(prefix=".graphs-", dir=folder))
    try:
        for network, graph in write_graphs(loaded, scratch).items():
            inputs = example_inputs(loaded.inputs[network], width_of(loaded.networks[network]), _ROWS, _TOKENS)
            example = {key: value.numpy() for key, value in inputs.items()}
            target = folder / f"{network}{backend.suffix}"
            backend.prepare(graph, target, example)
            exported = backend.open(target)
            if is_int8(name):
                exported.run(example)  # it must run; the gate measures what the rounding costs
            else:
                _check_same(TorchSession(loaded.networks[network], loaded.inputs[network]), exported, example)
    except ConnectorError:
        raise
    except Exception as error:  # whatever a backend's libraries raise on a graph they can't run
        raise ModelError(f"{found.name!r} can't be exported for {name}: {error}; backend 'torch' runs it") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    write_tokenizer(loaded.tokenizer, folder)
    if loaded.token_tables is not None:
        write_tables(loaded.token_tables, folder)
    return Manifest(
        name=found.name,
        source=source_fingerprint(found),
        backend=name,
        networks=dict(loaded.inputs),
        pads=dict(loaded.tokenizer.pads),
        max_tokens=loaded.tokenizer.max_tokens,
        made_with=_versions(),
        vectors=loaded.vectors,
    )


def _check_same(torch: Session, exported: Session, example: Arrays) -> None:
    """Check that an exported network in float32 computes what torch does.

    Raises:
        ValueError: it doesn't.
    """
    expected, found = torch.run(example), exported.run(example)
    difference = float(np.abs((expected - found)[_is_not_padding(example, expected)]).max())
    if not difference <= _LARGEST_DIFFERENCE * max(1.0, float(np.abs(expected).max())):
        raise ValueError(f"its results differ from torch's by {difference:.2g} on the same input")


def _is_not_padding(example: Arrays, output: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where an output has a meaning: everywhere, or where its tokens are not padding."""
    if output.ndim < 3:
        return np.ones(output.shape, dtype=bool)
    return np.broadcast_to(example["attention_mask"][..., None] > 0, output.shape)


def _versions() -> dict[str, str]:
    versions: dict[str, Any] = {}
    for name in _LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
