"""This machine's processor, as far as the choice of a backend depends on it."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


@cache
def processor() -> str:
    """Return the processor's name."""
    names = [line.partition(":")[2].strip() for line in _lines() if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


@cache
def has_vnni() -> bool:
    """True if the processor multiplies 8 bits without saturating, by VNNI or ARM's instructions."""
    flags = {flag for line in _lines() if line.startswith("flags") for flag in line.split()}
    return bool(flags & {"avx512_vnni", "avx_vnni"}) or platform.machine().lower() in ("arm64", "aarch64")


def _lines() -> list[str]:
    try:
        return _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
