"""Files shipped with the package: next to it in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def resource(path: str) -> Path:
    """Return the path of a shipped file or folder, such as `mappings/elasticsearch/hybrid.json`.

    Raises:
        FileNotFoundError: it is not installed.
    """
    for root in (_PACKAGE, _PACKAGE.parent):
        if (root / path).exists():
            return root / path
    raise FileNotFoundError(f"{path} is missing from {_PACKAGE}; install hybrid-connector again")
