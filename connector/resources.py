"""Files that travel with the package: beside the code in a checkout, inside the package in a wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def resource(path: str) -> Path:
    """Return the place of a shipped file or folder, as `mappings/elasticsearch/hybrid.json`.

    Raises:
        FileNotFoundError: the installation lacks it.
    """
    for root in (_PACKAGE, _PACKAGE.parent):
        if (root / path).exists():
            return root / path
    raise FileNotFoundError(f"{path} is missing beside {_PACKAGE}; install hybrid-connector again")
