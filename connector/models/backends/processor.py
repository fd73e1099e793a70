"""This machine's processor, as far as the choice of a backend depends on it."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

_GPU_DEVICES = (Path("/dev/nvidiactl"), Path("/dev/kfd"), Path("/dev/dxg"))
_CPUINFO = Path("/proc/cpuinfo")


@cache
def processor() -> str:
    """Return the processor's name."""
    names = [line.partition(":")[2].strip() for line in _lines() if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def has_gpu() -> bool:
    """True if the kernel has a device of NVIDIA or AMD that torch may use; it is told without importing torch."""
    return any(path.exists() for path in _GPU_DEVICES)


def _lines() -> list[str]:
    try:
        return _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
