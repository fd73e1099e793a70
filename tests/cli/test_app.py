"""The command line itself: its version, its help, completion, and `python -m connector`."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version

import pytest

from connector.cli import main


def exit_code(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit_info:
        main(arguments)
    return int(exit_info.value.code or 0)


def run(*arguments: str, **environment: str) -> str:
    command = [sys.executable, "-m", "connector", *arguments]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, encoding="utf-8", env={**os.environ, **environment}
    )
    assert done.returncode == 0
    return done.stdout


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--version") == 0
    assert capsys.readouterr().out == f"connector {version('hybrid-connector')}\n"


def test_python_m_connector_is_the_command() -> None:
    assert run("--version") == f"connector {version('hybrid-connector')}\n"


def test_the_help_has_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--help") == 0
    assert "Exit codes: 0 done; 1 done, with findings" in " ".join(capsys.readouterr().out.split())


def test_without_arguments_the_help_is_shown_and_the_call_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code() == 2
    printed = capsys.readouterr()
    assert "Usage: connector" in printed.out + printed.err


@pytest.mark.parametrize(("words", "completed"), [("connector se", "search"), ("connector search --si", "--size")])
def test_bash_completes_commands_and_options(words: str, completed: str) -> None:
    environment = {"_CONNECTOR_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    assert run(**environment).split() == [completed]
