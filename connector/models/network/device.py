"""How torch computes on this machine: which device, how many tokens per batch, how many threads."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, nullcontext

import torch

from connector.models.compute_pool import is_pool_thread
from connector.models.once import ForkSafeLock

CPU_TOKEN_BUDGET = 2_048
ACCELERATOR_TOKEN_BUDGET = 16_384

_thread = threading.local()
_setting_threads = ForkSafeLock()


def best_device() -> str:
    """Return torch's name of an accelerator if there is one, else "cpu"."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def token_budget(device: str) -> int:
    """Return how many tokens, padding included, one batch holds on a device ("cpu", "cuda:0", "mps", ...).

    A CPU gains nothing from more than 2,048 (measured); a GPU needs more to be busy.
    """
    return CPU_TOKEN_BUDGET if device.startswith("cpu") else ACCELERATOR_TOKEN_BUDGET


def exclusive_use(device: str) -> AbstractContextManager[None]:
    """Return what every run on a device must hold: a lock for an accelerator, nothing for a CPU."""
    return nullcontext() if device.startswith("cpu") else ForkSafeLock()


def keep_torch_to_one_thread() -> None:
    """Limit torch to one thread on a thread of the compute pool; whatever runs in torch calls this first.

    `torch.set_num_threads` applies to the calling thread and to every thread that first uses torch after it.
    Another thread therefore restores the number for the latter.
    A forked child's pool has new threads, which never wait for OpenMP's other threads: those exist in the parent only.
    """
    if not is_pool_thread() or getattr(_thread, "is_limited", False):
        return
    with _setting_threads:
        elsewhere = torch.get_num_threads()
        torch.set_num_threads(1)
        restore = threading.Thread(target=torch.set_num_threads, args=(elsewhere,))
        restore.start()
        restore.join()
    _thread.is_limited = True
