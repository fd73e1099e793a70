"""How much disk an installed wheel takes, with torch as PyPI has it, with torch for CPUs, and without torch.

python -m benchmarks.install_size            prints the table
python -m benchmarks.install_size --write    also writes it to benchmarks/RESULTS.md

Each is a new environment with the versions of requirements.lock and no extras; it needs the package index.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.results import write_section

TITLE = "Size of an installation"
UV = Path(sys.executable).with_name("uv")
LOCK = Path(__file__).parent.parent / "requirements.lock"
EXCLUDED = ("torch", "transformers", "sentence-transformers")


def disk_mb(folder: Path) -> float:
    """Return the size of all files in a folder, in MB."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


class InstallError(Exception):
    """A wheel can't be installed; the message is the last line of uv's errors."""


def build_wheel(folder: Path) -> Path:
    """Return the wheel of this tree, built in a folder."""
    subprocess.run([UV, "build", "--quiet", "--wheel", "--out-dir", folder, LOCK.parent], check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def install_wheel(wheel: Path, environment: Path, options: Sequence[str] = ()) -> Path:
    """Install a wheel without extras into a new environment, in the versions of requirements.lock.

    Returns:
        The environment's interpreter.

    Raises:
        InstallError: it can't be installed.
    """
    subprocess.run([UV, "venv", "--quiet", "--clear", "--python", sys.executable, environment], check=True)
    python = environment / "bin" / "python"
    command: list[str | Path] = [UV, "pip", "install", "--quiet", "--python", python, "--constraint", LOCK]
    done = subprocess.run([*command, *options, wheel], capture_output=True, text=True, check=False)
    if done.returncode:
        raise InstallError(done.stderr.strip().splitlines()[-1].strip().removeprefix("cause: ")[:120])
    return python


def measured(wheel: Path, environment: Path, options: Sequence[str]) -> str:
    """Return the end of a row: the packages and MB of a new environment, or why it can't be made."""
    try:
        install_wheel(wheel, environment, options)
    except InstallError as error:
        return f"not measured: {error} | |"
    packages = len(list(environment.rglob("site-packages/*.dist-info")))
    return f"{packages} | {disk_mb(environment):,.0f} |"


def main() -> None:
    """Measure and print; write if requested."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the table to benchmarks/RESULTS.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        wheel = build_wheel(Path(name) / "wheel")
        excluded = Path(name) / "excluded.txt"
        excluded.write_text("\n".join(EXCLUDED) + "\n", encoding="utf-8")
        ways = {
            "torch as PyPI has it": [],
            "torch for CPUs (`--torch-backend=cpu`)": ["--torch-backend=cpu"],
            "without torch, transformers and sentence-transformers": ["--excludes", str(excluded)],
        }
        environment = Path(name) / "environment"
        rows = [f"| {way} | {measured(wheel, environment, added)}" for way, added in ways.items()]
        wheel_mb = wheel.stat().st_size / 1e6
    text = f"""`python -m benchmarks.install_size --write` on {platform.system()} {platform.machine()}, Python
{platform.python_version()}, with the versions of requirements.lock and no extras; the wheel has {wheel_mb:.0f} MB.

| environment | packages | MB on disk |
| --- | --- | --- |
{chr(10).join(rows)}
"""
    print(text)
    if options.write:
        write_section(TITLE, text)


if __name__ == "__main__":
    main()
