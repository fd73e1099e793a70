"""What is installed and imported: what the wheel holds, what is public, what an import loads."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import connector
from connector.cli.app import app

ROOT = Path(__file__).parent.parent
HEAVY = (
    "torch",
    "transformers",
    "sentence_transformers",
    "scipy",
    "sklearn",
    "nltk",
    "ir_measures",
    "connector.embedded",
)


def test_importing_every_public_name_loads_no_models_and_nothing_that_is_slow_to_load() -> None:
    code = "import json, sys; from connector import *; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT).stdout)
    assert [name for name in HEAVY if name in loaded] == []


def test_all_names_what_is_public_and_no_more() -> None:
    assert set(connector.__all__) == set(connector._MODULES) <= set(dir(connector))
    with pytest.raises(AttributeError, match="no attribute 'Conector'"):
        connector.Conector  # noqa: B018


@pytest.mark.parametrize("name", connector.__all__)
def test_public_name_says_what_it_is(name: str) -> None:
    assert inspect.getdoc(getattr(connector, name))


def _commands(command: Any, path: str = "connector") -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from _commands(inner, f"{path} {name}")


COMMANDS = dict(_commands(get_command(app)))


@pytest.mark.parametrize("path", COMMANDS)
def test_command_has_help_for_itself_and_each_option(path: str) -> None:
    command = COMMANDS[path]
    assert command.help
    own = [
        option for option in command.params if "--help" not in option.opts and "--show-completion" not in option.opts
    ]
    assert [option.name for option in own if not getattr(option, "help", None)] == []
