"""benchmarks/RESULTS.md: one section per benchmark, each written by the benchmark itself."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

RESULTS = Path(__file__).parent / "RESULTS.md"
_TITLE = "# Results\n\nEach section is written by the command it names, with figures from the machine it names.\n"


def machine() -> str:
    """Return the machine a figure was measured on: processor, cores, Python, load."""
    cpu = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", cpu.read_text()) if cpu.exists() else None
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    name = found[1] if found else platform.processor()
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}, load {load:.1f}"


def write_section(title: str, text: str) -> None:
    """Write a section to RESULTS.md, replacing one of the same title."""
    before = RESULTS.read_text("utf-8") if RESULTS.exists() else _TITLE
    section = f"\n## {title}\n\n{text.strip()}\n"
    pattern = re.compile(rf"\n## {re.escape(title)}\n.*?(?=\n## |\Z)", re.DOTALL)
    replaced, count = pattern.subn(lambda _: section, before)
    RESULTS.write_text(replaced if count else before + section, "utf-8")
