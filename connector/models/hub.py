"""Models on the Hugging Face hub: read from its cache on disk, or fetched into it; a silent hub is given up on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from connector.errors import ModelNotFoundError

_FILES = ["*.json", "*.txt", "*.model", "*.jinja", "*.safetensors"]
_FILES_OF_OTHER_BACKENDS = ["onnx/*", "openvino/*"]
_ETAG_TIMEOUT_S = 5
SILENT_S = 20.0
"""How long the hub may send nothing: huggingface_hub itself waits for the first responses without a limit."""


def from_cache(repository: str) -> Path | None:
    """Return the cached snapshot of a model, without any request; None if none with weights is cached."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        snapshot = snapshot_download(repository, cache_dir=_cache_folder(), local_files_only=True)
    except LocalEntryNotFoundError:
        return None
    folder = Path(snapshot)
    return folder if any(folder.rglob("*.safetensors")) else None


def from_hub(repository: str, *, looked_in: Path, otherwise: str) -> Path:
    """Return a model's snapshot, fetched into the cache.

    Args:
        repository: the model's full name on the hub.
        looked_in: the folder of that name, which does not exist, for the error.
        otherwise: what to do without a network, for the error.

    Raises:
        ModelNotFoundError: the hub did not provide it, or sent nothing for `SILENT_S`.
    """
    from huggingface_hub import constants, snapshot_download

    def fetch() -> str:
        return snapshot_download(
            repository,
            cache_dir=_cache_folder(),
            allow_patterns=_FILES,
            ignore_patterns=_FILES_OF_OTHER_BACKENDS,
            etag_timeout=_ETAG_TIMEOUT_S,
        )

    place = Path(_cache_folder() or constants.HF_HUB_CACHE).expanduser()
    cached = place / f"models--{repository.replace('/', '--')}"
    try:
        return Path(_unless_silent(fetch, lambda: _bytes_in(cached)))
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelNotFoundError(
            f"model {repository!r} was not found: no folder {looked_in.absolute()}, not in the Hugging Face cache "
            f"({place}), and {constants.ENDPOINT} did not provide it ({type(error).__name__}: {reason}). Check the "
            f"name, or download it on a machine with a network and copy the cache or pass the folder; without a "
            f"network {otherwise}"
        ) from error


def _unless_silent(fetch: Callable[[], str], received: Callable[[], int]) -> str:
    """Return what `fetch` returns, as long as `received` keeps growing.

    Raises:
        TimeoutError: `received` stayed the same for `SILENT_S`.
        Exception: whatever `fetch` raised.
    """
    answer: list[str] = []
    failure: list[BaseException] = []
    is_done = threading.Event()

    def run() -> None:
        try:
            answer.append(fetch())
        except BaseException as error:
            failure.append(error)
        is_done.set()

    # A daemon thread: an unanswered request must not keep the process from exiting.
    threading.Thread(target=run, name="connector-fetch", daemon=True).start()
    before = received()
    while not is_done.wait(SILENT_S):
        if (now := received()) == before:
            raise TimeoutError(f"it sent nothing for {SILENT_S:g} s")
        before = now
    if failure:
        raise failure[0]
    return answer[0]


def _bytes_in(folder: Path) -> int:
    """Return the size of all files in a folder; 0 if there is none."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size
        except OSError:  # renamed in the meantime, as every complete download is
            total += 1
    return total


def _cache_folder() -> str | None:
    return os.environ.get("SENTENCE_TRANSFORMERS_HOME")
