"""What was exported for a backend, kept on disk: made once, whole or not at all, checked when opened.

A folder a model and backend, under `$CONNECTOR_CACHE` (else the user's cache folder): `manifest.json` with each file's
SHA-256, the tokenizer, a graph a network, and what the quality gate measured. Its name holds the source's fingerprint,
so that other weights, another tokenizer or another limit is another folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from platformdirs import user_cache_path

from connector.errors import ModelError
from connector.models.folders import ModelFolder
from connector.models.tokenizing import TextTokenizer

FORMAT = 3
"""Of the export: raised whenever the same source would be exported to something else."""
MANIFEST, TOKENIZER, GATE, RECALL = "manifest.json", "tokenizer.json", "gate.json", "recall.json"
_SMALL_FILES = ("*.json", "*.txt", "*.model")
_LOCK_S = 900


@dataclass(frozen=True)
class Manifest:
    """What `manifest.json` says.

    `networks` are the graphs' inputs by network, `pads` the tokenizer's, `made_with` the libraries' versions,
    `vectors` an encoder's own fingerprint, `files` each file's SHA-256.
    """

    name: str
    source: str
    backend: str
    networks: Mapping[str, tuple[str, ...]]
    pads: Mapping[str, int]
    max_tokens: int
    made_with: Mapping[str, str]
    vectors: Mapping[str, Any] | None = None
    files: Mapping[str, str] | None = None


def cache_folder() -> Path:
    """Return where exported models are kept: `$CONNECTOR_CACHE`, else a folder of the user's cache."""
    if own := os.environ.get("CONNECTOR_CACHE"):
        return Path(own).expanduser()
    return user_cache_path("hybrid-connector", appauthor=False)


def source_fingerprint(found: ModelFolder) -> str:
    """Return 16 hex digits for a source: its weights, its configuration and tokenizer, and the export's format."""
    digest = hashlib.sha256(f"{FORMAT} {found.revision}".encode())
    paths = {path for pattern in _SMALL_FILES for path in found.folder.rglob(pattern)}
    for path in sorted(paths):
        digest.update(f"\0{path.relative_to(found.folder).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def model_folder(found: ModelFolder) -> Path:
    """Return where everything exported from a source lies."""
    safe = re.sub(r"[^\w.-]+", "--", found.name)
    return cache_folder() / "models" / f"{safe}-{source_fingerprint(found)}"


def kept(folder: Path) -> bool:
    """True if a whole artefact lies in a folder, as it was written."""
    manifest = read_manifest(folder)
    if manifest is None or not manifest.files:
        return False
    return all(
        (folder / name).is_file() and sha256_of(folder / name) == wanted for name, wanted in manifest.files.items()
    )


def made(folder: Path, make: Callable[[Path], Manifest]) -> Path:
    """Return the folder with its artefact, which is made now if it isn't there or isn't as it was written.

    One process makes it, others wait; what was cut off half way is not seen by anyone.

    Args:
        make: fills an empty folder, and returns what to write in its manifest.

    Raises:
        ModelError: another process has been at it for 15 minutes, or the disk can't be written. What `make` raised.
    """
    if kept(folder):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f"{folder.name}.lock"), timeout=_LOCK_S):
            if not kept(folder):
                _make_whole(folder, make)
    except Timeout as error:
        raise ModelError(
            f"{folder}: another process has been making it for {_LOCK_S // 60} minutes; end it, or delete "
            f"{error.lock_file}"
        ) from error
    except OSError as error:
        raise ModelError(f"{folder} can't be written: {error}; name another folder in CONNECTOR_CACHE") from error
    return folder


def _make_whole(folder: Path, make: Callable[[Path], Manifest]) -> None:
    for cut_off in folder.parent.glob(f".{folder.name}-*"):  # by whoever held the lock before, and was killed
        shutil.rmtree(cut_off, ignore_errors=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        manifest = make(partial)
        files = {path.name: sha256_of(path) for path in sorted(partial.iterdir())}
        text = json.dumps({**asdict(manifest), "files": files}, indent=2)
        (partial / MANIFEST).write_text(text + "\n", encoding="utf-8")
        partial.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def read_manifest(folder: Path) -> Manifest | None:
    """Return what a folder's manifest says; None where there is none that can be read."""
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        networks = {name: tuple(inputs) for name, inputs in found.pop("networks").items()}
        return Manifest(**found, networks=networks)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def all_kept() -> Iterator[tuple[Path, Manifest]]:
    """Yield each artefact of the cache with its manifest, whichever model it is of."""
    for path in sorted((cache_folder() / "models").glob(f"*/*/{MANIFEST}")):
        manifest = read_manifest(path.parent)
        if manifest is not None and not path.parent.name.startswith("."):
            yield path.parent, manifest


def write_tokenizer(tokenizer: TextTokenizer, folder: Path) -> None:
    """Write a tokenizer as `read_tokenizer` reads it."""
    tokenizer.tokenizer.save(str(folder / TOKENIZER))


def read_tokenizer(folder: Path, manifest: Manifest) -> TextTokenizer:
    """Return the tokenizer of an artefact."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    return TextTokenizer(tokenizer, tuple(manifest.pads), dict(manifest.pads), manifest.max_tokens)


def write_array(folder: Path, name: str, array: NDArray[Any] | None) -> None:
    """Write an array as `read_array` reads it; None is no file."""
    if array is not None:
        np.save(folder / f"{name}.npy", array)


def read_array(folder: Path, name: str) -> NDArray[Any] | None:
    """Return an array of an artefact, read from disk as it is used; None where it has none of the name."""
    path = folder / f"{name}.npy"
    return np.load(path, mmap_mode="r") if path.is_file() else None


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
