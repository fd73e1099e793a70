"""How to install what is missing: pip commands that name the requirements themselves.

They work for a checkout and for an installed wheel, whether or not this package is on an index.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_PACKAGE = "hybrid-connector"


def extra_command(extra: str) -> str:
    """Return the command that installs the requirements of an extra of this package.

    Args:
        extra: the extra's name, such as `parquet`.
    """
    wanted = (each for each in _requirements() if _is_needed(each, extra) and not _is_needed(each, ""))
    return _pip_install(wanted) or f"pip install '{_PACKAGE}[{extra}]'"


def dependency_command(name: str) -> str:
    """Return the command that installs a dependency of this package, with its bounds.

    Args:
        name: the dependency's name on an index, such as `onnxruntime`.
    """
    wanted = (each for each in _requirements() if each.name == name)
    return _pip_install(wanted) or f"pip install {name}"


def _requirements() -> tuple[Requirement, ...]:
    """Return the requirements in this package's metadata; none if it runs from a folder that was never installed."""
    # Errors are rare, and `connector.errors` is imported by everything.
    from importlib.metadata import PackageNotFoundError, requires

    from packaging.requirements import Requirement

    try:
        return tuple(map(Requirement, requires(_PACKAGE) or ()))
    except PackageNotFoundError:
        return ()


def _is_needed(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _pip_install(requirements: Iterable[Requirement]) -> str:
    """Return the command that installs these requirements; an empty one if there are none."""
    named = [shlex.quote(str(each).partition(";")[0].strip()) for each in requirements]
    return " ".join(["pip", "install", *dict.fromkeys(named)]) if named else ""
