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
from pathlib import Path

from benchmarks.results import write_section

TITLE = "Size of an installation"
UV = Path(sys.executable).with_name("uv")
LOCK = Path(__file__).parent.parent / "requirements.lock"
EXCLUDED = ("torch", "transformers", "sentence-transformers")
WAYS = {
    "torch as PyPI has it": [],
    "torch for CPUs (`--torch-backend=cpu`)": ["--torch-backend=cpu"],
    "without torch, transformers and sentence-transformers": ["--excludes", "excluded.txt"],
}


def disk_mb(folder: Path) -> float:
    """Return the size of all files in a folder, in MB."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def install(folder: Path, wheel: Path, options: list[str]) -> str:
    """Install a wheel into a new environment; return the end of its row: packages and MB, or why it failed."""
    subprocess.run([UV, "venv", "--quiet", "--clear", "--python", sys.executable, folder / "environment"], check=True)
    (folder / "excluded.txt").write_text("\n".join(EXCLUDED) + "\n", encoding="utf-8")
    python = folder / "environment" / "bin" / "python"
    command: list[str | Path] = [UV, "pip", "install", "--quiet", "--python", python, "--constraint", LOCK]
    done = subprocess.run([*command, *options, wheel], capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode:
        return f"not measured: {done.stderr.strip().splitlines()[-1].strip().removeprefix('cause: ')[:120]} | |"
    packages = len(list((folder / "environment").rglob("site-packages/*.dist-info")))
    return f"{packages} | {disk_mb(folder / 'environment'):,.0f} |"


def main() -> None:
    """Measure and print; write if requested."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the table to benchmarks/RESULTS.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([UV, "build", "--quiet", "--wheel", "--out-dir", folder / "wheel", LOCK.parent], check=True)
        (wheel,) = (folder / "wheel").glob("*.whl")
        rows = [f"| {way} | {install(folder, wheel, list(added))}" for way, added in WAYS.items()]
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
