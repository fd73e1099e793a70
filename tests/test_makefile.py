"""`make test` runs the tests with both clients, whatever the result of the first."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parent.parent / "Makefile"


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
@pytest.mark.parametrize(("first", "second", "outcome"), [(0, 0, 0), (1, 0, 2), (0, 1, 2), (1, 1, 2)])
def test_both_clients_are_tested_and_either_failure_is_one(
    first: int, second: int, outcome: int, tmp_path: Path
) -> None:
    program = f'#!/bin/sh\necho "run ${{PYTHONPATH:-without}}"\ntest -n "$PYTHONPATH" && exit {second}\nexit {first}\n'
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pytest").write_text(program, "utf-8")
    (tmp_path / "bin" / "pytest").chmod(0o755)
    (tmp_path / "client9").mkdir()
    for made in (tmp_path / "installed", tmp_path / "client9" / ".installed"):
        made.touch()
    settings = [f"BIN={tmp_path}/bin", f"INSTALLED={tmp_path}/installed", f"CLIENT9={tmp_path}/client9"]
    old = ["-o", f"{tmp_path}/installed", "-o", f"{tmp_path}/client9/.installed"]
    command = ["make", "-f", str(MAKEFILE), "test", *settings, *old]
    environment = {"PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert [line for line in done.stdout.splitlines() if line.startswith("run ")] == [
        "run without",
        f"run {tmp_path}/client9",
    ]
    assert done.returncode == outcome
