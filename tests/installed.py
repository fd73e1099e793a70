"""An environment that holds an installed wheel and the dependencies it declares, made in seconds and with no network.

The dependencies are links to the packages of the environment that runs the tests: only those that the wheel's own
requirements lead to, so that importing an undeclared one fails.
Every process in it fails if it imports torch or what is built on it, or asks for the network.
"""

from __future__ import annotations

import email
import importlib.metadata
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

UV = str(Path(sys.executable).with_name("uv")) if Path(sys.executable).with_name("uv").exists() else "uv"
_RESTRICTIONS = '''
import socket
import sys
from importlib.machinery import ModuleSpec

class Unwanted:
    """Finds the packages that the default models do without, and fails to load them."""

    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self) if name in ("torch", "transformers", "sentence_transformers") else None

    def create_module(self, spec):
        raise AssertionError(f"{spec.name} was imported")

    def exec_module(self, module):
        """Never called."""

def refuse(*arguments, **_):
    raise AssertionError(f"the network was asked for: {arguments}")

sys.meta_path.insert(0, Unwanted())
socket.getaddrinfo = socket.create_connection = refuse
'''


@dataclass(frozen=True)
class Installed:
    """An environment with an installed wheel."""

    folder: Path

    @property
    def python(self) -> Path:
        """The interpreter."""
        return self.folder / "bin" / "python"

    def run(self, *command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment, with an empty home directory and none of our variables."""
        environment = {"PATH": os.defpath, "HOME": str(cwd / "home"), "COLUMNS": "200", "LC_ALL": "C.UTF-8"}
        program = [str(self.folder / "bin" / command[0]), *command[1:]]
        return subprocess.run(program, capture_output=True, text=True, check=False, cwd=cwd, env=environment)


def install(wheel: Path, folder: Path) -> Installed:
    """Return a new environment in a folder with the wheel, no extras, and the dependencies that it declares."""
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    installed = Installed(folder)
    command: list[str | Path] = [UV, "pip", "install", "--quiet", "--offline", "--no-deps", "--python"]
    subprocess.run([*command, installed.python, wheel], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for distribution in _needed(requirements_of(wheel)):
        _link(distribution, packages)
    (packages / "restrictions.py").write_text(_RESTRICTIONS, "utf-8")
    (packages / "restrictions.pth").write_text("import restrictions\n", "utf-8")
    return installed


def requirements_of(wheel: Path) -> list[Requirement]:
    """Return what a wheel declares that it needs, also for its extras."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return [Requirement(each) for each in email.message_from_bytes(archive.read(name)).get_all("Requires-Dist", [])]


def _needed(requirements: Iterable[Requirement]) -> list[importlib.metadata.Distribution]:
    """Return the installed distributions that requirements lead to; one that is missing here stays missing there."""
    found: dict[tuple[str, str], importlib.metadata.Distribution] = {}
    left = [(each, "") for each in requirements]
    while left:
        requirement, extra = left.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        for wanted in ("", *requirement.extras):
            key = (requirement.name.lower(), wanted)
            if key not in found:
                try:
                    found[key] = importlib.metadata.distribution(requirement.name)
                except importlib.metadata.PackageNotFoundError:
                    continue
                left += [(Requirement(each), wanted) for each in found[key].requires or ()]
    return list(found.values())


def _link(distribution: importlib.metadata.Distribution, packages: Path) -> None:
    """Link a distribution's packages; folders that several distributions share are made, and their content linked."""
    home = Path(str(distribution.locate_file("")))
    for parts in sorted({_own_part(file.parts, home) for file in distribution.files or () if file.parts[0] != ".."}):
        target = packages.joinpath(*parts)
        target.parent.mkdir(exist_ok=True)
        if parts[0].endswith(".dist-info"):  # uv does not see a linked one
            shutil.copytree(home.joinpath(*parts), target, dirs_exist_ok=True)
        elif not target.exists():
            target.symlink_to(home.joinpath(*parts))


def _own_part(parts: Sequence[str], home: Path) -> tuple[str, ...]:
    """Return the part of a file's path that belongs to one distribution: its package, also in a namespace."""
    top = home / parts[0]
    is_namespace = top.is_dir() and not (top / "__init__.py").exists() and top.suffix not in (".dist-info", ".libs")
    return tuple(parts[: 2 if is_namespace else 1])
