"""Each framework's package is optional: without it the rest works, and its module says what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest

EXTRAS = {"langchain": "langchain_core", "haystack": "haystack", "llama-index": "llama_index"}


@pytest.mark.parametrize("extra", EXTRAS)
def test_without_its_package_a_module_says_what_to_install(extra: str) -> None:
    code = f"""
import sys
sys.modules[{EXTRAS[extra]!r}] = None
from connector import Connector, ConnectorError
try:
    import connector.integrations.{extra.replace("-", "_")}
except ImportError as error:
    assert isinstance(error, ConnectorError)
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert f"pip install 'hybrid-connector[{extra}]'" in said
    assert EXTRAS[extra] in said
