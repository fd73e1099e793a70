"""Each framework's package is optional: without it the rest works, and its module says what to install."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

EXTRAS = {"langchain": "langchain_core", "haystack": "haystack", "llama-index": "llama_index"}
REQUIREMENTS = {"langchain": "langchain-core>=", "haystack": "haystack-ai>=", "llama-index": "llama-index-core>="}


@pytest.fixture(scope="module")
def errors() -> dict[str, str]:
    """What importing each module raises in a process where no framework is installed."""
    code = f"""
import importlib, json, sys
sys.modules.update(dict.fromkeys({list(EXTRAS.values())!r}))
from connector import Connector, ConnectorError
errors = {{}}
for extra in {list(EXTRAS)!r}:
    try:
        importlib.import_module("connector.integrations." + extra.replace("-", "_"))
    except ImportError as error:
        assert isinstance(error, ConnectorError)
        errors[extra] = str(error)
print(json.dumps(errors))
"""
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    raised: dict[str, str] = json.loads(printed)
    return raised


@pytest.mark.parametrize("extra", EXTRAS)
def test_without_its_package_a_module_says_what_to_install(extra: str, errors: dict[str, str]) -> None:
    said = errors[extra]
    assert said.startswith(EXTRAS[extra])
    assert f" is not installed (extra '{extra}'): pip install '{REQUIREMENTS[extra]}" in said
