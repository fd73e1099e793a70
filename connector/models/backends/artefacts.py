"""Models exported for a backend, on disk: each is built once, completely or not at all, and checked when opened.

There is one folder per model and backend, under `$CONNECTOR_CACHE` (else the user's cache folder).
It contains `manifest.json` with each file's SHA-256, the tokenizer, one graph per network, and the quality gate's
measurements.
Its name contains the source's fingerprint, so other weights, another tokenizer or another limit get another folder.
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
from platformdirs import user_cache_path

from connector.errors import ModelError
from connector.models.folders import ModelFolder, sha256_of
from connector.models.session import TokenTables
from connector.models.tokenizing import TextTokenizer

FORMAT = 4
"""The export's version: increased whenever the same source would be exported differently."""
MANIFEST, TOKENIZER = "manifest.json", "tokenizer.json"
_SMALL_FILES = ("*.json", "*.txt", "*.model")
_LOCK_S = 900


@dataclass(frozen=True)
class Manifest:
    """The content of `manifest.json`.

    `networks` are the graphs' inputs by network, `pads` the tokenizer's padding values, `made_with` the libraries'
    versions, `vectors` an encoder's fingerprint, `files` each file's SHA-256.
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
    """Return the folder of exported models: `$CONNECTOR_CACHE`, else one in the user's cache folder."""
    if own := os.environ.get("CONNECTOR_CACHE"):
        return Path(own).expanduser()
    return user_cache_path("hybrid-connector", appauthor=False)


def source_fingerprint(found: ModelFolder) -> str:
    """Return 16 hex digits for a source: its weights, configuration and tokenizer, and the export's version."""
    digest = hashlib.sha256(f"{FORMAT} {found.revision}".encode())
    paths = {path for pattern in _SMALL_FILES for path in found.folder.rglob(pattern)}
    for path in sorted(paths):
        digest.update(f"\0{path.relative_to(found.folder).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def model_folder(found: ModelFolder) -> Path:
    """Return the folder of everything exported from a source."""
    safe = re.sub(r"[^\w.-]+", "--", found.name)
    return cache_folder() / "models" / f"{safe}-{source_fingerprint(found)}"


def is_intact(folder: Path) -> bool:
    """True if a folder contains a complete artefact, unchanged since it was written."""
    manifest = read_manifest(folder)
    if manifest is None or not manifest.files:
        return False
    return all(
        (folder / name).is_file() and sha256_of(folder / name) == wanted for name, wanted in manifest.files.items()
    )


def build_once(folder: Path, make: Callable[[Path], Manifest]) -> Path:
    """Return the folder once it contains its artefact; it is built now if it is missing or damaged.

    One process builds it, others wait; an unfinished one is never visible.

    Args:
        folder: where the artefact belongs.
        make: fills an empty folder, and returns its manifest.

    Raises:
        ModelError: another process has been building it for 15 minutes, or the disk can't be written.
        Exception: whatever `make` raised.
    """
    if is_intact(folder):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f"{folder.name}.lock"), timeout=_LOCK_S):
            if not is_intact(folder):
                _build(folder, make)
    except Timeout as error:
        raise ModelError(
            f"{folder}: another process has been building it for {_LOCK_S // 60} minutes; stop it, or delete "
            f"{error.lock_file}"
        ) from error
    except OSError as error:
        raise ModelError(f"{folder} can't be written: {error}; name another folder in CONNECTOR_CACHE") from error
    return folder


def _build(folder: Path, make: Callable[[Path], Manifest]) -> None:
    for leftover in folder.parent.glob(f".{folder.name}-*"):  # left by a process that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        manifest = make(partial)
        write_manifest(partial, manifest)
        partial.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write a manifest next to an artefact's files, with their hashes."""
    files = {path.name: sha256_of(path) for path in sorted(folder.iterdir()) if path.name != MANIFEST}
    text = json.dumps({**asdict(manifest), "files": files}, indent=2)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> Manifest | None:
    """Return a folder's manifest; None if there is none that can be read."""
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        networks = {name: tuple(inputs) for name, inputs in found.pop("networks").items()}
        return Manifest(**found, networks=networks)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def list_artefacts() -> Iterator[tuple[Path, Manifest]]:
    """Yield each artefact in the cache, of whatever model, with its manifest."""
    for path in sorted((cache_folder() / "models").glob(f"*/*/{MANIFEST}")):
        manifest = read_manifest(path.parent)
        if manifest is not None and not path.parent.name.startswith("."):
            yield path.parent, manifest


def write_tokenizer(tokenizer: TextTokenizer, folder: Path) -> None:
    """Write a tokenizer for `read_tokenizer`."""
    tokenizer.tokenizer.save(str(folder / TOKENIZER))


def read_tokenizer(path: Path, manifest: Manifest) -> TextTokenizer:
    """Return the tokenizer in a file, with an artefact's padding and limit."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return TextTokenizer(tokenizer, tuple(manifest.pads), dict(manifest.pads), manifest.max_tokens)


def write_tables(tables: TokenTables, folder: Path) -> None:
    """Write token tables for `read_tables`."""
    idf, vectors = tables
    idf_path, vectors_path = _tables(folder)
    np.save(idf_path, idf)
    np.save(vectors_path, vectors)


def read_tables(folder: Path) -> Callable[[], TokenTables] | None:
    """Return what reads an artefact's token tables, from disk as they are used; None if it has none."""
    idf, vectors = _tables(folder)
    if not idf.is_file():
        return None
    return lambda: (np.load(idf, mmap_mode="r"), np.load(vectors, mmap_mode="r"))


def _tables(folder: Path) -> tuple[Path, Path]:
    return folder / "token_idf.npy", folder / "token_vectors.npy"
