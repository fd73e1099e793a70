"""Find a JDK that can run a node: in JAVA_HOME, then /usr/lib/jvm, then PATH."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.nodes.protocol import NodeUnavailableError


def find_jdk(least: int) -> Path:
    """Return the home of the first JDK, compiler included, of at least this version.

    Raises:
        NodeUnavailableError: none is new enough.
    """
    found = []
    for home in _homes():
        if (home / "bin" / "javac").exists():
            version = _version(home)
            if version >= least:
                return home
            found.append(str(version))
    seen = f" (found: {', '.join(found)})" if found else ""
    raise NodeUnavailableError(f"no JDK {least} or later in JAVA_HOME, /usr/lib/jvm or PATH{seen}")


def _homes() -> Iterator[Path]:
    if os.environ.get("JAVA_HOME"):
        yield Path(os.environ["JAVA_HOME"])
    installed = Path("/usr/lib/jvm")
    if installed.is_dir():
        yield from sorted({home.resolve() for home in installed.iterdir()})
    javac = shutil.which("javac")
    if javac is not None:
        yield Path(javac).resolve().parents[1]


def _version(home: Path) -> int:
    told = subprocess.run([home / "bin" / "java", "-version"], capture_output=True, text=True, check=False).stderr
    match = re.search(r'version "(\d+)', told)
    return int(match[1]) if match else 0
