"""Every example of README, docs/ and the public docstrings runs unchanged, and every link has its target.

A block that names http://localhost:9200 runs on each engine in that address's place, and finds indices `books` and
`library` there that were made without this package. A block that needs a package of the group `bench` runs where that
is installed.
"""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from langchain_core.embeddings import Embeddings

import connector
from connector import connect, load_encoder
from tests.conftest import EngineUnderTest, embedded_engine

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
CLUSTER = '"http://localhost:9200"'
BOOKS = [
    {"title": "Moby-Dick", "summary": "A captain hunts the white whale that took his leg.", "year": 1851},
    {"title": "Emma", "summary": "A young woman makes matches for everyone but herself.", "year": 1815},
    {"title": "Dracula", "summary": "A count leaves his castle for London and is hunted there.", "year": 1897},
    {"title": "Whale Song", "summary": "Two biologists listen to whales in the Pacific.", "year": 1987},
]


@dataclass(frozen=True)
class Block:
    """A Python block of a page: where it begins, and its code."""

    page: Path
    line: int
    code: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def _blocks() -> list[Block]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            found.append(Block(page, text[: match.start()].count("\n") + 2, match[1]))
    return found


BLOCKS = _blocks()
IN_GROUP_BENCH = ("langchain_elasticsearch",)


def _run(block: Block, code: str, **names: Any) -> dict[str, Any]:
    """Run a block as a module, with the page's line numbers."""
    namespace: dict[str, Any] = {"__name__": "__example__", **names}
    exec(compile("\n" * (block.line - 1) + code, str(block.page), "exec"), namespace)
    return namespace


def _title_of_first(namespace: dict[str, Any]) -> str:
    """What a block found first: a response's hit, or a framework's document, none of them short of its rerank."""
    if "response" in namespace:
        assert namespace["response"]["_hybrid"]["degraded"] is None
        return str(namespace["response"]["hits"]["hits"][0]["_source"]["title"])
    document = namespace["documents"][0]
    metadata = document.meta if hasattr(document, "meta") else document.metadata
    assert metadata.get("_hybrid", {}).get("degraded") is None
    return str(metadata["title"])


def _close(namespace: dict[str, Any]) -> None:
    for value in namespace.values():
        client = getattr(value, "client", value)
        if isinstance(client, Elasticsearch):
            client.close()


@pytest.fixture
def books(es: Elasticsearch, fresh_index: str) -> str:
    """An index that the connector did not create: text and a year, no vectors, no `_meta`."""
    text = {"type": "text"}
    fields = {"title": text, "summary": text, "year": {"type": "integer"}}
    es.indices.create(index=fresh_index, mappings={"properties": fields})
    for number, book in enumerate(BOOKS):
        es.index(index=fresh_index, id=str(number), document=book)
    es.indices.refresh(index=fresh_index)
    return fresh_index


@pytest.fixture
def library(es: Elasticsearch, fresh_index: str) -> Iterator[str]:
    """An index as LangChain's ElasticsearchStore writes it: `text`, `metadata`, and the vectors of `Embedded`."""
    name = f"{fresh_index}-library"
    vector = {"type": "dense_vector", "dims": 384, "index": True, "similarity": "cosine"}
    es.indices.create(index=name, mappings={"properties": {"text": {"type": "text"}, "vector": vector}})
    texts = [str(book["summary"]) for book in BOOKS]
    for book, text, row in zip(BOOKS, texts, Embedded().embed_documents(texts), strict=True):
        es.index(index=name, document={"text": text, "metadata": {"title": book["title"]}, "vector": row})
    es.indices.refresh(index=name)
    yield name
    es.indices.delete(index=name)


class Embedded(Embeddings):
    """LangChain's embeddings by the bundled encoder."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        rows: list[list[float]] = load_encoder().encode(texts).tolist()
        return rows

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


@pytest.mark.parametrize("block", [block for block in BLOCKS if CLUSTER not in block.code], ids=str)
def test_example_without_a_cluster_runs(block: Block) -> None:
    namespace = _run(block, block.code)
    _close(namespace)
    assert namespace["response"]["hits"]["hits"]


@pytest.mark.filterwarnings("ignore:index .* (has no vector field|does not say which encoder):UserWarning")
@pytest.mark.parametrize("block", [block for block in BLOCKS if CLUSTER in block.code], ids=str)
def test_example_with_a_cluster_runs(block: Block, engine: EngineUnderTest, request: pytest.FixtureRequest) -> None:
    for package in IN_GROUP_BENCH:
        if package in block.code and importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed: it is in the group bench")
    code = block.code
    for index in ("books", "library"):
        if f'"{index}"' in code:
            code = code.replace(f'"{index}"', f'"{request.getfixturevalue(index)}"')
    code = code.replace(CLUSTER, f'"{engine.url}", **engine_options')
    namespace = _run(block, code, engine_options=engine.sync_options, embeddings=Embedded())
    _close(namespace)
    assert _title_of_first(namespace) == "Moby-Dick"


def test_readme_shows_the_three_ways_in() -> None:
    readme = [block for block in BLOCKS if block.page.name == "README.md"]
    assert len(readme) == 3
    assert sum(CLUSTER in block.code for block in readme) == 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|mailto:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_that_a_page_names_exist(page: Path) -> None:
    named = re.findall(
        r"`((?:connector|tests|docs|mappings|examples|benchmarks|training)/[\w./-]*)`", page.read_text("utf-8")
    )
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_make_targets_that_a_page_names_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = re.findall(r"(?:^ {4}|`|9200 )make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert [name for name in named if name not in targets] == []


PUBLIC_PACKAGES = ("connector", "connector.models", "connector.reindexing")
INTEGRATIONS = ("langchain", "haystack", "llama_index")
NODES = {
    "HybridOpenSearch": "opensearch_url",
    "AsyncHybridOpenSearch": "opensearch_url",
    "rollback": "elasticsearch8_url",
    "arollback": "elasticsearch8_url",
    "RollbackReport": "elasticsearch8_url",
}
"""The fixture of the node for examples that can't run on the embedded engine: it has no aliases."""


def _public_names() -> Iterator[Any]:
    """Each public function and class, with the name that people import."""
    seen: set[int] = set()
    integrations = [f"connector.integrations.{name}" for name in INTEGRATIONS]
    for package in (*PUBLIC_PACKAGES, *integrations):
        module = importlib.import_module(package)
        names = getattr(module, "__all__", None) or [
            name for name, value in vars(module).items() if getattr(value, "__module__", None) == package
        ]
        for name in sorted(name for name in names if not name.startswith("_")):
            value = getattr(module, name)
            if isinstance(value, type | FunctionType) and id(value) not in seen:
                seen.add(id(value))
                yield pytest.param(value, id=f"{package}.{name}", marks=pytest.mark.node if name in NODES else ())


@pytest.mark.parametrize("public", list(_public_names()))
def test_example_of_a_docstring_runs(
    public: type | FunctionType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONNECTOR_STATE", str(tmp_path))
    name = public.__name__
    engine = EngineUnderTest("node", request.getfixturevalue(NODES[name])) if name in NODES else embedded_engine()
    (example,) = doctest.DocTestFinder(recurse=False).find(public, name, globs={})
    options = engine.async_options if name.startswith("Async") else engine.sync_options
    for step in example.examples:
        step.source = step.source.replace(CLUSTER, f'"{engine.url}", **client_options')
    example.globs["client_options"] = options
    report: list[str] = []
    results = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=report.append, clear_globs=False)
    _close(example.globs)
    if name in NODES:
        with connect(engine.url) as client:
            for index in client.indices.get(index="example-books*"):
                client.indices.delete(index=index)
    assert "Examples:" in str(public.__doc__)
    assert results.attempted > 0
    assert results.failed == 0, "".join(report)


def test_api_reference_describes_every_public_name(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True)
    described = set(
        re.findall(r'id="connector\.[\w.]*?(\w+)"', (tmp_path / "reference" / "index.html").read_text("utf-8"))
    )
    assert set(connector.__all__) - described == set()
