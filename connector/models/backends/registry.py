"""The backends by name: what each needs, and how one is found. A new backend is one line here."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Protocol

from connector.errors import ModelError, RequestError
from connector.models.session import Arrays, Session

TORCH, AUTO = "torch", "auto"
_EXPORTED = {
    "onnx": ("connector.models.backends.onnx", "OnnxBackend"),
    "onnx-int8": ("connector.models.backends.onnx", "OnnxInt8Backend"),
    "openvino": ("connector.models.backends.openvino", "OpenVinoBackend"),
    "openvino-int8": ("connector.models.backends.openvino", "OpenVinoInt8Backend"),
}
BACKENDS = (TORCH, *_EXPORTED)
"""What computes a model, each by the name that it is asked for."""


class Backend(Protocol):
    """Something that runs exported graphs. `requires` are the modules it needs, `suffix` is its files'."""

    requires: tuple[str, ...]
    suffix: str

    def prepare(self, graph: Path, target: Path, example: Arrays) -> None:
        """Write an ONNX graph, float32 with free batch and length, in the form that `open` reads.

        Args:
            example: inputs to try the result on, of another shape than the export saw.
        """

    def open(self, path: Path) -> Session:
        """Return a session on what `prepare` wrote."""


def check_backend(name: str | None, device: str | None) -> None:
    """Check that there is such a backend, and that it computes on the device.

    Raises:
        RequestError: it isn't so.
    """
    if name is not None and name not in (*BACKENDS, AUTO):
        raise RequestError("backend", name, f"must be one of {', '.join(map(repr, (*BACKENDS, AUTO)))}")
    if name not in (None, TORCH) and device not in (None, "cpu"):
        raise RequestError("device", device, f"must be 'cpu' for backend {name!r}; only 'torch' takes another")


def exported_backend(name: str) -> Backend:
    """Return one of the backends that run exported graphs. Raises: ModelError: what it needs isn't installed."""
    module, kind = _EXPORTED[name]
    backend: Backend = getattr(importlib.import_module(module), kind)()
    if missing := _missing(backend):
        extra = name.partition("-")[0]
        raise ModelError(
            f"backend {name!r} needs {', '.join(missing)}: pip install 'hybrid-connector[{extra}]', or take 'torch'"
        )
    return backend


def installed() -> list[str]:
    """Return the names of the backends that can be used here, torch first."""
    found = [TORCH]
    for name, (module, kind) in _EXPORTED.items():
        if not _missing(getattr(importlib.import_module(module), kind)):
            found.append(name)
    return found


def is_int8(name: str) -> bool:
    """True if a backend rounds weights, so that a gate stands before it."""
    return name.endswith("-int8")


def _missing(backend: Backend) -> list[str]:
    return [module for module in backend.requires if importlib.util.find_spec(module) is None]
